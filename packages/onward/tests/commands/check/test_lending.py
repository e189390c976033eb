"""What `onward check --watch` has in memory, `onward check` in another terminal need not import again."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from checked_keystone import SOURCE, Keystone
from test_watch import PATIENCE_SECONDS, ROLES, Documents, command, loosen_roles, runners_of

from onward.hosts.state import Directories

pytestmark = pytest.mark.environments
LENT = rf"keystone {re.escape(SOURCE)}: with the code that process (\d+) has in memory"
LENDS = b'{"pid": 123456789}\n'
OWN = f"keystone {SOURCE}: building and importing it"


@contextmanager
def watch(directories: Directories, keystone: Keystone) -> Iterator["subprocess.Popen[str]"]:
    """One that has looked once and will not look again."""
    words = command(directories, keystone, "--watch", "600", "-f", "json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            Documents(process).until(lambda each: True)
            yield process
        finally:
            process.kill()


def check(directories: Directories, keystone: Keystone) -> tuple[set[tuple[str, str, str]], str]:
    """What `onward check` finds, and what it says meanwhile."""
    words = command(directories, keystone, "-f", "json")
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode in (0, 4), done.stderr
    return {(each["Check"], each["About"], each["Result"]) for each in json.loads(done.stdout)}, done.stderr


def test_a_check_is_made_anew_with_the_code_that_a_watch_has_in_memory(
    directories: Directories, keystone: Keystone
) -> None:
    alone, said = check(directories, keystone)
    assert OWN in said
    with watch(directories, keystone) as process:
        runners = runners_of(process.pid)
        mode = (directories.state / "runners.sock").stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
        found, said = check(directories, keystone)
        assert found == alone
        assert [int(pid) for pid in re.findall(LENT, said)] == [each.pid for each in runners]
        assert OWN not in said
        loosen_roles(keystone)
        assert (ROLES, f"keystone {SOURCE}", "fail") in check(directories, keystone)[0]
        assert runners_of(process.pid) == runners


@pytest.mark.full
def test_after_a_watch_that_was_killed_a_check_does_for_itself_and_another_watch_lends(
    directories: Directories, keystone: Keystone
) -> None:
    with watch(directories, keystone) as process:
        lent = runners_of(process.pid)
        process.kill()
        process.wait(PATIENCE_SECONDS)
        psutil.wait_procs(lent, PATIENCE_SECONDS)
        assert OWN in check(directories, keystone)[1]
    with watch(directories, keystone):
        assert re.search(LENT, check(directories, keystone)[1])


@pytest.mark.full
def test_one_watch_lends_and_a_second_one_only_watches(directories: Directories, keystone: Keystone) -> None:
    with watch(directories, keystone) as first, watch(directories, keystone) as second:
        (runner,) = runners_of(first.pid)
        second.kill()
        second.wait(PATIENCE_SECONDS)
        assert re.findall(LENT, check(directories, keystone)[1]) == [str(runner.pid)]
    assert OWN in check(directories, keystone)[1]


@pytest.mark.full
def test_a_watch_that_is_stopped_holds_no_check_up(directories: Directories, keystone: Keystone) -> None:
    with watch(directories, keystone) as process:
        process.send_signal(signal.SIGSTOP)
        assert OWN in check(directories, keystone)[1]


@pytest.mark.parametrize(
    "answers",
    [
        (LENDS, b'{"died": "killed"}\n'),
        *(pytest.param(each, marks=pytest.mark.full) for each in ((b"nonsense\n",), (LENDS,), (LENDS, b"nonsense\n"))),
    ],
)
def test_where_a_lender_does_not_keep_its_word_the_check_is_made_without_it(
    directories: Directories, keystone: Keystone, answers: tuple[bytes, ...]
) -> None:
    alone, _ = check(directories, keystone)
    with lender(directories.state / "runners.sock", answers) as asked:
        found, said = check(directories, keystone)
    assert asked
    assert (found, OWN in said) == (alone, True)


@contextmanager
def lender(address: Path, answers: tuple[bytes, ...]) -> Iterator[list[Any]]:
    """One that says this and then ends the connection; what it was asked."""
    asked: list[Any] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in answers:
                asked.append(json.loads(lines.readline()))
                connection.sendall(answer)

    directory = os.open(address.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{directory}/{address.name}")
        listener.listen()
        listener.settimeout(PATIENCE_SECONDS)
        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join(PATIENCE_SECONDS)
    os.close(directory)
