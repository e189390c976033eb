"""How long Keystone is offline on its way forward: Onward against the documented commands in a shell script.

    uv run python bench/offline_path.py [--pairs 5] [--size demo] [--from 2023.1] [--to 2026.2]

One demonstration database is made; each run gets a copy of it. The two ways take turns (A B A B ...), so that a slow
moment of the machine touches both. The shell script is what the upgrade guide says: `keystone-manage db_sync` of each
release in turn, in environments that were built before. Onward's time is the whole outage of `onward apply`: the gate,
the backup and its verification, both censuses, all migrations and their verification, and the engine between them.
Prints one JSON document; ``ratio`` is script / Onward, pair by pair.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from material.source_cloud import make_cloud
from material.spread import spread
from onward.engine.record import RunRecord
from onward.engine.runs import list_runs
from onward.hosts.state import Directories, default_directories


def copy_of(workspace: Path, directory: Path) -> Path:
    """A copy of the database with a configuration of its own; returns the configuration."""
    shutil.copytree(workspace / "etc", directory / "etc")
    database = next((workspace / "scratch").glob("*.sqlite"))
    shutil.copy(database, directory / database.name)
    configuration = directory / "etc" / "keystone" / "keystone.conf"
    text = configuration.read_text().replace(str(database), str(directory / database.name))
    configuration.write_text(text.replace(str(workspace / "etc"), str(directory / "etc")))
    return configuration


def by_script(configuration: Path, pythons: list[str], directory: Path) -> float:
    script = directory / "upgrade.sh"
    lines = [f"{Path(python).parent}/keystone-manage --config-file {configuration} db_sync" for python in pythons]
    script.write_text("set -eu\n" + "\n".join(lines) + "\n")
    began = time.perf_counter()
    subprocess.run(["sh", str(script)], check=True, capture_output=True)
    return time.perf_counter() - began


def by_onward(configuration: Path, directory: Path, cache: Path, source: str, target: str) -> RunRecord:
    state = directory / "state"
    common = ["--state-dir", str(state), "--cache-dir", str(cache)]
    cloud, plan = str(directory / "cloud.yaml"), directory / "plan.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def call(*words: str) -> None:
        argv = [sys.executable, "-m", "onward.commands.main", *common, *words]
        subprocess.run(argv, check=True, **quiet)  # type: ignore[call-overload]

    call("init", "--from-config", str(configuration), "--name", "bench", "--series", source, "-o", cloud)
    with Path(cloud).open("a") as file:
        file.write("infrastructure: {identity: {ask: false}}\n")  # No API is up.
    call("plan", "upgrade", "--cloud", cloud, "--to", target, "-o", str(plan))
    digest = json.loads(plan.read_text())["digest"]
    call("apply", str(plan), "--cloud", cloud, "--approve", digest)
    return list_runs(Directories(state, cache))[-1]


def outage(record: RunRecord) -> dict[str, float]:
    """Seconds of the whole outage, of its steps by kind, and of what lies between them."""
    steps = [step for step in record.steps if step.step.phase == "outage"]
    whole = max(step.finished or 0 for step in steps) - min(step.started or 0 for step in steps)
    found: dict[str, float] = {}
    for step in steps:
        found[step.step.action] = found.get(step.step.action, 0.0) + (step.seconds or 0.0)
    return {"outage": whole, **found}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--size", default="demo")
    parser.add_argument("--from", dest="source", default="2023.1")
    parser.add_argument("--to", dest="target", default="2026.2")
    words = parser.parse_args()
    cache = default_directories().cache
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as name:
        root = Path(name)
        directories = Directories(root / "state", cache).prepared()
        cloud = make_cloud(directories, words.source, words.target, size=words.size, environments=True)
        pythons = [str((cloud.record.step(f"environment/{each}").evidence or {})["python"]) for each in cloud.plan.path]
        script, onwards = [], []
        for pair in range(words.pairs):
            for way in ("script", "onward"):
                directory = root / f"{way}-{pair}"
                directory.mkdir()
                configuration = copy_of(cloud.workspace, directory)
                if way == "script":
                    script.append(by_script(configuration, pythons[1:], directory))
                else:
                    record = by_onward(configuration, directory, cache, words.source, words.target)
                    onwards.append(outage(record))
                shutil.rmtree(directory)
                print(f"pair {pair}: {way} {(script if way == 'script' else onwards)[-1]}", file=sys.stderr, flush=True)
    whole = [each["outage"] for each in onwards]
    ratios = [left / right for left, right in zip(script, whole, strict=True)]
    print(
        json.dumps(
            {
                "bench": "offline_path",
                "path": cloud.plan.path,
                "pairs": words.pairs,
                "cores": os.cpu_count(),
                "script_seconds": spread(script),
                "onward_outage_seconds": spread(whole),
                "onward_by_step_seconds": {
                    kind: spread([each[kind] for each in onwards]) for kind in onwards[0] if kind != "outage"
                },
                "ratio": spread(ratios),
                "load_1m": round(os.getloadavg()[0], 1),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
