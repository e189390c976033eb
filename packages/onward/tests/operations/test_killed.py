"""An upgrade in place that is killed, goes on, and ends as if nothing had been; or says how to go back."""

import random
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pymysql
import pytest
from installation import SERVICE_USER, SQLITE_TAKES_LONG, Installation
from mariadb_data import sql
from told import told

from onward.engine.crash import CRASH_POINTS
from onward.engine.runs import list_runs
from onward.hosts.mariadb import PrivateMariadb

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

TARGET = "2026.1"
STEPS = 11
"""Steps of the upgrade; checked below, so that the enumeration is of all of them."""
MIGRATION = 9
"""How many steps have begun when the migration has: the order of the plan up to there leaves no choice."""


def essence(installation: Installation) -> dict[str, object]:
    """What two ways to the same end must agree on."""
    record = installation.operator.run()
    return {
        "status": record.status,
        "steps": {step.step.id: step.status for step in record.steps},
        "rows": {step.step.id: (step.evidence or {}).get("rows") for step in record.steps if "census" in step.step.id},
        "content": installation.content(),
        # A command that was killed before its end was recorded runs again.
        "units": list(dict.fromkeys(installation.ledger_lines())),
        "backup": backup_of(installation),
    }


def backup_of(installation: Installation) -> list[str]:
    """The backup's content, without the time at which it was made."""
    backup = Path(str((installation.operator.run().step("backup").evidence or {})["backup"]))
    if backup.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())
    lines = backup.read_text(errors="replace").splitlines()
    database = str(installation.url.database)
    return [line.replace(database, "DATABASE") for line in lines if not line.startswith("-- Dump completed")]


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, install: Callable[..., Installation]
) -> Callable[[str], dict[str, object]]:
    """The end of an upgrade that nobody disturbed, on this kind of database."""

    @cache
    def end(backend: str) -> dict[str, object]:
        installation = install(backend, tmp_path_factory.mktemp("undisturbed") / "cloud")
        installation.init("keystone/0")
        ended = installation.operator.call("apply", "plan.json", "--approve", installation.plan(TARGET))
        assert ended.status == 0, ended.out + ended.err
        assert len(installation.operator.run().steps) == STEPS
        return essence(installation)

    return end


def killed_and_resumed(installation: Installation, *crashes: str) -> None:
    """Kill the upgrade at the first point, its resumptions at the others, and let the last one end."""
    operator = installation.operator
    installation.init("keystone/0")
    command: tuple[str, ...] = ("apply", "plan.json", "--approve", installation.plan(TARGET))
    for crash in crashes:
        ended = operator.call(*command, ONWARD_CRASH_AT=crash)
        assert ended.status == -signal.SIGKILL, f"{crash} was not met: {ended.out[-500:]}{ended.err[-500:]}"
        (record,) = list_runs(operator.directories)
        command = ("runs", "resume", record.run_id)
    assert record.status in ("waiting", "interrupted", "done"), record.status
    if record.status != "done":
        ended = operator.call(*command)
        assert ended.status == 0, ended.out + ended.err


@SQLITE_TAKES_LONG
def test_killed_between_the_migration_and_its_record_it_ends_as_if_nothing_had_been(
    installation: Installation, backend: str, undisturbed: Callable[[str], dict[str, object]]
) -> None:
    killed_and_resumed(installation, f"step.effect-done#{MIGRATION}")
    assert installation.operator.run().step(f"migrate/{TARGET}").attempts == 2
    assert essence(installation) == undisturbed(backend)


@pytest.mark.parametrize(
    "crashes",
    [
        ("step.announced#5",),  # the unit's stop
        ("step.recorded#7", "step.effect-done#1"),  # the backup, or the census beside it; then the other
        ("step.begun#9",),  # the migration, before its first command
        ("step.effect-done#11",),  # the unit is started, and nobody knows
    ],
    ids=" then ".join,
)
def test_killed_in_the_outage_it_ends_as_if_nothing_had_been(
    install: Callable[..., Installation],
    tmp_path: Path,
    undisturbed: Callable[[str], dict[str, object]],
    crashes: tuple[str, ...],
) -> None:
    installation = install("sqlite", tmp_path / "cloud")
    killed_and_resumed(installation, *crashes)
    assert essence(installation) == undisturbed("sqlite")


EVERY_CRASH_POINT = [
    f"{point}#{number}" for point in CRASH_POINTS for number in range(1, STEPS + 1 if point.startswith("step.") else 2)
]
# Killed first where an attempt, or its end, is left to be found; then while that is dealt with.
EVERY_TAKING_OVER = [
    (f"{first}#{number}", then)
    for first, then in (("step.effect-done", "attempt.given-up"), ("step.recorded", "step.told-late"))
    for number in range(1, STEPS + 1)
]


@pytest.mark.full
@pytest.mark.parametrize("crashes", [*((each,) for each in EVERY_CRASH_POINT), *EVERY_TAKING_OVER], ids=" then ".join)
def test_killed_at_every_crash_point_of_every_step(
    installation: Installation,
    backend: str,
    undisturbed: Callable[[str], dict[str, object]],
    crashes: tuple[str, ...],
) -> None:
    killed_and_resumed(installation, *crashes)
    assert essence(installation) == undisturbed(backend)


# --- Killed within a migration, where MariaDB has no way back and neither has the release


@contextmanager
def revisions_held(server: PrivateMariadb, database: str) -> Iterator[None]:
    """Somebody else holds the rows in which a migration records how far it has come.

    Their session has chosen no database, so that they do not count as a user of Keystone's. A migration then waits
    after its first change of the schema, which MariaDB cannot take back, and before it is recorded.
    """
    # For sessions that begin from now on: they wait for as long as it takes.
    sql(server, "SET GLOBAL innodb_lock_wait_timeout = 3600")
    try:
        with closing(pymysql.connect(unix_socket=str(server.socket), user="root")) as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT * FROM `{database}`.alembic_version FOR UPDATE")
            cursor.fetchall()
            yield
    finally:
        sql(server, "SET GLOBAL innodb_lock_wait_timeout = 50")


def sessions(server: PrivateMariadb, installation: Installation) -> list[str]:
    """What the sessions of the service's user are told to do."""
    query = (
        "SELECT info FROM information_schema.processlist"
        f" WHERE user = '{SERVICE_USER}' AND db = '{installation.url.database}'"
    )
    return [str(info) for (info,) in sql(server, query)]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def killed_within_the_migration(installation: Installation, server: PrivateMariadb) -> str:
    """SIGKILL while a statement of the migration waits in the server; the name of the run."""
    operator = installation.operator
    installation.init("keystone/0")
    digest = installation.plan(TARGET)
    process = subprocess.Popen(
        operator.argv("apply", "plan.json", "--approve", digest),
        cwd=operator.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def waiting() -> bool:
        assert process.poll() is None
        return any("UPDATE alembic_version" in info for info in sessions(server, installation))

    try:
        wait_until(waiting, "no statement of the migration waited")
    finally:
        process.kill()
        process.wait()
    return operator.run().run_id


@pytest.mark.mariadb
def test_killed_within_a_migration_it_says_where_the_database_is_and_how_to_go_back(
    installation_on_mariadb: Installation, server: PrivateMariadb, undisturbed: Callable[[str], dict[str, object]]
) -> None:
    installation, operator = installation_on_mariadb, installation_on_mariadb.operator
    before = installation.content()
    with revisions_held(server, str(installation.url.database)):
        run = killed_within_the_migration(installation, server)
        drawn = operator.call("runs", "show", run, "--timeline")
        assert drawn.out.startswith("Interrupted: its process ended without a word")
        assert f"migrate/{TARGET} is begun and not finished" in told(drawn.out)
        assert f"onward runs resume {run}" in told(drawn.out)
        # The server goes on with what a dead client has asked for; nothing may be begun beside it.
        early = operator.call("runs", "resume", run)
        assert early.status == 1, early.out + early.err
        assert "OW405" in early.out
        assert "keystone@localhost, Query" in told(early.out)
        assert f"The migration to {TARGET} has not been begun again" in told(early.out)
        assert "keystone is still in its outage" in told(early.out)
    wait_until(lambda: not sessions(server, installation), "the statement of the dead process did not end")
    assert installation.content() != before

    late = operator.call("runs", "resume", run)
    assert late.status == 1, late.out + late.err
    assert "OW601" in late.out
    assert "a part of it was done by an attempt that was cut off" in told(late.out)
    assert "The database is between 2025.2 and 2026.1, and the service is stopped." in told(late.out)
    # What the server said, and not where in the release's code it was noticed.
    assert "Duplicate key name 'idx_project_id'" in told(late.out)
    assert "line 1203, in" not in late.out
    assert "db_sync.log" in late.out
    assert told(late.out).endswith(f"onward runs restore {run}")

    unapproved = operator.call("runs", "restore", run)
    assert unapproved.status == 4
    assert "OW404" in unapproved.err
    assert installation.content() != before
    (digest,) = set(re.findall(r"sha256:[0-9a-f]{64}", "".join(unapproved.err.split())))
    restored = operator.call("runs", "restore", run, "--approve", digest)
    assert restored.status == 0, restored.out + restored.err
    assert restored.out.startswith("The database of keystone is at 2025.2 again.")
    assert "start keystone with the code of 2025.2" in told(restored.out)
    assert installation.content() == before
    statuses = {record.run_id: record.status for record in list_runs(operator.directories)}
    assert statuses.pop(run) == "cancelled"
    assert list(statuses.values()) == ["done"]

    # The backup is where the database is; there is nothing to take back twice.
    twice = operator.call("runs", "restore", run)
    assert twice.status == 4
    assert "OW506" in twice.err
    # The same plan holds again.
    ended = operator.call("apply", "plan.json", "--approve", installation.plan(TARGET))
    assert ended.status == 0, ended.out + ended.err
    assert essence(installation) == undisturbed("mariadb")


@pytest.mark.full
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_instant_of_the_outage_it_goes_on_or_says_how_to_go_back(
    installation: Installation, backend: str, undisturbed: Callable[[str], dict[str, object]], seed: int
) -> None:
    operator = installation.operator
    installation.init("keystone/0")
    before = installation.content()
    process = subprocess.Popen(
        operator.argv("apply", "plan.json", "--approve", installation.plan(TARGET)),
        cwd=operator.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(
        lambda: any(record.step("stop/keystone/0").status != "waiting" for record in list_runs(operator.directories)),
        "the outage did not begin",
    )
    time.sleep(random.Random(seed).uniform(0.0, 4.0))  # noqa: S311 - any instant will do
    process.kill()
    process.wait()
    record = operator.run()
    if record.status != "done":
        ended = operator.call("runs", "resume", record.run_id)
        if ended.status != 0:
            assert ended.status == 1, ended.out + ended.err
            assert told(ended.out).endswith(f"onward runs restore {record.run_id}")
            unapproved = operator.call("runs", "restore", record.run_id)
            (digest,) = set(re.findall(r"sha256:[0-9a-f]{64}", "".join(unapproved.err.split())))
            assert operator.call("runs", "restore", record.run_id, "--approve", digest).status == 0
            assert installation.content() == before
            again = operator.call("apply", "plan.json", "--approve", installation.plan(TARGET))
            assert again.status == 0, again.out + again.err
    assert essence(installation) == undisturbed(backend)
