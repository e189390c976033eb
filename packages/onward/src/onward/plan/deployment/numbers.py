"""Which numbers the units of an application have: a unit keeps its own as long as it exists."""

from collections.abc import Collection, Mapping, Sequence
from itertools import count

from onward.model.bundle import Bundle


def unit_numbers(
    bundle: Bundle, before: Mapping[str, Sequence[int]], leaving: Collection[str] = (), present: Collection[str] = ()
) -> dict[str, tuple[int, ...]]:
    """The numbers of each application's units, as many as the bundle says, in their order. Pure.

    ``before`` are those that the model had. ``leaving`` are units that go; where more are too many, those with the
    highest numbers go. A unit that is added has the lowest number that is free, so that ``unit-options`` of a bundle
    mean it whatever was removed and added before; not free is that of a unit of which there is still something
    (``present``): one that is going.
    """
    return {
        name: _numbers(name, entry.num_units, before.get(name, ()), leaving, present)
        for name, entry in bundle.applications.items()
    }


def _numbers(
    name: str, wanted: int, before: Sequence[int], leaving: Collection[str], present: Collection[str]
) -> tuple[int, ...]:
    kept = sorted(number for number in before if f"{name}/{number}" not in leaving)[:wanted]
    free = (number for number in count() if number not in before and f"{name}/{number}" not in present)
    return tuple(sorted([*kept, *(next(free) for _ in range(wanted - len(kept)))]))
