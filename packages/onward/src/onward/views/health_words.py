"""What APIs tell of what they use, in lines: only what is not well."""

from collections.abc import Iterable, Iterator

from onward.model.health import UnitHealth
from onward.views.words import duration

WELL = ("pass", "not told")


def unwell_words(units: Iterable[UnitHealth]) -> Iterator[str]:
    """A line for each unit that does not answer, and for each thing that calls found not to be well."""
    for unit in units:
        bad = [each for each in unit.components if each.state not in WELL]
        for each in bad:
            note = f": {each.note}" if each.note else ""
            yield f"{unit.unit} {each.name} {each.state}{note} ({duration(each.age_seconds)} ago)"
        if unit.state == "silent" or (not bad and unit.state not in WELL):
            yield f"{unit.unit} {unit.state}{': ' if unit.notes else ''}{'; '.join(unit.notes)}"
