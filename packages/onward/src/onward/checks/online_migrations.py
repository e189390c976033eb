"""What is to be said of data that a release should have moved while it ran. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from onward.checks.finding import Finding, Result, unclear
from onward.model.online_migrations import Left

ONLINE = "online data migrations"


def online_findings(about: str, left: Sequence[Left], command: str, *, moves: bool) -> Iterator[Finding]:
    """Whether all has been moved that the release which is there moves; ``moves``: another one comes after it.

    The next release may take it for granted, and drop what it has not been moved out of.
    """
    for each in left:
        if each.failure:
            words = f"{each.what}{_where(each)} ({each.function}): {each.failure}"
            yield unclear(ONLINE, words, _way_out(each, command), about)
        elif each.rows:
            result: Result = "fail" if moves and not each.may_stay else "warn"
            words = f"{each.what}{_where(each)}: {each.rows} ({each.function})"
            words += f"; some may be left for good: {each.may_stay}" if each.may_stay else ""
            yield Finding(ONLINE, result, words, _way_out(each, command), about)
    if left and not any(each.failure or each.rows for each in left):
        functions = list(dict.fromkeys(each.function for each in left))
        yield Finding(ONLINE, "pass", f"nothing is left to do for {_named(functions)}", about=about)


def _where(left: Left) -> str:
    return f" in {left.place}" if left.place else ""


def _way_out(left: Left, command: str) -> str:
    return f"{command}  # where [database] connection is that of {left.place}" if left.place else command


def _named(functions: Iterable[str]) -> str:
    names = list(functions)
    return names[0] if len(names) == 1 else f"any of {len(names)} functions"
