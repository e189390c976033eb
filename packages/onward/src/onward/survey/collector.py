"""Python's collector of circular garbage, kept from walking over a plan while the plan grows."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Make many objects that all stay, without the collector going over all of them again and again.

    It begins whenever so many objects have been made, the more there are the longer, so that a plan of ten thousand
    units would take more time for each unit than one of a thousand. A plan holds no circles: nothing is kept that
    would have been freed. As it was before, afterwards: also where it was off, and where planning is refused.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
