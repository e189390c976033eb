"""A policy file carried to a later release: its text, with what was decided and what had to change said in comments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onward.policy.carry import Answer, Carriage, Carried, carry
from onward.policy.document import Document, Entry, read_document
from onward.policy.edit import editable, rule_line
from onward.policy.equivalence import Settings
from onward.policy.language import Check, parse
from onward.policy.layout import laid_out
from onward.policy.meaning import Comparison
from onward.policy.registered import RegisteredPolicy
from onward.policy.style import Explained


@dataclass(frozen=True)
class Migration:
    """What becomes of a file."""

    carriage: Carriage
    text: str | None
    """None while something is undecided."""
    unproven: Mapping[str, Comparison]
    """Rules that are not certain to mean what they are to mean: a text with any is not to be used."""


def migrate(
    document: Document, path: Sequence[RegisteredPolicy], settings: Settings, answers: Mapping[str, Answer]
) -> Migration:
    """Carry a readable file along a path of releases, the first and the last included."""
    carriage = carry(path, document.values, settings, answers)
    if carriage.undecided:
        return Migration(carriage, None, {})
    writer = _Writer(path, document, carriage)
    text = laid_out(document, writer.style, writer.lines_of)
    unproven = dict(carriage.unproven)
    again = read_document(text)
    if _checks(again.values) != _checks(carriage.values):
        wrong = "; ".join(each.what for each in again.problems) or "the text does not say what it should"
        unproven[""] = Comparison("could-not-tell", reason=wrong)
    return Migration(carriage, text, unproven)


def _checks(values: Mapping[str, object]) -> dict[str, Check]:
    return {name: parse(value) for name, value in values.items()}


class _Writer:
    def __init__(self, path: Sequence[RegisteredPolicy], document: Document, carriage: Carriage) -> None:
        self.style = Explained(path[-1], anew=not editable(document))
        self._release = f"{path[-1].service} {path[-1].series}"
        self._by_name: dict[str, list[Carried]] = {}
        for each in carriage.rules:
            self._by_name.setdefault(each.names[0], []).append(each)
        self._others = {name: each.rule for each in carriage.rules for name in each.names[1:]}

    def lines_of(self, entry: Entry, above: str) -> tuple[bool, list[str]]:
        """Whether the line may stay, and else its lines."""
        carried = self._by_name.get(entry.name, [])
        if not carried:
            why = f"became {self._others[entry.name]}" if entry.name in self._others else "has no effect any more"
            return False, self.style.gone([rule_line(entry.name, entry.value)], f"in {self._release} it {why}")
        lines: list[str] = []
        for each in carried:
            lines += [""] if lines else []
            lines += self._lines(each, entry, above)
        only = carried[0]
        same = len(carried) == 1 and only.rule == entry.name and only.check is not None and only.check == entry.value
        return same, lines

    def _lines(self, each: Carried, entry: Entry, above: str) -> list[str]:
        if each.outcome == "gone":
            return self.style.gone([rule_line(entry.name, entry.value)], f"{self._release} has no such rule")
        if each.outcome in ("default", "taken"):
            write = self.style.default if each.outcome == "default" else self.style.taken
            return write(each.rule, each.override, above if each.rule == entry.name else "")
        lines = [] if each.rule == entry.name else [f"# Named {entry.name} before."]
        if each.outcome == "rewritten":
            return [*lines, *self.style.reworded(each.rule, each.override, each.check)]
        return [*lines, *self.style.kept(each.rule, each.check)]
