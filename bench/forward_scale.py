"""What a fast-forward of a deployed model costs that has 10, 100, 1,000 and 10,000 units: planned, saved and journaled.

    .venv/bin/python bench/forward_scale.py [UNITS...]

Keystone and Nova go from 2025.1 through 2025.2 to 2026.1, in the model of examples/all-services.yaml; the units are
Nova's computes, in five applications. The plan is that of ``onward plan upgrade``; its actions do nothing, so
that what is measured is the engine, with a journal on the disk. Each size has a process of its own. Prints one JSON
document; ``ratio`` is the time per unit against the size before.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "packages/onward/tests/deployment"))

from bundles import EVERYTHING
from test_forward import moving

from onward.engine.action import StepContext
from onward.engine.engine import Engine
from onward.hosts.state import Directories
from onward.plan.deployment.planner import plan_deployment
from onward.plan.plan import Plan, parse
from onward.survey.collector import collector_paused

SIZES = (10, 100, 1_000, 10_000)
COMPUTES = "  nova-compute: {channel: *release, num_units: 2}\n"
APPLICATIONS = 5
MEASURED = ("plan_seconds", "save_and_read_seconds", "run_seconds")


class Simulated:
    """An action that does nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, context: StepContext) -> dict[str, Any]:
        """Leave the least evidence."""
        return {"step": context.step.id}


def bundle(units: int) -> str:
    """The example with so many computes; the applications beside the first are related as that one is."""
    each, more = divmod(units, APPLICATIONS)
    names = ["nova-compute", *(f"nova-compute-{letter}" for letter in "bcde")]
    lines = [
        f"  {name}: {{charm: nova-compute, channel: *release, num_units: {each + (more if name == names[0] else 0)}}}\n"
        for name in names
    ]
    assert COMPUTES in EVERYTHING
    text = EVERYTHING.replace(COMPUTES, "".join(lines))
    for line in EVERYTHING.splitlines(keepends=True):
        if line.startswith("  - [nova-compute, "):
            text += "".join(line.replace("nova-compute,", f"{name},") for name in names[1:])
    return text


def planned(units: int) -> tuple[Plan, dict[str, float]]:
    """The plan, and what it took."""
    wish = moving("keystone", "nova", bundle=bundle(units))
    with collector_paused():
        began = time.perf_counter()
        plan = plan_deployment(wish).sealed()
        made = time.perf_counter()
        text = plan.to_json()
        assert parse(text) == plan
        read = time.perf_counter()
    return plan, {"plan_seconds": made - began, "save_and_read_seconds": read - made, "plan_mb": len(text) / 1e6}


def measure(units: int) -> dict[str, float]:
    """One size."""
    plan, found = planned(units)
    with tempfile.TemporaryDirectory() as directory:
        directories = Directories(Path(directory) / "state", Path(directory) / "cache")
        engine = Engine(directories, {name: Simulated(name) for name in {step.action for step in plan.steps}})
        run_id = engine.create(plan)
        began = time.perf_counter()
        record = engine.execute(run_id)
        took = time.perf_counter() - began
        assert record.status == "done", record.status
        assert len(record.steps) == len(plan.steps)
        journal = sum(file.stat().st_size for file in directories.state.glob("journal*"))
    return {
        "units": units,
        "steps": len(plan.steps),
        **{name: round(value, 3) for name, value in found.items()},
        "run_seconds": round(took, 2),
        "run_ms_per_step": round(1000 * took / len(plan.steps), 2),
        "journal_mb": round(journal / 1e6, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load_1m": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and print."""
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    if len(sizes) == 1:
        print(json.dumps(measure(sizes[0])))
        return
    rows = []
    for size in sizes:
        done = subprocess.run([sys.executable, __file__, str(size)], check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
        print(done.stdout, end="", file=sys.stderr, flush=True)
    for before, row in pairwise(rows):
        more = row["units"] / before["units"]
        row["ratio"] = {name: round(row[name] / before[name] / more, 2) for name in MEASURED}
    print(json.dumps({"forward_scale": rows}, indent=2))


if __name__ == "__main__":
    main()
