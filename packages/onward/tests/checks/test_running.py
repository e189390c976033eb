"""Whatever a check does, the others are run, and what it did is a finding that is no pass."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onward.checks.finding import Finding
from onward.errors import ToolMissing
from onward.hosts.state import Directories
from onward.model.cloud import parse
from onward.survey.checks.check import Check, Look
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks


@pytest.fixture
def context(directories: Directories) -> Iterator[CheckContext]:
    cloud = parse("cloud: test\nservices: {keystone: {configuration: [/etc/none.conf]}, nova: {configuration: [/n]}}")
    with CheckContext(directories, cloud, ("keystone", "nova")) as made:
        yield made


def fine(_context: CheckContext) -> Iterator[Finding]:
    yield Finding("fine", "pass")


def raises(_context: CheckContext) -> Iterator[Finding]:
    yield Finding("half", "pass")
    raise ZeroDivisionError("the PDU said no")


def refuses(_context: CheckContext) -> Iterator[Finding]:
    raise ToolMissing("ipmitool is not installed.", next_command="apt-get install ipmitool")


class Silly:
    def __repr__(self) -> str:
        raise RuntimeError


MISBEHAVED: dict[str, tuple[Look, str]] = {
    "raises": (raises, "ZeroDivisionError: the PDU said no"),
    "refuses": (refuses, "OW205: ipmitool is not installed."),
    "leaves": (lambda _context: sys.exit(0), "SystemExit"),
    "silent": (lambda _context: [], "said nothing"),
    "nothing": (lambda _context: None, "no list of findings: None"),  # type: ignore[arg-type,return-value]
    "a string": (lambda _context: "pass", "no list of findings: 'pass'"),  # type: ignore[arg-type,return-value]
    "numbers": (lambda _context: [0], "no finding: 0"),  # type: ignore[list-item]
    "no repr": (lambda _context: [Silly()], "an object of Silly"),  # type: ignore[list-item]
    "a new result": (lambda _context: [Finding("x", "ok")], "'ok', which is no result"),  # type: ignore[arg-type]
    "no words": (lambda _context: [Finding("x", "pass", None)], "without words"),  # type: ignore[arg-type]
    "no name": (lambda _context: [Finding("", "pass")], "without words"),
}


@pytest.mark.parametrize("how", sorted(MISBEHAVED))
def test_a_check_that_misbehaves_could_not_tell_and_the_others_are_run(context: CheckContext, how: str) -> None:
    look, said = MISBEHAVED[how]
    found = run_checks([Check("bad", look), Check("good", fine)], context)
    (unclear,) = [finding for finding in found if finding.result == "could-not-tell"]
    assert unclear.name == unclear.check == "bad"
    assert said in unclear.details
    assert [finding.name for finding in found if finding.check == "good"] == ["fine"]


def test_what_was_found_before_a_crash_is_kept(context: CheckContext) -> None:
    assert [(each.name, each.result) for each in run_checks([Check("bad", raises)], context)] == [
        ("half", "pass"),
        ("bad", "could-not-tell"),
    ]


def test_a_check_that_hangs_is_left_behind(context: CheckContext) -> None:
    release = threading.Event()

    def hangs(_context: CheckContext) -> Iterator[Finding]:
        yield Finding("first node", "pass")
        release.wait(300)

    try:
        found = run_checks([Check("slow", hangs, timeout_seconds=0.2), Check("good", fine)], context)
    finally:
        release.set()
    assert [(each.name, each.result) for each in found] == [
        ("first node", "pass"),
        ("slow", "could-not-tell"),
        ("fine", "pass"),
    ]
    assert "0.2 s" in found[1].details


def test_checks_run_side_by_side(context: CheckContext) -> None:
    """Each waits for the other: one after the other they would wait until their time ran out."""
    together = threading.Barrier(2)

    def meets(_context: CheckContext) -> Iterator[Finding]:
        together.wait(60)
        yield Finding("met", "pass")

    found = run_checks([Check("one", meets), Check("two", meets)], context)
    assert [finding.result for finding in found] == ["pass", "pass"]


def test_cancelled_checks_could_not_tell(context: CheckContext) -> None:
    release = threading.Event()

    def waits(_context: CheckContext) -> Iterator[Finding]:
        release.wait(300)
        yield Finding("late", "pass")

    began = time.monotonic()
    try:
        (found,) = run_checks([Check("slow", waits)], context, cancelled=lambda: time.monotonic() > began + 0.3)
    finally:
        release.set()
    assert found.result == "could-not-tell"
    assert "cancelled" in found.details


def test_a_secret_that_a_check_was_given_is_in_no_finding(
    context: CheckContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("Gr8Secret/1\n")
    monkeypatch.setenv("BROKER_PASSWORD", "An0therSecret")

    def tells(context: CheckContext) -> Iterator[Finding]:
        secrets = [context.secret(f"file:{tmp_path / 'password'}"), context.secret("env:BROKER_PASSWORD")]
        assert secrets == ["Gr8Secret/1", "An0therSecret"]
        yield Finding("login", "fail", f"refused {secrets}", f"curl http://u:{secrets[0]}@h", about=secrets[1])
        raise RuntimeError(f"http://u:Gr8Secret%2F1@h {secrets}")

    shown = str(run_checks([Check("login", tells)], context))
    assert "Gr8Secret" not in shown
    assert "An0therSecret" not in shown
    assert "***" in shown


def test_a_secret_that_is_not_there_is_named_and_could_not_be_told(context: CheckContext) -> None:
    (found,) = run_checks(
        [Check("login", lambda context: [Finding(context.secret("env:NOT_SET_AT_ALL"), "pass")])], context
    )
    assert found.result == "could-not-tell"
    assert "OW804" in found.details
    assert "env:NOT_SET_AT_ALL" in found.details


def test_a_check_of_each_service_is_about_that_service(context: CheckContext) -> None:
    def each(context: CheckContext) -> Iterator[Finding]:
        if context.services == ("nova",):
            raise RuntimeError
        yield Finding("schema", "pass", ",".join(context.services))

    found = run_checks([Check("each", each, each_service=True)], context)
    assert [(finding.about, finding.result) for finding in found] == [("keystone", "pass"), ("nova", "could-not-tell")]


def test_without_a_cloud_file_what_needs_it_says_so(directories: Directories) -> None:
    with CheckContext(directories, None, ()) as context:
        found = run_checks([Check("schema", fine, each_service=True), Check("else", fine, needs="nothing")], context)
    assert [(each.name, each.result) for each in found] == [("schema", "could-not-tell"), ("fine", "pass")]
    assert "cloud file" in found[0].details
    assert "--cloud-file" in found[0].way_out


def test_nobody_waives_himself(context: CheckContext) -> None:
    (found,) = run_checks([Check("own", lambda _context: [Finding("x", "fail", waived="I am fine")])], context)
    assert found.stops


def test_what_only_matters_for_moving_is_left_out_without_a_target(context: CheckContext) -> None:
    assert run_checks([Check("path", fine, only_to_move=True)], context) == []
