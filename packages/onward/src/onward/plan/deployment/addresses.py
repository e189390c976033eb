"""Which address each unit gets: one of its own below 127.0.0.0/8, the same as long as the unit exists."""

from collections.abc import Iterable, Mapping

FIRST_NETWORK, LAST_NETWORK = 16, 250
"""Second numbers of the addresses, one for each model; those below are other programs' favourites."""


def with_addresses(taken: Mapping[str, str], wanted: Iterable[str], network: int) -> dict[str, str]:
    """An address for everything that wants one, by name; those that are taken stay. Pure.

    ``network`` is the second number of the model's addresses, 127.NETWORK.0.0/16. Raises ValueError when there
    are more than it holds.
    """
    names = list(dict.fromkeys(wanted))
    used = set(taken.values())
    free = (f"127.{network}.{high}.{low}" for high in range(256) for low in range(1, 255))
    given = {name: taken[name] for name in names if name in taken}
    for name in names:
        if name not in given:
            address = next((each for each in free if each not in used), None)
            if address is None:
                raise ValueError(f"127.{network}.0.0/16 is full")
            given[name] = address
    return {name: given[name] for name in names}
