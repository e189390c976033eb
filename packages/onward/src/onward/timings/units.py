"""What each unit took. Pure."""

from dataclasses import dataclass

from onward.timings.run import RunTimes


@dataclass(frozen=True)
class UnitTime:
    """A unit: the seconds of its steps, and the seconds of the run after which the last of them had ended."""

    unit: str
    steps: int
    seconds: float
    until: float


def units(times: RunTimes) -> tuple[UnitTime, ...]:
    """Every unit that steps are about, the one that took longest first."""
    found: dict[str, list[tuple[float, float]]] = {}
    for step in times.steps:
        if step.unit:
            found.setdefault(step.unit, []).append((step.seconds, step.ended - times.began))
    told = [
        UnitTime(unit, len(each), sum(seconds for seconds, _ in each), max(until for _, until in each))
        for unit, each in found.items()
    ]
    return tuple(sorted(told, key=lambda unit: (-unit.seconds, unit.unit)))
