"""How a further round of checks is shown in a log, to people and to programs."""

import io
import json
import re

from onward.checks.changes import Change, changes
from onward.checks.finding import Finding
from onward.errors import InvalidCloudFile
from onward.views.check_rounds import JsonRounds, LoggedRounds, Round, TerminalRounds

DISK = Finding("disk", "fail", "0.2 GB\nare left", "free some", about="db1", check="machine")
BROKEN = InvalidCloudFile("The cloud file cannot be read.", evidence="line 3")


def done(*found: Finding, before: tuple[Finding, ...] = (), number: int = 2) -> Round:
    return Round(number, 1e9, 1.25, 4 if any(each.stops for each in found) else 0, found, changes(before, found))


def failed(number: int) -> Round:
    return Round(number, 1e9, 0.1, 4, error=BROKEN)


def test_a_log_has_a_line_for_each_change_and_none_for_a_round_without() -> None:
    stream = io.StringIO()
    rounds = LoggedRounds(stream)
    rounds.show(done(DISK))
    rounds.show(done(DISK, before=(DISK,)))
    rounds.show(done(before=(DISK,)))
    new, gone = stream.getvalue().splitlines()
    assert new.endswith(" new, FAIL: disk (db1): 0.2 GB are left")
    assert gone.endswith(" gone, was FAIL: disk (db1): 0.2 GB are left")
    assert new.startswith("2001-09-")


def test_what_keeps_a_round_from_looking_is_said_once_and_so_is_its_end() -> None:
    stream = io.StringIO()
    rounds = LoggedRounds(stream)
    for each in (failed(2), failed(3), done(DISK, before=(DISK,), number=4)):
        rounds.show(each)
    could_not, again = stream.getvalue().splitlines()
    assert "could not look, OW" in could_not
    assert "The cloud file cannot be read." in could_not
    assert again.endswith("looked again")


def test_changes_of_several_things_that_say_the_same_are_told_together() -> None:
    stream = io.StringIO()
    warnings = [Finding("age", "warn", "too old", about=f"nova {series}") for series in ("2025.2", "2026.1")]
    rounds = TerminalRounds(stream)
    rounds.show(done(*warnings, DISK))
    rounds.waiting(30)
    shown = " ".join(stream.getvalue().split())
    assert shown.index("new, FAIL: disk (db1)") < shown.index("new, warning: age (nova 2025.2, 2026.1)")
    assert "Way out: free some" in shown
    assert "1 failed, 1 warning." in shown
    assert re.search(r"Round 2, 1\.\d s: 3 changes\. Next \d\d:\d\d:\d\d\. Enter: now, Ctrl-C: end", shown)


def test_what_is_gone_is_told_with_what_it_was_and_without_a_way_out() -> None:
    stream = io.StringIO()
    TerminalRounds(stream).show(done(before=(DISK,)))
    shown = " ".join(stream.getvalue().split())
    assert "gone, was FAIL: disk (db1) 0.2 GB are left" in shown
    assert "Way out" not in shown


def test_no_line_is_wider_than_its_reader_sees_it() -> None:
    stream = io.StringIO()
    long = Finding("disk", "fail", "word " * 60, "do " * 60, about="db1")
    rounds = TerminalRounds(stream)
    rounds.looking()
    rounds.show(done(long))
    rounds.tell("x" * 300)
    rounds.waiting(1e6)
    plain = stream.getvalue().replace("\r\x1b[2K", "\n")
    assert max(map(len, plain.splitlines())) <= 80


def test_each_round_is_a_document_on_a_line_of_its_own() -> None:
    stream = io.StringIO()
    rounds = JsonRounds(stream)
    rounds.show(Round(1, 1e9, 20.0, 0))
    rounds.show(done(DISK))
    rounds.show(done(before=(DISK,), number=3))
    rounds.show(failed(4))
    first, second, third, fourth = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["round"], first["seconds"], first["changes"]) == (1, 20.0, [])
    assert second["exit_status"] == 4
    assert second["findings"][0]["Way out"] == "free some"
    assert [(each["change"], each["before"], each["now"]["Check"]) for each in second["changes"]] == [
        ("new", None, "disk")
    ]
    assert [(each["change"], each["before"]["Check"], each["now"]) for each in third["changes"]] == [
        ("gone", "disk", None)
    ]
    assert fourth["error"]["code"] == BROKEN.code


def test_a_change_of_words_says_so() -> None:
    stream = io.StringIO()
    other = Finding("disk", "fail", "it cannot be read", about="db1", check="machine")
    assert changes([DISK], [other]) == [Change("words", other, DISK)]
    LoggedRounds(stream).show(done(other, before=(DISK,)))
    assert "FAIL as before, and says otherwise: disk (db1): it cannot be read" in stream.getvalue()
