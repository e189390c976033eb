"""The machine itself: file systems that are full or broken, memory and files that are bounded, no interpreter."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest
from checked_keystone import Keystone
from faults_page import FaultsPage, Row

from onward.catalog.load import series_list
from onward.checks.finding import Finding
from onward.checks.machine import Machine, MachineNeeds, machine_findings
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.state import Directories
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks
from onward.survey.checks.table import BUILT_IN
from onward.survey.cloud import load_cloud
from onward.survey.machine import RELEASE_BYTES

pytestmark = pytest.mark.environments

PAGE = FaultsPage(
    Path(__file__).parents[5] / "docs" / "reference" / "faults-machine.md",
    "Faults of the machine",
    "Each of these was done to the machine that a real Keystone was checked on: file systems of their own, control\n"
    "groups, limits. Besides what is named, nothing was found. Its test writes this page.",
)
SMALL = "The file system has 90 MB"
TIGHT = "The file system has 400 MB"
FILES = "The file system takes no more files"
BROKEN = "The file system can only be read"
BOUNDED = "Files are limited to less than the database has (ulimit -f)"
TABLES = "The disk of a database server has less room than its largest table takes"
MEMORY = "A control group leaves memory for two releases, and seven are to come"
PYTHON = "There is no interpreter for the target"
ORDER = [SMALL, TIGHT, FILES, BROKEN, TABLES, BOUNDED, MEMORY, PYTHON]


@contextmanager
def file_system(directory: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory, mounted there."""
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "onward-test", directory], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a file system: {mounted.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


@pytest.fixture
def check(keystone: Keystone, directories: Directories) -> Callable[..., list[Finding]]:
    """What is found of the machine, with the state in some directory."""

    def call(state: Path | None = None, target: str | None = None) -> list[Finding]:
        cloud = load_cloud(keystone.cloud_file)
        places = replace(directories, state=state or directories.state)
        series = series_list().find(target) if target else None
        with CheckContext(places, cloud, ("keystone",), target=series) as context:
            return run_checks([each for each in BUILT_IN if each.name == "machine"], context)

    return call


def hold(fault: str, found: Sequence[Finding], hidden: Path, shown: str = "/var/lib/onward") -> None:
    """Have the page say all that does not pass."""
    rows = []
    for each in found:
        if each.result != "pass":
            assert each.way_out
            named = {"Check": each.name, "About": each.about, "Result": each.result, "Details": each.details}
            rows.append(Row.of(fault, named, lambda text: text.replace(str(hidden), shown)))
    PAGE.hold(fault, rows, ORDER)


def test_what_is_well_gives_no_warning(check: Callable[..., list[Finding]], directories: Directories) -> None:
    for target in (None, "2026.2"):
        found = check(target=target)
        assert {each.result for each in found} == {"pass"}, found
    told = {each.name: each.details for each in found}
    assert told["disk"].startswith(f"runs in {directories.state}: ")
    assert " free" in told["disk"]
    assert " are left to " in told["memory"]
    assert set(told) == {"disk", "memory", "file size limit"}


@pytest.mark.parametrize(
    ("fault", "options", "result", "words"),
    [
        (SMALL, "size=90m", "fail", "94.4 MB of 94.4 MB are free"),
        (TIGHT, "size=400m", "warn", "0.4 GB of 0.4 GB are free"),
        (FILES, "size=2g,nr_inodes=500", "fail", " more files may be made, whatever room there is"),
        (BROKEN, "size=2g,ro", "fail", "the file system can only be read"),
    ],
)
def test_a_file_system_that_is_full_or_broken_is_named(
    check: Callable[..., list[Finding]], tmp_path: Path, fault: str, options: str, result: str, words: str
) -> None:
    with file_system(tmp_path / "small", options) as state:
        found = check(state)
    (disk,) = [each for each in found if each.name == "disk" and each.result != "pass"]
    assert (disk.result, disk.about) == (result, str(state))
    assert words in disk.details
    hold(fault, found, state)


def test_onward_check_shows_it_beside_what_the_way_needs(
    onward: Callable[..., Any], keystone: Keystone, tmp_path: Path
) -> None:
    with file_system(tmp_path / "small", "size=90m") as state:
        words = ("check", "--cloud", keystone.cloud_file, "--to", "2023.2", "-f", "json")
        called = onward("--state-dir", state, *words)
        assert called.status == 4
        found = {(each["Check"], each["Result"]): each for each in json.loads(called.out)}
        assert found["disk", "fail"]["About"] == str(state)
        assert "no room for the copy" in found["room", "fail"]["Details"]

        subprocess.run(["mount", "-o", "remount,ro", state], check=True)
        (empty,) = [tmp_path / "small" / "new"]
        called = onward("--state-dir", empty, *words)
    assert (called.status, called.out) == (4, "")
    assert "Read-only file system" in called.err
    assert "Traceback" not in called.err


@pytest.mark.mariadb
def test_a_database_whose_disk_gets_full_is_named_before_a_migration_fills_it(
    tmp_path: Path, directories: Directories
) -> None:
    def disk() -> Finding:
        with CheckContext(directories, load_cloud(file), ("keystone",)) as context:
            found = run_checks([each for each in BUILT_IN if each.name == "database servers"], context)
        return next(each for each in found if each.name == "database disk")

    file = tmp_path / "cloud.yaml"
    with file_system(tmp_path / "disk", "size=320m") as there, PrivateMariadb(there, tmp_path / "log") as server:
        url = server.url("keystone")
        configuration = f"[database]\nconnection = {url.render_as_string(hide_password=False)}\n"
        (tmp_path / "keystone.conf").write_text(configuration)
        file.write_text("cloud: example\nservices: {keystone: {configuration: [keystone.conf]}}\n")
        with closing(pymysql.connect(user="root", unix_socket=str(server.socket), autocommit=True)) as connection:
            cursor = connection.cursor()
            cursor.execute("CREATE DATABASE keystone")
            cursor.execute("CREATE TABLE keystone.assignment (number INT PRIMARY KEY, content LONGBLOB)")
            well = disk()
            assert well.result == "pass", well
            number, step = 0, 5
            while shutil.disk_usage(there).free > 40_000_000:
                cursor.executemany(
                    "INSERT INTO keystone.assignment VALUES (%s, REPEAT('x', 1000000))",
                    [(each,) for each in range(number, number + step)],
                )
                number += step
            cursor.execute("ANALYZE TABLE keystone.assignment")
        found = disk()
    assert found.result == "fail"
    assert "the largest, keystone.assignment, " in found.details
    hold(TABLES, [found], server.socket, "localhost")


def test_a_limit_on_files_that_the_backup_would_meet_is_named(
    check: Callable[..., list[Finding]], keystone: Keystone
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (keystone.database.stat().st_size - 4096, hard))
    try:
        found = check(target="2023.2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (limit,) = [each for each in found if each.result != "pass"]
    assert (limit.name, limit.result) == ("file size limit", "fail")
    assert "the backup of a database may take" in limit.details
    hold(BOUNDED, found, keystone.directory)


@contextmanager
def control_group(limit: int) -> Iterator[Path]:
    """A control group that may use so many bytes."""
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    root, name = (first, "memory.limit_in_bytes") if first.is_dir() else (second, "memory.max")
    group = root / f"onward-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / name).write_text(str(limit))
    except OSError as error:
        pytest.skip(f"needs the right to make a control group: {error}")
    try:
        yield group
    finally:
        group.rmdir()


def test_memory_that_a_control_group_bounds_is_counted() -> None:
    program = "from onward.observe.machine import observe_machine as o; m = o([]); print(m.memory, m.memory_of)"
    with control_group(2 * RELEASE_BYTES + 50_000_000) as group:
        argv = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$1" -c "$2"', group, sys.executable, program]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    left, _, whose = said.strip().partition(" ")
    seen = Machine((), int(left), whose)
    assert int(left) <= 2 * RELEASE_BYTES + 50_000_000
    assert seen.memory_of == f"the control group {group}"
    for fitting in (0, 1):
        assert {each.result for each in machine_findings(seen, MachineNeeds(fitting, RELEASE_BYTES))} == {"pass"}
    found = list(machine_findings(seen, MachineNeeds(7, RELEASE_BYTES)))
    (memory,) = [each for each in found if each.result != "pass"]
    assert (memory.name, memory.result) == ("memory", "fail")
    assert "the code of 7 releases at once takes 1.1 GB" in memory.details
    hold(MEMORY, found, group, "/system.slice/onward")


def test_an_interpreter_that_is_missing_is_named(
    onward: Callable[..., Any], keystone: Keystone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYENV_ROOT", "HOME", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("PATH", "/nonexistent")
    called = onward("check", "--cloud", keystone.cloud_file, "--to", "2024.1", "-f", "json")
    assert called.status == 4
    assert "Traceback" not in called.out + called.err
    (found,) = [each for each in json.loads(called.out) if each["Check"] == "interpreters and constraints"]
    assert found["Result"] == "fail"
    assert "OW201" in found["Details"]
    PAGE.hold(PYTHON, [Row.of(PYTHON, found)], ORDER)


def test_the_page_names_every_fault_and_no_other() -> None:
    assert PAGE.faults() == ORDER
