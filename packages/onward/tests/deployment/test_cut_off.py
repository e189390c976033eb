"""What was cut off in the middle of a change of a schema begins anew: with what was kept, or with nothing."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from deploying import Operator
from told import told

from onward.hosts.user import own_name

pytestmark = [pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(1200)]

BUNDLE = """\
name: cut-off
applications:
  mariadb: {{options: {{copy-files-from: {files_from}}}}}
  keystone: {{channel: "{channel}", options: {{workers: 1}}}}
relations:
  - [keystone:shared-db, mariadb:shared-db]
"""
INDEX = "CREATE INDEX idx_project_id ON project_endpoint_group (project_id)"
"""Keystone 2026.1 makes it: MariaDB keeps it where the migration is killed before its revision is written down."""
KEPT_AS = {"dump": 1000, "files": 0}
"""From how many mebibytes on files are copied."""


@pytest.fixture(params=[pytest.param("dump", marks=pytest.mark.full), "files"])
def cut_off(module_operator: Operator, request: pytest.FixtureRequest) -> Iterator[str]:
    """A run that was killed within the second of two migrations."""
    operator, files_from = module_operator, KEPT_AS[request.param]
    operator.deploy(BUNDLE.format(channel="2025.1", files_from=files_from))
    asked(
        operator, "INSERT INTO project (id, name, domain_id, enabled, is_domain) VALUES ('1', 'kept', 'default', 1, 0)"
    )
    operator.bundle.write_text(BUNDLE.format(channel="2026.1", files_from=files_from))
    digest = re.findall(r"sha256:[0-9a-f]{64}", operator.must("deploy", operator.bundle, "--dry-run"))[-1]
    crash = {"ONWARD_CRASH_AT": "application.migration-begun#2"}
    done = operator.run("deploy", operator.bundle, "--approve", digest, environment=crash)
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = interrupted(operator)
    backups = {path.suffix for path in (operator.directories.workspace(run) / "backup").iterdir()}
    assert (".files" if request.param == "files" else ".sql") in backups
    asked(operator, INDEX)
    yield run
    operator.destroy("cut-off")


def interrupted(operator: Operator) -> str:
    """The run that was killed last."""
    listed = json.loads(operator.must("runs", "list", "-f", "json"))
    return max(str(each["Run"]) for each in listed if each["Status"] == "interrupted")


def asked(operator: Operator, statement: str) -> list[tuple[str, ...]]:
    """What Keystone's own user is told by its database."""
    store = operator.store("cut-off")
    server = {"host": store.record()["addresses"]["mariadb/0"], "user": "keystone", "database": "keystone"}
    password = store.secrets()["keystone/shared-db"]
    with pymysql.connect(password=password, autocommit=True, **server) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def asked_as_root(operator: Operator, statement: str) -> None:
    socket = Path(operator.store("cut-off").record()["sockets"]) / "mariadb-0.sock"
    with pymysql.connect(unix_socket=str(socket), user=own_name()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def is_as_it_was(operator: Operator, series: str, indexes: int) -> None:
    assert operator.store("cut-off").series() == {"keystone": series}
    assert asked(operator, "SELECT name FROM project WHERE id = '1'") == [("kept",)]
    assert len(asked(operator, "SHOW INDEX FROM project_endpoint_group WHERE Key_name = 'idx_project_id'")) == indexes
    assert operator.pids("cut-off")["keystone/0"]


@pytest.mark.parametrize(
    "again",
    ["model.emptied", *(pytest.param(each, marks=pytest.mark.full) for each in ("", "application.command-run#2"))],
)
def test_it_is_gone_on_with_and_nothing_is_lost(module_operator: Operator, cut_off: str, again: str) -> None:
    """Killed once more: when the database is empty, or within what had been done before and is done again."""
    operator = module_operator
    if again:
        done = operator.run("runs", "resume", cut_off, environment={"ONWARD_CRASH_AT": again})
        assert done.returncode == -signal.SIGKILL, done.stderr
    said = told(operator.must("runs", "resume", cut_off))
    assert "keystone was put back to 2025.1 and migrated anew" in said
    is_as_it_was(operator, "2026.1", 1)


@pytest.mark.full
def test_the_way_back_leads_to_what_was_kept(module_operator: Operator, cut_off: str) -> None:
    operator = module_operator
    (digest,) = set(re.findall(r"sha256:[0-9a-f]{64}", operator.run("runs", "restore", cut_off).stderr))
    operator.must("runs", "restore", cut_off, "--approve", digest)
    is_as_it_was(operator, "2025.1", 0)


@pytest.mark.full
def test_nothing_else_is_planned_for_it_before_that_is_at_its_end(module_operator: Operator, cut_off: str) -> None:
    """Another run would keep databases between two releases, and start units on them."""
    operator = module_operator
    for words in (("deploy", operator.bundle), ("config", "keystone", "token.expiration=7000", "--model", "cut-off")):
        refused = operator.run(*words)
        said = told(refused.stderr)
        assert refused.returncode == 4, said
        assert "OW511" in said
        assert f"onward runs resume {cut_off} onward runs restore {cut_off}" in said
    operator.must("runs", "cancel", cut_off)
    refused = operator.run("deploy", operator.bundle)
    assert "OW511" in refused.stderr
    assert "runs resume" not in refused.stderr


@pytest.mark.full
def test_one_that_failed_by_itself_and_has_left_a_part_begins_anew(module_operator: Operator, cut_off: str) -> None:
    operator = module_operator
    user = "'keystone'@'127.%'"
    asked_as_root(operator, f"REVOKE INDEX ON keystone.* FROM {user}")
    stopped = operator.run("runs", "resume", cut_off)
    assert stopped.returncode == 1
    assert "INDEX command denied" in told(stopped.stdout)
    asked_as_root(operator, f"GRANT INDEX ON keystone.* TO {user}")
    asked(operator, INDEX)
    said = told(operator.must("runs", "resume", cut_off))
    assert "keystone was put back to 2025.1 and migrated anew" in said
    is_as_it_was(operator, "2026.1", 1)


@pytest.mark.parametrize("again", ["resumed", pytest.param("typed again", marks=pytest.mark.full)])
def test_a_schema_that_was_made_by_half_is_made_anew_where_there_was_nothing_before(
    module_operator: Operator, again: str
) -> None:
    operator = module_operator
    operator.bundle.write_text(BUNDLE.format(channel="2025.1", files_from=1000))
    crash = {"ONWARD_CRASH_AT": "application.initialise-begun"}
    done = operator.run("deploy", operator.bundle, environment=crash)
    assert done.returncode == -signal.SIGKILL, done.stderr
    # As a kill leaves it: a table that is made, and no revision that says so.
    asked(operator, "CREATE TABLE application_credential (id INT PRIMARY KEY)")
    said = operator.deploy() if again == "typed again" else operator.must("runs", "resume", interrupted(operator))
    assert "is as its bundle says" in told(said)
    assert operator.pids("cut-off")["keystone/0"]
    assert len(asked(operator, "SHOW TABLES")) > 30
    assert "Nothing was changed." in operator.deploy()
    operator.destroy("cut-off")
