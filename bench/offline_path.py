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
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onward.actions.registry import all_actions
from onward.engine.engine import Engine
from onward.engine.runs import list_runs
from onward.hosts.state import Directories, default_directories
from onward.plan.plan import Plan
from onward.survey.options import EnvironmentWish
from onward.survey.rehearsal import RehearsalRequest, survey_rehearsal

BEFORE_THE_OUTAGE = ("environment.build", "scratch.create", "service.configure", "runner.warm", "identity.seed")


def demo_database(directories: Directories, source: str, target: str, size: str) -> tuple[Path, Plan, dict[str, str]]:
    """Make a cloud at the source series; return its run's directory, its plan, and each series' interpreter."""
    request = RehearsalRequest(
        demo=True,
        dump=None,
        copy_of=None,
        cloud_file=Path("cloud.yaml"),
        service="keystone",
        source=source,
        target=target,
        slurp=False,
        scratch="auto",
        size="small" if size == "small" else "demo",
        keep=True,
        environments=EnvironmentWish("as-of-release", 2),
    )
    plan = survey_rehearsal(directories, request)
    steps = tuple(step for step in plan.steps if step.action in BEFORE_THE_OUTAGE)
    shortened = plan.model_copy(update={"steps": steps}).sealed()
    engine = Engine(directories, all_actions(directories))
    record = engine.execute(engine.create(shortened))
    assert record.status == "done", record.failures
    pythons = {series: str((record.step(f"environment/{series}").evidence or {})["python"]) for series in plan.path}
    return directories.workspace(record.run_id), plan, pythons


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


def by_onward(configuration: Path, directory: Path, cache: Path, target: str) -> float:
    state = directory / "state"
    common = ["--state-dir", str(state), "--cache-dir", str(cache)]
    cloud, plan = str(directory / "cloud.yaml"), directory / "plan.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def call(*words: str) -> None:
        argv = [sys.executable, "-m", "onward.commands.main", *common, *words]
        subprocess.run(argv, check=True, **quiet)  # type: ignore[call-overload]

    call("init", "--from-config", str(configuration), "--name", "bench", "--series", "2023.1", "-o", cloud)
    call("plan", "upgrade", "--cloud", cloud, "--to", target, "-o", str(plan))
    digest = json.loads(plan.read_text())["digest"]
    call("apply", str(plan), "--cloud", cloud, "--approve", digest)
    record = list_runs(Directories(state, cache))[-1]
    outage = [step for step in record.steps if step.step.phase == "outage"]
    return max(step.finished or 0 for step in outage) - min(step.started or 0 for step in outage)


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
    }


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
        workspace, plan, pythons = demo_database(directories, words.source, words.target, words.size)
        script, onwards = [], []
        for pair in range(words.pairs):
            for way in ("script", "onward"):
                directory = root / f"{way}-{pair}"
                directory.mkdir()
                configuration = copy_of(workspace, directory)
                if way == "script":
                    script.append(by_script(configuration, [pythons[each] for each in plan.path[1:]], directory))
                else:
                    onwards.append(by_onward(configuration, directory, cache, words.target))
                shutil.rmtree(directory)
    ratios = [left / right for left, right in zip(script, onwards, strict=True)]
    print(
        json.dumps(
            {
                "bench": "offline_path",
                "path": plan.path,
                "pairs": words.pairs,
                "cores": os.cpu_count(),
                "script_seconds": spread(script),
                "onward_outage_seconds": spread(onwards),
                "ratio": spread(ratios),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
