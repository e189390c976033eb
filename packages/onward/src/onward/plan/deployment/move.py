"""A service that goes to another release, and what the steps that others wait for are called."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from onward.plan.forward import EnvironmentChoice


@dataclass(frozen=True)
class Move:
    """A service of a model that goes to another release, and how far; or back, to where its backups are."""

    service: str
    owner: str
    """The application whose charm makes the schema."""
    applications: tuple[str, ...]
    path: tuple[str, ...]
    """Series from where its databases are to the target, both included."""
    environments: Mapping[str, EnvironmentChoice] = field(default_factory=dict)
    """By series, for all of the path but its source's, and for that where its code has something left to do."""

    backups: Mapping[str, str] = field(default_factory=dict)
    """For the way back: the dump of each database, by name."""

    @property
    def ahead(self) -> tuple[str, ...]:
        """The series that it goes through."""
        return self.path[1:]


def arrived(move: Move) -> str:
    """The step after which a service's databases are at the target, and hold what they held before."""
    return f"restore/{move.service}" if move.backups else f"compare/{move.service}"


def warmed(move: Move) -> str:
    """The step after which the code of a service's target is imported, and compiled."""
    return f"warm/{move.service}/{move.path[-1]}"


def held(unit: str) -> str:
    """The step after which the processes that a unit has at the target wait for their turn."""
    return f"hold/{unit}"


def stopped(application: str) -> str:
    """The step after which no unit of an application runs."""
    return f"stop/{application}"
