"""Whether two checks mean the same: whether they agree for all credentials and all targets, and if not, for whom not.

``rule:`` is followed within each policy. The checks at the ends are variables, independent of one another; over these
the answer is exact. A check of a service's own is taken to ask the same in all releases: some of Neutron's were generic
in earlier ones. What differs is shown by an example that was evaluated under both policies. What cannot be decided
within its bounds is said to be so, never guessed.
"""

from dataclasses import dataclass, replace
from typing import Literal

from onward.policy.atoms import Variable, variable
from onward.policy.decisions import FALSE, TRUE, Decisions, TooComplex
from onward.policy.effective import EffectivePolicy
from onward.policy.evaluation import EvaluationFailed, allows
from onward.policy.language import Always, And, Check, Never, Not, Or, Rule
from onward.policy.rules import Rules
from onward.policy.witness import Witness, realise

Verdict = Literal["same", "wider", "narrower", "different", "could-not-tell"]
"""wider: the second lets in everybody whom the first does, and more; different: some gain and some lose."""

MOST_NODES = 50_000
"""Of one comparison: about a quarter of a second. The largest rule of the catalogue's services needs a few hundred."""
MOST_EXAMPLES = 500
"""Tried before it is given up to find one that somebody's credentials can have."""


@dataclass(frozen=True)
class Comparison:
    """How the second of two checks relates to the first."""

    verdict: Verdict
    gains: Witness | None = None
    """Somebody whom only the second lets in."""
    losses: Witness | None = None
    """Somebody whom only the first lets in."""
    reason: str = ""
    """Why it could not be told."""

    @property
    def same(self) -> bool:
        """Certainly the same."""
        return self.verdict == "same"


def compare(
    before: EffectivePolicy | Rules, after: EffectivePolicy | Rules, name: str, name_after: str | None = None
) -> Comparison:
    """Compare a rule of one policy with that of the same name, or another, of a second policy."""
    return Comparer(before, after).compare(name, name_after)


class Comparer:
    """Compares any number of rules of two policies; what was found out about one serves the next."""

    def __init__(self, before: EffectivePolicy | Rules, after: EffectivePolicy | Rules) -> None:
        first = before.checks if isinstance(before, EffectivePolicy) else before
        second = after.checks if isinstance(after, EffectivePolicy) else after
        own_kinds = first.own_kinds | second.own_kinds
        self._before = first if first.own_kinds == own_kinds else replace(first, own_kinds=own_kinds)
        self._after = second if second.own_kinds == own_kinds else replace(second, own_kinds=own_kinds)
        self._forget()

    def compare(self, name: str, name_after: str | None = None) -> Comparison:
        """Compare a rule of the first policy with one of the second."""
        name_after = name if name_after is None else name_after
        if self._literally_the_same(name, name_after):
            return Comparison("same")
        for rules, each in ((self._before, name), (self._after, name_after)):
            if cycle := rules.cycle(each):
                return Comparison("could-not-tell", reason=f"goes round in a circle: {' -> '.join(cycle)}")
        try:
            self._decisions.grant()
            first, second = self._first.function(name), self._second.function(name_after)
            if first == second:
                return Comparison("same")
            return self._difference(name, name_after, first, second)
        except (TooComplex, RecursionError) as error:
            self._forget()
            return Comparison("could-not-tell", reason=f"too complex to be compared: {error}")

    def _forget(self) -> None:
        self._decisions = Decisions(MOST_NODES)
        self._first = _Functions(self._before, self._decisions)
        self._second = _Functions(self._after, self._decisions)

    def _literally_the_same(self, name: str, name_after: str) -> bool:
        """The same text, and that of all rules that are referred to: also where it cannot be evaluated."""
        if self._before.find(name) != self._after.find(name_after):
            return False
        reached = self._before.reached(name)[1:]
        return all(self._before.find(each) == self._after.find(each) for each in reached)

    def _difference(self, name: str, name_after: str, first: int, second: int) -> Comparison:
        decisions = self._decisions
        more = decisions.all_of((second, decisions.negated(first)))
        fewer = decisions.all_of((first, decisions.negated(second)))
        gains = self._example(more, name, name_after, gain=True)
        losses = self._example(fewer, name, name_after, gain=False)
        unsure = (more != FALSE and gains is None) or (fewer != FALSE and losses is None)
        reason = "no example of the difference was found that credentials can have" if unsure else ""
        if gains is None and losses is None:
            return Comparison("could-not-tell", reason=reason)
        verdict: Verdict = "different" if gains and losses else "wider" if gains else "narrower"
        return Comparison(verdict, gains, losses, reason)

    def _example(self, function: int, name: str, name_after: str, *, gain: bool) -> Witness | None:
        """Somebody who is let in by only one of them, evaluated under both."""
        for number, wished in enumerate(self._decisions.ways(function)):
            if number >= MOST_EXAMPLES:
                break
            witness = realise(wished)  # type: ignore[arg-type]  # the variables that were put in
            if witness is None:
                continue
            seen = (witness.credentials, witness.target, witness.supposing)
            try:
                let_in = (allows(self._before, name, *seen), allows(self._after, name_after, *seen))
            except EvaluationFailed:
                continue
            if let_in == (not gain, gain):
                return witness
        return None


class _Functions:
    """The rules of one policy as functions of what their single checks answer."""

    def __init__(self, rules: Rules, decisions: Decisions) -> None:
        self._rules = rules
        self._decisions = decisions
        self._known: dict[str, int] = {}

    def function(self, name: str) -> int:
        """A rule's; that of nobody where there is no such rule. It must not go round in a circle. Raises TooComplex."""
        if name not in self._known:
            check = self._rules.find(name)
            self._known[name] = FALSE if check is None else self._of(check)
        return self._known[name]

    def _of(self, check: Check) -> int:
        match check:
            case Always() | Never():
                return TRUE if isinstance(check, Always) else FALSE
            case Not(part):
                return self._decisions.negated(self._of(part))
            case And(parts):
                return self._decisions.all_of(self._of(part) for part in parts)
            case Or(parts):
                return self._decisions.any_of(self._of(part) for part in parts)
            case Rule(name):
                return self.function(name)
            case _:
                found: Variable | bool = variable(check, self._rules.own_kinds)
                return int(found) if isinstance(found, bool) else self._decisions.variable(found)
