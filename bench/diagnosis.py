"""How often the right cause is named, beside the simplest way: the dependency with the most complaints.

    uv run python bench/diagnosis.py

On faults that are made up (bench/material/generated_faults.py), 1,000 of them, and 1,000 windows without one. Prints a
JSON document: accuracy, which kinds were taken for which, and how long a cloud of 1,000 units takes.
"""

import json
import random
import time
from collections import Counter, defaultdict

from material.generated_faults import Case, case, cases, cloud, healthy
from onward.diagnosis.causes import diagnose
from onward.diagnosis.dependencies import Dependencies

COUNT = 1_000
SEED = 2_026
MANY_COMPUTES = 967
"""With the other units of the cloud these are 1,000."""

Named = list[tuple[str, str]]


def ours(told: Case, graph: Dependencies) -> Named:
    return [(each.kind, each.subject) for each in diagnose(told.observations, graph).causes]


def most_reported(told: Case, graph: Dependencies) -> list[str]:
    """Applications, those first of which most complain.

    Of the simplest way nobody expects the kind,
    and of a wrong password it may name either end.
    """
    counted = Counter(graph.application[each.about] for each in told.observations if each.saw != "ok")
    return [name for name, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))]


def places(subject: str, graph: Dependencies) -> str:
    """The application where a cause is: where a password is wrong, the one whose password it is."""
    return graph.application.get(subject.partition(" > ")[0], subject)


def accuracy(graph: Dependencies) -> dict[str, object]:
    first = third = all_of_them = place = baseline = baseline_third = 0
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for told in cases(COUNT, SEED, graph):
        named, reported = ours(told, graph), most_reported(told, graph)
        where = {places(subject, graph) for _, subject in told.truth}
        either_end = {graph.application.get(end, end) for _, subject in told.truth for end in subject.split(" > ")}
        first += named[:1] != [] and named[0] in told.truth
        third += bool(told.truth & set(named[:3]))
        all_of_them += told.truth <= set(named[:3])
        place += named[:1] != [] and places(named[0][1], graph) in where
        baseline += reported[:1] != [] and reported[0] in either_end
        baseline_third += bool(either_end & set(reported[:3]))
        if len(told.truth) == 1:
            confusion[next(iter(told.truth))[0]][named[0][0] if named else "none"] += 1
    return {
        "faults": COUNT,
        "kind_and_place_first": first / COUNT,
        "kind_and_place_within_three": third / COUNT,
        "all_causes_within_three": all_of_them / COUNT,
        "place_first": place / COUNT,
        "most_reported_place_first": baseline / COUNT,
        "most_reported_place_within_three": baseline_third / COUNT,
        "single_faults_taken_for": {kind: dict(found) for kind, found in sorted(confusion.items())},
    }


def outage_seconds() -> dict[str, object]:
    graph = cloud(MANY_COMPUTES)
    lot = random.Random(SEED)  # noqa: S311 - the same each time
    told = case([("down", ("down", "rabbitmq"))], graph, lot)
    began = time.perf_counter()
    named = ours(told, graph)
    took = time.perf_counter() - began
    units = sum(map(len, graph.units.values()))
    return {"units": units, "observations": len(told.observations), "seconds": round(took, 3), "named": named}


def main() -> None:
    graph, lot = cloud(), random.Random(SEED)  # noqa: S311 - the same each time
    alarms = sum(bool(ours(healthy(graph, lot), graph)) for _ in range(COUNT))
    found = {**accuracy(graph), "healthy_windows": COUNT, "healthy_windows_with_a_cause": alarms}
    print(json.dumps({**found, "outage": outage_seconds()}, indent=1))


if __name__ == "__main__":
    main()
