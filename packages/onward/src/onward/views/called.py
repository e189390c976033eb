"""How this program was called, for whoever goes on: with the directories that were named."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_PROGRAM = "onward"
_CALLED: ContextVar[str] = ContextVar("called", default=_PROGRAM)


@contextmanager
def called_with(words: Sequence[str]) -> Iterator[None]:
    """Have commands told with these options of the program in here."""
    before = _CALLED.set(shlex.join([_PROGRAM, *words]))
    try:
        yield
    finally:
        _CALLED.reset(before)


def as_called(commands: str) -> str:
    """Commands of this program, a line each, as they have to be typed to find the same; other lines as they are."""
    return "\n".join(map(_as_called, commands.splitlines()))


def _as_called(command: str) -> str:
    program, _, rest = command.partition(" ")
    called = _CALLED.get()
    return f"{called} {rest}" if program == _PROGRAM and not command.startswith(called) else command
