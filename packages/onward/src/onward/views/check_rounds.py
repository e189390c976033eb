"""Shows what changes from one round of checks to the next: to people, in a log, and as data."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from onward.checks.changes import Change
from onward.checks.finding import Finding
from onward.checks.grouping import grouped
from onward.errors import OnwardError
from onward.views.findings import WAIVED, WORDS, as_data, tally
from onward.views.page import Page, Part
from onward.views.terminal import print_error
from onward.views.words import clock, counted, duration, moment, one_line

_COLUMNS = 10
_CLEAR = "\r\x1b[2K"


@dataclass(frozen=True)
class Round:
    """One round of checks."""

    number: int
    """The first is 1."""
    ended_at: float
    """Seconds since the epoch."""
    seconds: float
    exit_status: int
    findings: Sequence[Finding] = ()
    """All of them, the worst first."""
    changes: Sequence[Change] = ()
    """Since the last round that came to its end; of the first round none."""
    error: OnwardError | None = None
    """Why nothing could be looked at; there are no findings then."""


class Rounds(Protocol):
    """Where rounds are shown."""

    def looking(self) -> None:
        """A round begins."""

    def show(self, done: Round) -> None:
        """A round after the first has ended."""

    def tell(self, text: str) -> None:
        """Something takes its time."""

    def waiting(self, seconds: float) -> None:
        """So long until the next round."""

    def end(self) -> None:
        """No round comes any more."""


class TerminalRounds:
    """For people before a terminal: changes stay, and below them is a line that is drawn over."""

    def __init__(self, stream: TextIO) -> None:
        self._page = Page(stream)
        self._stream = stream
        self._failed = ""
        self._last = ""
        """What the last round came to."""

    def looking(self) -> None:
        """Say so."""
        self._last_line("looking")

    def tell(self, text: str) -> None:
        """It is what is waited for."""
        self._last_line(text)

    def waiting(self, seconds: float) -> None:
        """What the last round came to, and what can be done."""
        again = clock(time.time() + seconds)
        self._last_line(f"{self._last}Next {again}. Enter: now, Ctrl-C: end")

    def show(self, done: Round) -> None:
        """What has changed, and how it is now."""
        self._clear()
        if done.error is not None:
            if str(done.error) != self._failed:
                self._page.blank()
                print_error(done.error, self._stream)
            self._failed = str(done.error)
            self._last = f"Round {done.number} could not look. "
            return
        self._failed = ""
        for kind in ("new", "level", "words", "gone"):
            self._print_kind([change for change in done.changes if change.kind == kind], done.ended_at)
        news = counted(len(done.changes), "change") if done.changes else "no change"
        if done.changes:
            self._page.entry(clock(done.ended_at), f"{tally(done.findings)}.", indent=0, columns=_COLUMNS)
        self._last = f"Round {done.number}, {duration(done.seconds)}: {news}. "

    def _print_kind(self, changes: Sequence[Change], at: float) -> None:
        befores = dict.fromkeys(_word(change.before)[0] if change.before else "" for change in changes)
        for before in befores:
            alike = [each for each in changes if (_word(each.before)[0] if each.before else "") == before]
            for group in grouped(each.finding for each in alike):
                change = next(each for each in alike if each.finding == group.finding)
                self._page.blank()
                self._page.entry(
                    clock(at), *_lead(change), (": ", ""), (group.title, "bold"), indent=0, columns=_COLUMNS
                )
                self._print_details(change)

    def _print_details(self, change: Change) -> None:
        finding = change.finding
        for line in finding.details.splitlines():
            self._page.entry("", line, indent=0, columns=_COLUMNS)
        if change.kind == "gone":
            return
        if finding.waived:
            self._page.entry("", f"It stops nothing, because: {finding.waived}", indent=0, columns=_COLUMNS)
        elif finding.way_out and finding.result != "pass":
            self._page.entry("", ("Way out: ", ""), (finding.way_out, "bold"), indent=0, columns=_COLUMNS)

    def _last_line(self, text: str) -> None:
        line = self._page.fitted(text, self._page.columns - _COLUMNS).rstrip()
        self._stream.write(f"{_CLEAR}{clock(time.time()).ljust(_COLUMNS)}{line}")
        self._stream.flush()

    def _clear(self) -> None:
        self._stream.write(_CLEAR)
        self._stream.flush()

    def end(self) -> None:
        """The last line goes."""
        self._clear()


class LoggedRounds:
    """For a log: a line for each change, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._page = Page(stream)
        self._failed = ""

    def looking(self) -> None:
        """Nothing to say."""

    def tell(self, text: str) -> None:
        """Nothing to say."""

    def waiting(self, seconds: float) -> None:
        """Nothing to say."""

    def show(self, done: Round) -> None:
        """One line for each change."""
        failed = "" if done.error is None else f"{done.error.code}: {done.error.what}"
        if failed != self._failed:
            self._line(done, f"could not look, {failed}" if failed else "looked again")
        self._failed = failed
        for change in done.changes:
            finding = change.finding
            about = f" ({finding.about})" if finding.about else ""
            words = "".join(each if isinstance(each, str) else each[0] for each in _lead(change))
            details = f": {finding.details}" if finding.details else ""
            self._line(done, f"{words}: {finding.name}{about}{details}")

    def _line(self, done: Round, text: str) -> None:
        print(self._page.clean(one_line(f"{moment(done.ended_at)} {text}")), file=self._stream, flush=True)

    def end(self) -> None:
        """Nothing to say."""


class JsonRounds:
    """For programs: a JSON document on a line of its own for each round, the first one included."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def looking(self) -> None:
        """Nothing to say."""

    def tell(self, text: str) -> None:
        """Nothing to say."""

    def waiting(self, seconds: float) -> None:
        """Nothing to say."""

    def show(self, done: Round) -> None:
        """All of it."""
        data: dict[str, Any] = {
            "round": done.number,
            "ended": moment(done.ended_at),
            "seconds": round(done.seconds, 2),
            "exit_status": done.exit_status,
            "findings": [as_data(finding) for finding in done.findings],
            "changes": [
                {"change": change.kind, "before": change.before and as_data(change.before)}
                | {"now": None if change.kind == "gone" else as_data(change.finding)}
                for change in done.changes
            ],
        }
        if done.error is not None:
            data["error"] = done.error.as_data()
        print(json.dumps(data), file=self._stream, flush=True)

    def end(self) -> None:
        """Nothing to say."""


def _lead(change: Change) -> tuple[Part, ...]:
    """What has become of a finding: ``was FAIL, now pass``."""
    now = _word(change.finding)
    if change.kind == "new":
        return ("new, ", now)
    if change.kind == "gone":
        return ("gone, was ", now)
    if change.kind == "words":
        return (now, " as before, and says otherwise")
    was, _ = _word(change.before or change.finding)
    return (f"was {was}, now ", now)


def _word(finding: Finding) -> tuple[str, str]:
    return WAIVED if finding.waived else WORDS[finding.result]
