"""``onward check --watch``: the same checks again and again, until Ctrl-C."""

import argparse
import select
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from onward.checks.changes import changes
from onward.checks.finding import Finding
from onward.errors import OnwardError
from onward.views.check_rounds import JsonRounds, LoggedRounds, Round, Rounds, TerminalRounds
from onward.views.page import medium_of

WATCH_SECONDS = 30.0
_SHORTEST_SECONDS = 1.0
_MEBIBYTE = 1 << 20


def add_watch_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--watch`` and ``--keep-memory``."""
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=WATCH_SECONDS,
        metavar="SECONDS",
        help="check again so long after each round (default: 30), with the releases' code kept in memory, and tell what"
        " has changed; Enter checks at once, Ctrl-C ends with the exit status of the last round. In a pipe a line for"
        " each change, with -f json a document on a line for each round",
    )
    parser.add_argument(
        "--keep-memory",
        type=_bytes,
        metavar="MIB",
        help="with --watch: what the releases' code may hold between two rounds; what does not fit is imported again"
        " in each (default: half of what the machine has left)",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds; name services before --watch, or say --watch={WATCH_SECONDS:g}"
        ) from None
    if not _SHORTEST_SECONDS <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"at least {_SHORTEST_SECONDS:g} second has to be between two rounds")
    return seconds


def _bytes(text: str) -> int:
    try:
        mebibytes = int(text)
    except ValueError:
        mebibytes = -1
    if mebibytes < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of MiB")
    return mebibytes * _MEBIBYTE


def not_to_be_watched(parsed_args: Any) -> str:
    """Why what was asked for cannot be shown again and again; empty where it can."""
    if parsed_args.formatter not in ("table", "json"):
        return f"-f {parsed_args.formatter} is for one round; --watch shows changes to people, or all rounds as -f json"
    if parsed_args.columns or parsed_args.sort_columns:
        return "-c and --sort-column are for one round: leave them out with --watch"
    return ""


def rounds_for(formatter: str, stream: TextIO, messages: TextIO) -> Rounds:
    """Where rounds are shown: drawn over only where nothing else comes between."""
    if formatter == "json":
        return JsonRounds(stream)
    return TerminalRounds(stream) if medium_of(stream).live and messages.isatty() else LoggedRounds(stream)


class Watch:
    """Looks again and again, and shows it. The first round is shown by whoever has more to say of it."""

    def __init__(
        self,
        look: Callable[[Callable[[str], None]], Sequence[Finding]],
        rounds: Rounds,
        *,
        show_first: Callable[[Round], None],
        status_of: Callable[[Sequence[Finding]], int],
    ) -> None:
        """``look`` is given where to tell what takes its time."""
        self._look = look
        self._rounds = rounds
        self._show_first = show_first
        self._status_of = status_of
        self._findings: Sequence[Finding] = ()
        self._number = 0
        self._status: int | None = None

    def until_interrupted(self, seconds: float, typed: TextIO | None, tell: Callable[[str], None]) -> int:
        """The exit status of the last round that came to its end.

        ``typed`` is where a line means: now. ``tell`` is for the first round. Raises what the first round raises, and
        KeyboardInterrupt during it.
        """
        try:
            self._first(tell)
            while True:
                self._rounds.waiting(seconds)
                typed = _wait(seconds, typed)
                self._rounds.looking()
                self._again()
        except KeyboardInterrupt:
            if self._status is None:
                raise
            return self._status
        finally:
            self._rounds.end()

    def _first(self, tell: Callable[[str], None]) -> None:
        began = time.monotonic()
        self._findings = self._look(tell)
        status = self._status_of(self._findings)
        done = Round(1, time.time(), time.monotonic() - began, status, self._findings)
        self._number = 1
        # Before anybody sees it: who has seen it may end the watch, and is told its status.
        self._status = status
        self._show_first(done)

    def _again(self) -> None:
        """One more. What keeps it from looking ends nothing: a file may be half written just now."""
        self._number += 1
        began = time.monotonic()
        try:
            found = self._look(self._rounds.tell)
        except OnwardError as error:
            done = Round(self._number, time.time(), time.monotonic() - began, error.exit_status, error=error)
        else:
            news = changes(self._findings, found)
            status = self._status_of(found)
            done = Round(self._number, time.time(), time.monotonic() - began, status, found, news)
            self._findings = found
        self._status = done.exit_status
        self._rounds.show(done)


def _wait(seconds: float, typed: TextIO | None) -> TextIO | None:
    """Wait for the time or a line; what to listen to from now on."""
    if typed is None:
        time.sleep(seconds)
        return None
    ready, _, _ = select.select([typed], [], [], seconds)
    if ready and typed.readline() == "":
        return None  # Its end: nobody will type anything any more.
    return typed
