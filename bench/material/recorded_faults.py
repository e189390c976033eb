"""What bench/record_faults.py has recorded: sightings of a deployed cloud, and what truly was wrong."""

import gzip
import hashlib
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
    load: float
    """Of the machine, in processes that were ready to run (it has two cores)."""
    graph: Dependencies
    places: Places

    def observations(self) -> list[Observation]:
        return list(observations(self.sighting, self.places))

    def diagnosed(self) -> Diagnosis:
        return diagnose(self.observations(), self.graph)

    def named(self) -> list[tuple[str, str]]:
        return [(each.kind, each.subject) for each in self.diagnosed().causes]


def recorded(part: str | None = None, directory: Path = RECORDED) -> list[Recorded]:
    """All cases, or one part: ``known``, on which the diagnosis was improved, or ``held-out``, which nobody looked at.

    Which is which its own digest decides: about every third is held out. That was so before the first was recorded.
    """
    found = []
    for file in sorted(directory.glob("*.jsonl*")):
        head, *lines = text_of(file).splitlines()
        told = json.loads(head)
        graph, places = _graph(told), Places(**told["places"])
        for line in lines:
            if part is None or (part == "held-out") == is_held_out(line):
                found.append(_case(json.loads(line), graph, places))
    return found


def is_held_out(line: str) -> bool:
    """Whether a recorded case is one of those that are only counted."""
    return int(hashlib.sha256(line.encode()).hexdigest()[:8], 16) % 3 == 0


def text_of(file: Path) -> str:
    """Compressed where they are kept; the recorder writes as they come."""
    return gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text(encoding="utf-8")


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
        load=float(str(told["load"])),
        sighting=_SIGHTING.validate_python(told["sighting"]),
        graph=graph,
        places=places,
    )
