"""Faults of releases that can be seen coming, before anything is migrated."""

import re
from collections.abc import Iterable

from onward.catalog.load import in_force
from onward.catalog.series import Series
from onward.catalog.service import ForwardRecipe, KnownFault


def foreseen_faults(recipe: ForwardRecipe, path: Iterable[Series], connection: str) -> list[tuple[str, KnownFault]]:
    """The known faults that a database URL will meet when it is taken to the series of ``path``, each with its series.

    Pure. The URL itself, which holds a password, is not part of what is returned.
    """
    return [
        (series.id, fault)
        for series in path
        for fault in in_force(recipe.known_faults, series.id)
        if fault.connection is not None and re.search(fault.connection, connection)
    ]
