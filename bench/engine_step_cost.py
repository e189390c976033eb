"""What a step costs that does nothing: a chain of 1,000 steps, and 1,000 that do not need each other.

    uv run python bench/engine_step_cost.py [STEPS]

Prints one JSON document and one line. Each case runs in a process of its own, so that its peak of memory is its own.
``median_ms`` is between the records of two steps that follow each other; ``whole_ms_per_step`` is the time of the whole
execution, launching DBOS included, divided by the number of steps.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from onward.engine.action import StepContext
from onward.engine.engine import Engine
from onward.engine.runs import events
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.plan.step import Step

CASES = ("chain", "independent")


class Nothing:
    """The action that is measured."""

    name = "nothing"

    def apply(self, context: StepContext) -> dict[str, Any]:
        """Leave the least evidence."""
        return {"step": context.step.id}


def plan(case: str, steps: int) -> Plan:
    return Plan(
        kind="rehearsal",
        cloud="bench",
        service="keystone",
        path=("2023.1", "2023.2"),
        facts={},
        steps=tuple(
            Step(
                id=f"step/{number}",
                action="nothing",
                target="nothing",
                needs=(f"step/{number - 1}",) if case == "chain" and number else (),
                reason="to be measured",
                phase="prepare",
            )
            for number in range(steps)
        ),
    ).sealed()


def measure(case: str, steps: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as directory:
        directories = Directories(Path(directory) / "state", Path(directory) / "cache")
        engine = Engine(directories, {"nothing": Nothing()})
        run_id = engine.create(plan(case, steps))
        began = time.perf_counter()
        record = engine.execute(run_id)
        whole = time.perf_counter() - began
        assert record.status == "done"
        done = [event.at for event in events(directories, run_id) if event.kind == "step.done"]
        return {
            "steps": steps,
            "median_ms": round(1000 * statistics.median(later - earlier for earlier, later in pairwise(done)), 2),
            "whole_ms_per_step": round(1000 * whole / steps, 2),
            "seconds": round(whole, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "journal_mb": round(sum(file.stat().st_size for file in directories.state.glob("journal*")) / 1e6, 2),
            "load_1m": round(os.getloadavg()[0], 2),
        }


def in_own_process(case: str, steps: int) -> dict[str, object]:
    output = subprocess.run([sys.executable, __file__, str(steps), case], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(output.stdout)
    return found


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if len(sys.argv) > 2:
        print(json.dumps(measure(sys.argv[2], steps)))
        return
    results = {case: in_own_process(case, steps) for case in CASES}
    print(json.dumps({"engine_step_cost": results}, indent=2))
    print(
        "; ".join(f"{case}: {found['median_ms']} ms a step, {found['peak_mb']} MB" for case, found in results.items())
    )


if __name__ == "__main__":
    main()
