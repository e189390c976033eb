"""Three services of a model taken to the next release while they are called: how many calls fail, how long it takes.

Keystone, Placement and Glance, two units of each behind HAProxy, are deployed at 2025.1 and taken to 2025.2 by
`onward plan upgrade --rolling` and `onward apply`. Meanwhile callers ask each API through HAProxy, each as fast as it
is answered, with one token from before; none tries again.

    .venv/bin/python bench/rolling.py [--callers N] [--directory DIRECTORY] [--keep]
"""

import argparse
import time
from functools import partial

from material.operated_model import OperatedModel, add_model_options, digest_in, operated
from material.rolled_services import BUNDLE, SERVICES
from material.steady_callers import Calls, calling, some_calls, token_of

MODEL, SOURCE, TARGET = "rolled", "2025.1", "2025.2"


def main() -> None:
    """Deploy, take it forward, print, destroy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=2, help="of each API (default: %(default)s)")
    add_model_options(parser)
    wish = parser.parse_args()
    with operated(partial(OperatedModel, MODEL), wish) as model:
        bundle = model.directory / "bundle.yaml"
        bundle.write_text(BUNDLE.format(channel=SOURCE), encoding="utf-8")
        model.onward("deploy", bundle)
        measure(model, wish.callers)


def measure(model: OperatedModel, callers: int) -> None:
    """Take it forward under load, and print what the callers saw."""
    plan = model.directory / "plan.json"
    shown = model.onward("plan", "upgrade", "--model", MODEL, "--to", TARGET, "--rolling", "-o", plan)
    address, token = token_of(model.store)
    began = time.monotonic()
    with calling(token, some_calls(address), each=callers) as seen:
        model.onward("apply", plan, "--approve", digest_in(shown))
    show(seen, time.monotonic() - began, model)


def show(seen: dict[str, Calls], seconds: float, model: OperatedModel) -> None:
    """The table of the APIs, and that of the steps."""
    print("| API | calls | failed | slowest, s |\n|---|--:|--:|--:|")
    for name, each in seen.items():
        calls = each.good + len(each.failed)
        print(f"| {name} | {calls:,} | {len(each.failed)} | {each.slowest_seconds:.1f} |")
        for failed in dict.fromkeys(each.failed):
            print(f"  {failed}")
    runs = model.told("runs", "list")
    steps = model.told("runs", "show", max(str(each["Run"]) for each in runs))
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
