"""``onward check --watch`` on real services: it sees what changes, and looks again each time."""

import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from checked_keystone import SOURCE, Keystone
from real_services import RealService

from onward.hosts.runner import warm_runner
from onward.hosts.state import Directories
from onward.survey.check import CheckWish, survey_check
from onward.survey.checks.kept_runners import KeptRunners, Worth, to_give_up
from onward.survey.cloud import load_cloud
from onward.survey.options import EnvironmentWish

WRONG = "[token]\nexpiration = soon\n"
PATIENCE_SECONDS = 120
ROLES = "Check default roles are immutable"

pytestmark = pytest.mark.environments


@pytest.fixture
def two_services(keystone: Keystone, real_services: Callable[[str, str], RealService]) -> Keystone:
    """Keystone, whose cloud has Placement as well."""
    placement = real_services("placement", SOURCE)
    placement.write()
    cloud = yaml.safe_load(keystone.cloud_file.read_text())
    cloud["services"]["placement"] = {"series": SOURCE, "configuration": [str(placement.configuration)]}
    keystone.cloud_file.write_text(yaml.safe_dump(cloud))
    return keystone


def command(directories: Directories, keystone: Keystone, *words: str) -> list[str]:
    places = ["--state-dir", str(directories.state), "--cache-dir", str(directories.cache)]
    check = ["check", "--cloud", str(keystone.cloud_file), *words]
    return [sys.executable, "-m", "onward.commands.main", *places, *check]


@contextmanager
def typed_into(file: Path, text: str) -> Iterator[None]:
    """A file with something at its end."""
    before = file.read_text()
    file.write_text(before + text)
    try:
        yield
    finally:
        file.write_text(before)


def loosen_roles(keystone: Keystone) -> None:
    """What the release's own check calls a failure."""
    with closing(sqlite3.connect(keystone.database)) as connection:
        connection.execute("DELETE FROM role_option")
        connection.commit()


def runners_of(process: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(process).children() if "runner_program" in " ".join(each.cmdline())]


class Documents:
    """What a watch says on its standard output."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first round of which that is true."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            line = self._process.stdout.readline()
            assert line, "the watch has ended"
            document: dict[str, Any] = json.loads(line)
            if wanted(document):
                return document
        raise AssertionError("no such round")


def test_a_change_is_seen_and_its_end_and_ctrl_c_ends_with_the_status_of_the_last_round(
    directories: Directories, two_services: Keystone
) -> None:
    words = command(directories, two_services, "--watch", "1", "-f", "json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            rounds = Documents(process)
            first = rounds.until(lambda each: True)
            assert (first["round"], first["exit_status"], first["changes"]) == (1, 0, [])
            asked = {(each["Check"], each["About"]) for each in first["findings"]}
            assert {(ROLES, f"keystone {SOURCE}"), ("Missing Root Provider IDs", f"placement {SOURCE}")} <= asked
            runners = runners_of(process.pid)
            assert len(runners) == 2

            with typed_into(two_services.configuration, WRONG):
                seen = rounds.until(lambda each: each["exit_status"] == 4)
                (change,) = seen["changes"]
                assert (change["change"], change["before"]["Result"], change["now"]["Result"]) == (
                    "level",
                    "pass",
                    "fail",
                )
                assert (change["now"]["Check"], change["now"]["About"]) == ("option values", f"keystone {SOURCE}")
            (change,) = rounds.until(lambda each: each["exit_status"] == 0)["changes"]
            assert (change["before"]["Result"], change["now"]["Result"]) == ("fail", "pass")
            assert runners_of(process.pid) == runners

            two_services.configuration.write_text(two_services.configuration.read_text() + WRONG)
            rounds.until(lambda each: each["exit_status"] == 4)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 4
            assert not any(each.is_running() for each in runners)
        finally:
            process.kill()


def test_a_terminal_shows_what_changes_when_enter_is_typed(directories: Directories, keystone: Keystone) -> None:
    terminal, other_end = pty.openpty()
    with subprocess.Popen(
        command(directories, keystone, "--watch", "600"),
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        try:
            assert "doctor" in shown_until(terminal, "nothing stands out.*Not checked.*Ctrl-C: end")
            with typed_into(keystone.configuration, WRONG):
                os.write(terminal, b"\n")
                shown = shown_until(terminal, "Round 2, .*Ctrl-C: end")
                assert f"was pass, now FAIL: option values (keystone {SOURCE})" in shown
                assert "Way out: set [token] expiration" in shown
                assert "1 failed" in shown
                assert ROLES not in shown
            os.write(terminal, b"\n")
            assert f"was FAIL, now pass: option values (keystone {SOURCE})" in shown_until(
                terminal, "Round 3, .*Ctrl-C: end"
            )
            os.write(terminal, b"\n")
            shown_until(terminal, "Round 4, .*no change.*Ctrl-C: end")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()
            os.close(terminal)
            os.close(other_end)


def shown_until(terminal: int, pattern: str) -> str:
    """What comes on a terminal until the pattern does, without what steers it."""
    shown, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            shown += os.read(terminal, 65536).decode(errors="replace")
            plain = " ".join(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).split())
            if re.search(pattern, plain):
                return plain
    raise AssertionError(shown)


def test_a_runner_that_died_between_two_rounds_is_started_again_and_one_that_lives_is_asked_again(
    directories: Directories, two_services: Keystone
) -> None:
    def look(kept: KeptRunners) -> list[tuple[str, str, str]]:
        wish, environments = CheckWish(), EnvironmentWish("as-of-release", 2)
        found = survey_check(
            directories, load_cloud(two_services.cloud_file), wish, environments, progress=lambda text: None, kept=kept
        )
        return [(each.name, each.about, each.result) for each in found]

    with KeptRunners() as kept:
        first, runners = look(kept), kept.pids()
        assert set(runners) == {("keystone", SOURCE), ("placement", SOURCE)}
        os.kill(runners["keystone", SOURCE], signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while psutil.Process(runners["keystone", SOURCE]).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert look(kept) == first
        now = kept.pids()
        assert now["keystone", SOURCE] != runners["keystone", SOURCE]
        assert now["placement", SOURCE] == runners["placement", SOURCE]
        # The service's own check looks at the database as it is now.
        loosen_roles(two_services)
        assert set(look(kept)) - set(first) == {(ROLES, f"keystone {SOURCE}", "fail")}
        assert kept.pids() == now
    assert not any(psutil.pid_exists(pid) for pid in now.values())


def test_what_there_is_no_memory_for_is_ended_and_imported_again(
    tmp_path: Path, keystone_environment: Callable[[str], Path]
) -> None:
    def start() -> Any:
        return warm_runner(keystone_environment(SOURCE), ["json"], tmp_path / "log")

    with KeptRunners(most_bytes=0) as kept:
        with kept.borrowed(("keystone", SOURCE), start) as runner:
            assert runner.alive()
        assert kept.pids() == {}
        assert not runner.alive()


def test_those_that_save_least_for_what_they_hold_are_given_up_first() -> None:
    kept = {("nova", "a"): Worth(140, 3.5), ("heat", "a"): Worth(46, 0.4), ("keystone", "a"): Worth(126, 3.5)}
    assert to_give_up(kept, 312) == []
    assert to_give_up(kept, 311) == [("heat", "a")]
    assert to_give_up(kept, 200) == [("heat", "a"), ("nova", "a")]
    assert set(to_give_up(kept, 0)) == set(kept)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--watch", "keystone"), "no number of seconds"),
        (("--watch", "0"), "at least 1 second"),
        (("--watch", "inf"), "at least 1 second"),
        (("--watch", "-f", "yaml"), "-f yaml is for one round"),
        (("--watch", "-c", "Check"), "-c and --sort-column are for one round"),
        (("--watch", "--keep-memory", "lots"), "no number of MiB"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_the_reason(
    onward: Callable[..., Any], words: tuple[str, ...], said: str
) -> None:
    called = onward("check", *words)
    assert called.status == 2
    assert said in " ".join(called.err.split())
    assert called.out == ""
