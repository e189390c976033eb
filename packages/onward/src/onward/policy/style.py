"""How single rules are written into a policy file: with what a release says of them, or bare."""

from collections.abc import Sequence

from onward.policy import annotation
from onward.policy.edit import rule_line
from onward.policy.language import parse, written
from onward.policy.registered import RegisteredPolicy


class Explained:
    """Everything is shown: what a rule is for, what the default is, and what was commented out and why."""

    def __init__(self, registered: RegisteredPolicy, *, anew: bool) -> None:
        self._rules = registered.rules
        self._release = f"{registered.service} {registered.series}"
        self._anew = anew
        """A file that is written anew says what each of its rules is for; in one that is edited its writer has."""

    @property
    def head(self) -> list[str]:
        """The first lines of a file that is written anew."""
        return [f"# Policy of {self._release}. What is commented out is the default."]

    def kept(self, name: str, value: object) -> list[str]:
        """A rule that says something of its own."""
        line = rule_line(name, written(parse(value)))
        if name not in self._rules or not self._anew:
            return [line]
        rule = self._rules[name]
        return [*annotation.description(rule), *annotation.said("Default", rule.check), line]

    def renamed(self, old: str, name: str, value: object) -> list[str]:
        """A rule that stood under its old name."""
        return [f"# Named {old} before.", *self.kept(name, value)]

    def reworded(self, name: str, before: object, value: object) -> list[str]:
        """A rule that means what other words meant."""
        return [*annotation.said("These words mean now what this file said before", before), *self.kept(name, value)]

    def default(self, name: str, value: object, above: str = "") -> list[str]:
        """A rule that says what the default says; its description is left out where it stands above already."""
        return self._default(name, value, "This file said the same in other words", above)

    def taken(self, name: str, value: object, above: str = "") -> list[str]:
        """A rule of which the default was chosen instead of what the file said."""
        return self._default(name, value, "The default was chosen; this file said before", above)

    def gone(self, lines: Sequence[str], why: str) -> list[str]:
        """Lines without effect."""
        return [f"# {why[:1].upper()}{why[1:]}:", *(f"#{line}".rstrip() for line in lines)]

    def _default(self, name: str, value: object, words: str, above: str) -> list[str]:
        rule = self._rules[name]
        description = annotation.description(rule)
        lines = [] if description and description[0] in above else description
        if written(parse(value)) != written(parse(rule.check)):
            lines += annotation.said(words, value)
        return [*lines, annotation.default(rule)]


class Bare(Explained):
    """Nothing but what differs from the defaults."""

    @property
    def head(self) -> list[str]:
        """None."""
        return []

    def kept(self, name: str, value: object) -> list[str]:
        """The rule alone."""
        return [rule_line(name, written(parse(value)))]

    def renamed(self, old: str, name: str, value: object) -> list[str]:
        """The rule alone."""
        return self.kept(name, value)

    def default(self, name: str, value: object, above: str = "") -> list[str]:
        """Nothing."""
        return []

    def gone(self, lines: Sequence[str], why: str) -> list[str]:
        """Nothing."""
        return []
