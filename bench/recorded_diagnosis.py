"""How often the right cause is named of faults that were put into a deployed cloud, beside the simplest way.

    uv run python bench/recorded_diagnosis.py [known|held-out] [DIRECTORY] [-v]

Of what bench/record_faults.py recorded. Prints a JSON document: accuracy, which kinds were taken for which, how often
the dependency with the most complaints would have been right. ``-v``: every case that was not, on standard error.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from material.recorded_faults import RECORDED, Recorded, recorded

WORDS = ("known", "held-out")


def most_reported(case: Recorded) -> list[str]:
    """Applications, those first of which most complain; nobody expects the kind of it."""
    place = case.graph.application
    counted = Counter(place.get(each.about, each.about) for each in case.observations() if each.saw != "ok")
    return [name for name, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))]


def ends(case: Recorded) -> set[str]:
    """Applications where the faults are: of what is between two, a password or a network, either end is right."""
    place = case.graph.application
    return {place.get(end, end) for _, subject in case.truth for end in re.split(" [>-] ", subject)}


def accuracy(cases: Sequence[Recorded], verbose: bool = False) -> dict[str, object]:
    found: Counter[str] = Counter()
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    faults = [each for each in cases if each.kind != "healthy"]
    for case in faults:
        named, reported, where = case.named(), most_reported(case), ends(case)
        found["first"] += named[:1] != [] and named[0] in case.truth
        found["three"] += bool(case.truth & set(named[:3]))
        found["all"] += case.truth <= set(named[:3])
        found["reported"] += reported[:1] != [] and reported[0] in where
        found["reported three"] += bool(where & set(reported[:3]))
        if case.kind == "single":
            confusion[next(iter(case.truth))[0]][named[0][0] if named else "none"] += 1
        if verbose and not (named and named[0] in case.truth and case.truth <= set(named[:3])):
            print(f"{case.name}: {named} instead of {sorted(case.truth)}", file=sys.stderr)
    windows = [each for each in cases if each.kind == "healthy"]
    alarms = [(each.name, each.named()) for each in windows if each.named()]
    if verbose:
        for name, named in alarms:
            print(f"healthy, {name}: {named}", file=sys.stderr)
    count = max(len(faults), 1)
    return {
        "faults": len(faults),
        "of_them_two_at_once": sum(each.kind == "double" for each in faults),
        "first_right": round(found["first"] / count, 4),
        "one_of_them_within_three": round(found["three"] / count, 4),
        "all_of_them_within_three": round(found["all"] / count, 4),
        "most_reported_place_first": round(found["reported"] / count, 4),
        "most_reported_place_within_three": round(found["reported three"] / count, 4),
        "single_faults_taken_for": {kind: dict(each) for kind, each in sorted(confusion.items())},
        "healthy_windows": len(windows),
        "healthy_windows_with_a_cause": len(alarms),
    }


def main() -> None:
    words = [each for each in sys.argv[1:] if each != "-v"]
    part = next((each for each in words if each in WORDS), None)
    directory = Path(next((each for each in words if each not in WORDS), str(RECORDED)))
    print(json.dumps({"recorded_diagnosis": accuracy(recorded(part, directory), "-v" in sys.argv)}, indent=1))


if __name__ == "__main__":
    main()
