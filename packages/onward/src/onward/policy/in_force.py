"""What is really in force: what a release itself makes of its defaults and of an operator's files."""

from dataclasses import dataclass
from typing import Literal

from onward.policy.personas import Case

Verdict = Literal["allowed", "denied", "wrong scope", "error"]

VERDICTS: dict[str, Verdict] = {"a": "allowed", "d": "denied", "s": "wrong scope", "e": "error"}
"""What the letters of the release's answers stand for. wrong scope: the token's, and therefore denied."""


@dataclass(frozen=True)
class RuleInForce:
    """One rule as the release enforces it."""

    name: str
    check: str
    """As oslo.policy prints it."""
    in_files: bool
    """The operator's files have a rule of this name."""
    verdicts: str = ""
    """One letter for each case, see VERDICTS."""
    error: str = ""
    """Why the first of the cases with an error has one."""


@dataclass(frozen=True)
class InForce:
    """The policy of a service as one release enforces it."""

    rules: dict[str, RuleInForce]
    files: tuple[str, ...]
    """The operator's files that the release has read, in this order."""
    policy_file: str
    """[oslo_policy] policy_file as the release understood it."""
    directories: tuple[str, ...]
    """The directories of [oslo_policy] policy_dirs that are there."""
    enforce_new_defaults: bool
    enforce_scope: bool
    warnings: tuple[str, ...]
    """What the release logged while it read them."""
    cases: tuple[Case, ...] = ()
    """What the letters of a rule's verdicts belong to."""

    def verdict(self, name: str, case: int) -> Verdict:
        """The answer of a rule in one of the cases. Raises KeyError for a rule that is not there."""
        return VERDICTS[self.rules[name].verdicts[case]]
