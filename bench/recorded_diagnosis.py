"""How often the right cause is named of faults that were put into a deployed cloud, beside the simplest way.

    uv run python bench/recorded_diagnosis.py [known|held-out] [DIRECTORY] [-v]

Of what bench/record_faults.py recorded. Prints the tables of docs/reference/faults-recorded.md, or those of one part.
``-v``: every case that was not right, on standard error.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from material.recorded_faults import RECORDED, Recorded, recorded

BUSY = 15.0
"""Load of a machine of two cores above which everything on it is slow."""
PARTS = {"held-out": "held out", "known": "known", None: "all"}
FIRST, THREE = 0.95, 0.99
"""What is aimed at: the first cause right, and a true cause within the first three."""
BETWEEN = re.compile(" [>-] ")


def most_reported(case: Recorded) -> list[str]:
    """Applications, those first of which most complain; nobody expects the kind of it."""
    place = case.graph.application
    counted = Counter(place.get(each.about, each.about) for each in case.observations() if each.saw != "ok")
    return [name for name, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))]


def ends(case: Recorded) -> set[str]:
    """Applications where the faults are: of what is between two, a password or a network, either end is right."""
    place = case.graph.application
    return {place.get(end, end) for _, subject in case.truth for end in BETWEEN.split(subject)}


@dataclass(frozen=True)
class Accuracy:
    """How often what is right, of so many faults and windows."""

    faults: int
    double: int
    """Of them two at once."""
    first: int
    """The first that is named is one of those that there are, kind and place."""
    one_within_three: int
    all_within_three: int
    reported_first: int
    """The simplest way: an application that has one of the faults is the one of which most complain."""
    reported_within_three: int
    windows: int
    alarms: int
    """Windows without a fault in which a cause is named."""
    reported_alarms: int
    """Windows without a fault in which anybody complains of anything."""

    def part(self, count: int) -> float:
        return count / max(self.faults, 1)

    @property
    def reached(self) -> bool:
        """Whether all is as it is aimed at."""
        return self.part(self.first) >= FIRST and self.part(self.one_within_three) >= THREE and self.alarms == 0


def accuracy(cases: Sequence[Recorded]) -> Accuracy:
    faults = [each for each in cases if each.kind != "healthy"]
    windows = [each for each in cases if each.kind == "healthy"]
    named = [(each, each.named()[:3]) for each in faults]
    reported = [(ends(each), most_reported(each)[:3]) for each in faults]
    return Accuracy(
        faults=len(faults),
        double=sum(each.kind == "double" for each in faults),
        first=sum(found[:1] != [] and found[0] in each.truth for each, found in named),
        one_within_three=sum(bool(each.truth & set(found)) for each, found in named),
        all_within_three=sum(each.truth <= set(found) for each, found in named),
        reported_first=sum(bool(where & set(found[:1])) for where, found in reported),
        reported_within_three=sum(bool(where & set(found)) for where, found in reported),
        windows=len(windows),
        alarms=sum(bool(each.named()) for each in windows),
        reported_alarms=sum(bool(most_reported(each)) for each in windows),
    )


def confusion(cases: Sequence[Recorded]) -> dict[str, Counter[str]]:
    """Of single faults: how each kind was put in, and what is named first."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        if case.kind == "single":
            (truth,) = case.truth
            first = next(iter(case.named()), None)
            elsewhere = first is not None and first != truth and first[0] == truth[0]
            named = "nothing" if first is None else f"{first[0]}{' elsewhere' if elsewhere else ''}"
            found[f"{case.name.split()[0]} ({truth[0]})"][named] += 1
    return found


def tables(parts: Sequence[str | None] = tuple(PARTS), directory: Path = RECORDED) -> list[str]:
    """Markdown."""
    columns = [(PARTS[part], accuracy(recorded(part, directory))) for part in parts]

    def row(words: str, count: str, beside: str | None = None) -> str:
        cells = []
        for _, each in columns:
            whole = each.windows if count.endswith("alarms") else each.faults
            texts = [_share(getattr(each, name), whole) for name in (count, beside) if name]
            cells.append(" | ".join(texts) if beside else f"{texts[0]} | ")
        return f"| {words} | {' | '.join(cells)} |"

    heads = [f"{name}: Onward | {name}: most reported" for name, _ in columns]
    lines = [f"|  | {' | '.join(heads)} |", f"|---|{'---|' * (2 * len(columns))}"]
    counts = [f"{each.faults}, {each.double} |" for _, each in columns]
    lines.append(f"| faults, of them two at once | {' | '.join(counts)} |")
    lines.append(row("first is right", "first", "reported_first"))
    lines.append(row("one of them within three", "one_within_three", "reported_within_three"))
    lines.append(row("all of them within three", "all_within_three"))
    lines.append(row("windows without a fault, a cause named", "alarms", "reported_alarms"))
    lines += _by_load(recorded(parts[-1], directory))
    lines += ["", "| Put in (is) | Faults | Named first |", "|---|--:|---|"]
    for kind, named in sorted(confusion(recorded(parts[-1], directory)).items()):
        words = ", ".join(f"{name} {count}" for name, count in named.most_common())
        lines.append(f"| {kind} | {named.total()} | {words} |")
    lines += ["", "| Noise | Windows | A cause named |", "|---|--:|--:|"]
    noises: dict[str, list[bool]] = defaultdict(list)
    for case in recorded(parts[-1], directory):
        if case.kind == "healthy":
            noises[re.sub(r" (of )?\S+$", "", case.name) if "/" in case.name else case.name].append(bool(case.named()))
    lines += [f"| {name} | {len(found)} | {sum(found)} |" for name, found in sorted(noises.items())]
    return lines


def _by_load(cases: Sequence[Recorded]) -> list[str]:
    quiet = accuracy([each for each in cases if each.load < BUSY])
    busy = accuracy([each for each in cases if each.load >= BUSY])
    lines = ["", "| Load of the machine | Faults | First is right | Windows | A cause named |", "|---|--:|--:|--:|--:|"]
    for words, each in ((f"under {BUSY:g}", quiet), (f"{BUSY:g} and more", busy)):
        lines.append(
            f"| {words} | {each.faults} | {_share(each.first, each.faults)} | {each.windows} | {each.alarms} |"
        )
    return lines


def _share(count: int, whole: int) -> str:
    return f"{count} of {whole} ({100 * count / max(whole, 1):.1f} %)"


def wrong(cases: Sequence[Recorded]) -> list[str]:
    """Every case that is not right, in words."""
    return [
        f"{case.name}: {case.named()} instead of {sorted(case.truth)}"
        for case in cases
        if (case.kind == "healthy" and case.named())
        or (case.kind != "healthy" and not (case.named()[:1] and case.named()[0] in case.truth))
        or not case.truth <= set(case.named()[:3])
    ]


def main() -> None:
    words = [each for each in sys.argv[1:] if each != "-v"]
    part = next((each for each in words if each in PARTS), None)
    directory = Path(next((each for each in words if each not in PARTS), str(RECORDED)))
    print("\n".join(tables((part,) if part else tuple(PARTS), directory)))
    if "-v" in sys.argv:
        print("\n".join(wrong(recorded(part, directory))), file=sys.stderr)


if __name__ == "__main__":
    main()
