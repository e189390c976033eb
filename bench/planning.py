"""How planning time and memory grow with the number of units: 10, 1,000 and 10,000.

    uv run python bench/planning.py

Prints one JSON document. ``ratio_per_unit`` is the time per unit against that of 1,000 units: at or below 1.0
means no worse than linear. Onward plans, saves and reads with Python's collector of circular garbage paused, and so
does this; ``ratio_per_unit_with_collector`` is what it would be if it did not. ``calls_per_unit`` counts function
calls, which neither the collector nor the caches of the processor nor other work on the machine can change.
"""

import cProfile
import json
import pstats
import statistics
import time
import tracemalloc

from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import parse
from onward.plan.upgrade import UnitCommands, UpgradeWish, plan_upgrade
from onward.survey.collector import collector_paused

PATH = ("2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2", "2026.1", "2026.2")
SIZES = (10, 1_000, 10_000)
ROUNDS = 5


def wish(units: int) -> UpgradeWish:
    return UpgradeWish(
        cloud="bench",
        service="keystone",
        path=PATH,
        configuration=("/etc/keystone/keystone.conf",),
        environments={
            series: EnvironmentChoice(
                series=series,
                version="1.0.0",
                python="/usr/bin/python3",
                python_version="3.11",
                constraints={"kind": "as-of-release"},
            )
            for series in PATH
        },
        described={"cloud": "bench", "services": {"keystone": {"configuration": ["/etc/keystone/keystone.conf"]}}},
        units=tuple(
            UnitCommands(name=f"keystone/{number}", stop=("systemctl", "stop", "x"), start=("systemctl", "start", "x"))
            for number in range(units)
        ),
        facts={"source": PATH[0]},
    )


def seconds(units: int) -> tuple[float, float]:
    """Time to plan, and time to save and read the plan back."""
    wanted = wish(units)
    began = time.perf_counter()
    plan = plan_upgrade(wanted)
    planned = time.perf_counter()
    assert parse(plan.to_json()) == plan
    return planned - began, time.perf_counter() - planned


def peak_bytes(units: int) -> int:
    wanted = wish(units)
    tracemalloc.start()
    plan_upgrade(wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def calls(units: int) -> int:
    """How many functions are called for a plan."""
    wanted, profile = wish(units), cProfile.Profile()
    profile.runcall(plan_upgrade, wanted)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def main() -> None:
    seconds(10)  # imports and compiled models are not what is measured
    samples: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    collected: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):  # sizes in turn, so that a slow moment of the machine touches all of them
        for size in SIZES:
            with collector_paused():
                samples[size].append(seconds(size))
            collected[size].append(seconds(size)[0])
    per_unit = {size: statistics.median(plan for plan, _ in samples[size]) / size for size in SIZES}
    saved_per_unit = {size: statistics.median(save for _, save in samples[size]) / size for size in SIZES}
    per_unit_collected = {size: statistics.median(collected[size]) / size for size in SIZES}
    rows = [
        {
            "units": size,
            "plan_seconds": {
                "median": round(statistics.median(plan for plan, _ in samples[size]), 5),
                "min": round(min(plan for plan, _ in samples[size]), 5),
                "max": round(max(plan for plan, _ in samples[size]), 5),
            },
            "save_and_read_seconds_median": round(statistics.median(save for _, save in samples[size]), 5),
            "peak_megabytes": round(peak_bytes(size) / 1e6, 2),
            "calls_per_unit": round(calls(size) / size, 1),
            "ratio_per_unit": round(per_unit[size] / per_unit[1_000], 2),
            "ratio_per_unit_saved_and_read": round(saved_per_unit[size] / saved_per_unit[1_000], 2),
            "ratio_per_unit_with_collector": round(per_unit_collected[size] / per_unit_collected[1_000], 2),
        }
        for size in SIZES
    ]
    print(json.dumps({"bench": "planning", "rounds": ROUNDS, "sizes": rows}, indent=2))


if __name__ == "__main__":
    main()
