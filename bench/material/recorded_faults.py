"""What bench/record_faults.py has recorded: sightings of a deployed cloud, and what truly was wrong."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from onward.diagnosis.causes import Diagnosis, diagnose
from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import Observation
from onward.diagnosis.places import Places
from onward.diagnosis.sighting import Sighting, observations

RECORDED = Path(__file__).parent / "recorded"
_SIGHTING = TypeAdapter(Sighting)


@dataclass(frozen=True)
class Recorded:
    """One case."""

    kind: str
    """single, double, healthy"""
    name: str
    """What was done: hang glance/0."""
    truth: frozenset[tuple[str, str]]
    sighting: Sighting
    graph: Dependencies
    places: Places

    def observations(self) -> list[Observation]:
        return list(observations(self.sighting, self.places))

    def diagnosed(self) -> Diagnosis:
        return diagnose(self.observations(), self.graph)

    def named(self) -> list[tuple[str, str]]:
        return [(each.kind, each.subject) for each in self.diagnosed().causes]


def recorded(part: str | None = None, directory: Path = RECORDED) -> list[Recorded]:
    """All cases, or one half: ``known``, on which the diagnosis was improved, or ``held-out``, which nobody looked at.

    Of each file every other case is held out.
    """
    found = []
    for file in sorted(directory.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            head = json.loads(next(lines))
            graph, places = _graph(head), Places(**head["places"])
            for number, line in enumerate(lines):
                if part is None or (part == "held-out") == bool(number % 2):
                    found.append(_case(json.loads(line), graph, places))
    return found


def _graph(head: Mapping[str, Mapping[str, list[str]]]) -> Dependencies:
    def tuples(name: str) -> dict[str, tuple[str, ...]]:
        return {key: tuple(values) for key, values in head[name].items()}

    return Dependencies(tuples("units"), tuples("uses"), dict(head["machines"]), dict(head["balancers"]))  # type: ignore[arg-type]


def _case(told: Mapping[str, object], graph: Dependencies, places: Places) -> Recorded:
    truth: list[list[str]] = told["truth"]  # type: ignore[assignment]
    return Recorded(
        kind=str(told["kind"]),
        name=str(told["name"]),
        truth=frozenset((kind, subject) for kind, subject in truth),
        sighting=_SIGHTING.validate_python(told["sighting"]),
        graph=graph,
        places=places,
    )
