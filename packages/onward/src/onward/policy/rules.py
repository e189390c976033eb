"""The checks of a whole policy by name, and what one finds by following ``rule:`` in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from onward.policy.language import Check, references


@dataclass(frozen=True)
class Rules:
    """Checks by name, as a service has them in force or as a file has them (oslo_policy.policy.Rules)."""

    checks: Mapping[str, Check]
    default_rule: str = "default"
    """[oslo_policy] policy_default_rule: the rule of this name, where there is one, stands in for every missing one."""
    own_kinds: frozenset[str] = field(default=frozenset())
    """Kinds of checks that only the service's own code can evaluate, such as neutron's ``field``."""

    def find(self, name: str) -> Check | None:
        """The check that ``rule:name`` is evaluated as; None where oslo.policy finds none and denies."""
        return self.checks.get(name, self.checks.get(self.default_rule) if self.default_rule else None)

    def reached(self, name: str) -> tuple[str, ...]:
        """The rule and all that it refers to, directly or not, nearest first."""
        found = {name: None}
        pending = [name]
        while pending:
            for each in self._referred.get(pending.pop(0), ()):
                if each not in found:
                    found[each] = None
                    pending.append(each)
        return tuple(found)

    def undefined(self, name: str) -> tuple[str, ...]:
        """Names that this rule itself refers to and that no rule has; a default rule stands in where there is one."""
        return tuple(each for each in self._referred.get(name, ()) if each not in self.checks)

    def cycle(self, name: str) -> tuple[str, ...]:
        """A way from this rule round to where it has been: ``(a, b, c, b)``; empty where there is none.

        oslo.policy warns of a cycle when it loads the file, and fails with a RecursionError once it goes round.
        """
        if name in self._sound:
            return ()
        way = [name]
        branches: list[Iterator[str]] = [iter(self._referred.get(name, ()))]
        while branches:
            following = next(branches[-1], None)
            if following is None:
                branches.pop()
                self._sound.add(way.pop())
            elif following in way:
                return (*way, following)
            elif following not in self._sound:
                way.append(following)
                branches.append(iter(self._referred.get(following, ())))
        return ()

    @cached_property
    def _referred(self) -> dict[str, tuple[str, ...]]:
        direct = {name: references(check) for name, check in self.checks.items()}
        default = self.checks.get(self.default_rule)
        missing = {each for names in direct.values() for each in names if each not in self.checks}
        return direct | {name: references(default) for name in missing if default is not None}

    @cached_property
    def _sound(self) -> set[str]:
        """Rules from which no cycle can be reached, as far as is known."""
        return set()
