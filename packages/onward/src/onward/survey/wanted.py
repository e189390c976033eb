"""A bundle that somebody wants deployed."""

from dataclasses import dataclass

import yaml

from onward.errors import BundleInvalid
from onward.model.bundle import Bundle, invalid_bundle
from onward.plan.deployment.untouched import BUDGET_SECONDS


@dataclass(frozen=True)
class Wanted:
    """A bundle, where it was read, and the model that it shall become."""

    bundle: Bundle
    file: str
    model: str
    text: str = ""
    """As it was read, so that faults can be named by their line."""
    leaving: frozenset[str] = frozenset()
    """Units that shall be none any more; where it does not say, those with the highest numbers go."""
    defer: bool = False
    """Whether units that run are left running, and owe their restart."""
    slurp: bool = False
    """Whether services that go to another release go through the SLURP releases only."""
    rolling: int = 0
    """So many units at once, of those that go in batches, where services go to another release while they serve; 0: in
    one outage."""
    budget_seconds: float = BUDGET_SECONDS
    """For how long the data plane may be gone while services go to another release."""
    dropped: frozenset[str] = frozenset()
    """Options, as APPLICATION:OPTION, that are left out where the release does not read them any more."""

    def fault(self, place: tuple[str | int, ...], what: str) -> BundleInvalid:
        """The error for a value that fits no deployment here."""
        return invalid_bundle(self.file, yaml.compose(self.text, yaml.SafeLoader), [(place, what)], "onward status")
