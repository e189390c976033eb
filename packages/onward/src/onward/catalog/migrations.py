"""How the databases of a service are taken to another release, wherever that is done.

Of a service with a forward recipe it stands there. Of the others, the charm that makes their schema says it: what makes
it takes it further as well, but for what is done once.
"""

from collections.abc import Iterator
from functools import cache

from onward.catalog.charm import Charm
from onward.catalog.charms import charms
from onward.catalog.load import in_force, series_list
from onward.catalog.service import Command, ForwardRecipe, Recipe


@cache
def schema_charm(service: str) -> Charm | None:
    """The charm of the application that makes a service's schema; None where no charm does."""
    found = (each for each in charms().values() if each.service == service and each.initialise)
    return next(found, None)


def migration_commands(known: Recipe) -> Iterator[Command]:
    """What a release runs on a database of the release before, while the service is down."""
    if isinstance(known, ForwardRecipe):
        yield from (*known.offline, known.enter_next)
    elif (charm := schema_charm(known.service)) is not None:
        yield from (command for command in charm.initialise if not command.once)
        yield from charm.online


def finishing_commands(known: Recipe) -> tuple[Command, ...]:
    """What a release has to do with its own code before the next one's is used."""
    charm = schema_charm(known.service)
    return () if charm is None or isinstance(known, ForwardRecipe) else charm.online


def may_wait(command: Command, target: str) -> bool:
    """Whether a way to this series need not run a command before the series serves, and then once."""
    position = series_list().position
    return command.waits_until is not None and position(target) <= position(command.waits_until)


def waits(known: Recipe, target: str) -> bool:
    """Whether a way to this series leaves something that is done when the series serves."""
    return any(may_wait(command, target) for command in in_force(finishing_commands(known), target))


def migration_modules(known: Recipe) -> tuple[str, ...]:
    """What these commands import besides the recipe's modules."""
    charm = schema_charm(known.service)
    return () if charm is None or isinstance(known, ForwardRecipe) else charm.warm_modules
