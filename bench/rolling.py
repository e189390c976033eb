"""Three services of a model taken to the next release while they are called: how many calls fail, how long it takes.

Keystone, Placement and Glance, two units of each behind HAProxy, are deployed at 2025.1 and taken to 2025.2 by
`onward plan upgrade --rolling` and `onward apply`. Meanwhile callers ask each API through HAProxy, each as fast as it
is answered, with one token from before; none tries again.

    .venv/bin/python bench/rolling.py [--callers N] [--directory DIRECTORY]
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from material.rolled_services import BUNDLE, SERVICES
from material.steady_callers import Calls, calling, some_calls, token_of
from onward.hosts.model_store import ModelStore

MODEL, SOURCE, TARGET = "rolled", "2025.1", "2025.2"


def onward(state: Path, *words: str | Path) -> str:
    """What a command prints; ends the bench where it fails."""
    argv = [sys.executable, "-m", "onward.commands.main", "--state-dir", str(state), *map(str, words)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def digest_in(text: str) -> str:
    """The last digest that is named."""
    return str(re.findall(r"sha256:[0-9a-f]{64}", text)[-1])


def main() -> None:
    """Deploy, take it forward, print, destroy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=2, help="of each API (default: %(default)s)")
    parser.add_argument("--directory", type=Path, help="where the model is; removed afterwards (default: a new one)")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onward-rolling-", dir=wish.directory) as directory:
        state, bundle, plan = (Path(directory) / name for name in ("state", "bundle.yaml", "plan.json"))
        bundle.write_text(BUNDLE.format(channel=SOURCE), encoding="utf-8")
        onward(state, "deploy", bundle)
        try:
            measure(state, plan, wish.callers)
        finally:
            onward(state, "destroy", MODEL, "--approve", digest_in(onward(state, "destroy", MODEL, "--dry-run")))


def measure(state: Path, plan: Path, callers: int) -> None:
    """Take it forward under load, and print what the callers saw."""
    shown = onward(state, "plan", "upgrade", "--model", MODEL, "--to", TARGET, "--rolling", "-o", plan)
    address, token = token_of(ModelStore(state / "models" / MODEL))
    began = time.monotonic()
    with calling(token, some_calls(address), each=callers) as seen:
        onward(state, "apply", plan, "--approve", digest_in(shown))
    show(seen, time.monotonic() - began, state)


def show(seen: dict[str, Calls], seconds: float, state: Path) -> None:
    """The table of the APIs, and that of the steps."""
    print("| API | calls | failed | slowest, s |\n|---|--:|--:|--:|")
    for name, each in seen.items():
        calls = each.good + len(each.failed)
        print(f"| {name} | {calls:,} | {len(each.failed)} | {each.slowest_seconds:.1f} |")
        for failed in dict.fromkeys(each.failed):
            print(f"  {failed}")
    runs = json.loads(onward(state, "runs", "list", "-f", "json"))
    steps = json.loads(onward(state, "runs", "show", max(str(each["Run"]) for each in runs), "-f", "json"))
    took = {str(each["Step"]): float(each["Seconds"] or 0) for each in steps}
    print(f"\nwhole run {seconds:.0f} s; gate {took['gate']:.0f} s\n")
    print("| service | backup and expand, s | each unit, s | migrate and contract, s |\n|---|--:|--:|--:|")
    for service in SERVICES:
        before = took[f"backup/{service}"] + took[f"expand/{service}/{TARGET}"]
        after = took.get(f"migrate/{service}/{TARGET}", 0.0) + took[f"contract/{service}/{TARGET}"]
        units = ", ".join(f"{took[f'roll/{TARGET}/{service}/{number}']:.1f}" for number in (0, 1))
        print(f"| {service} | {before:.1f} | {units} | {after:.1f} |")


if __name__ == "__main__":
    main()
