"""Checks only read: all of them work with a database user who may do nothing else, and nothing else gets through."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checked_keystone import SOURCE, Keystone
from mariadb_data import checksum, sql
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from onward.errors import ToolMissing, WriteRefused
from onward.hosts.mariadb import PrivateMariadb, find_tool
from onward.observe.database import read_only

PASSWORD = "a reader's/password"

pytestmark = [pytest.mark.environments, pytest.mark.mariadb]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMariadb]:
    try:
        find_tool("mariadbd")
    except ToolMissing as missing:
        pytest.skip(missing.what)
    directory = tmp_path_factory.mktemp("mariadb")
    with PrivateMariadb(directory / "server", directory / "log") as running:
        yield running


@pytest.fixture(scope="module")
def keystone_on_mariadb(
    server: PrivateMariadb, tmp_path_factory: pytest.TempPathFactory, keystone_environment: Callable[[str], Path]
) -> Keystone:
    """A bootstrapped Keystone on MariaDB, whose configuration then names a user who may only read."""
    sql(server, "CREATE DATABASE keystone")
    sql(server, f"CREATE USER reader@localhost IDENTIFIED BY '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
    sql(server, "GRANT SELECT ON keystone.* TO reader@localhost")
    made = Keystone(tmp_path_factory.mktemp("keystone"), keystone_environment(SOURCE))
    made.write(server.url("keystone").render_as_string(hide_password=False).replace("%2F", "/"))
    with made.runner() as runner:
        made.bootstrap(runner)
    reader = server.url("keystone").set(username="reader", password=PASSWORD)
    made.write(reader.render_as_string(hide_password=False).replace("$", "$$"))
    return made


def test_all_checks_work_with_a_user_who_may_only_read(
    onward: Callable[..., Any], keystone_on_mariadb: Keystone, server: PrivateMariadb
) -> None:
    before = checksum(server, "keystone")
    called = onward("check", "--cloud", keystone_on_mariadb.cloud_file, "--to", "2023.2", "-f", "json")
    found = json.loads(called.out)
    could_not_tell = [each for each in found if each["Result"] == "could-not-tell"]
    assert could_not_tell == []
    assert {"schema", "path", "accepts writes", "Check default roles are immutable"} <= {
        each["Check"] for each in found if each["Result"] == "pass"
    }
    assert PASSWORD not in called.out + called.err
    assert checksum(server, "keystone") == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM user",
        "INSERT INTO project (id) VALUES ('x')",
        "CREATE TABLE mine (id INT)",
        "DROP TABLE user",
        "SET GLOBAL read_only = 1",
        "FLUSH TABLES WITH READ LOCK",
        "/* SELECT */ DELETE FROM user",
        "/*M! DELETE FROM user */",
        "-- SELECT\nDELETE FROM user",
        "(DELETE FROM user)",
        "CALL something()",
        "SELECT 1 INTO OUTFILE '/tmp/onward-test'",
        "",
    ],
)
def test_a_statement_that_does_not_read_is_not_sent(
    keystone_on_mariadb: Keystone, server: PrivateMariadb, statement: str
) -> None:
    """Even for the database's root."""
    engine = read_only(server.url("keystone"))
    before = checksum(server, "keystone")
    with engine.connect() as connection, pytest.raises(WriteRefused):
        connection.exec_driver_sql(statement)
    engine.dispose()
    assert checksum(server, "keystone") == before


@pytest.mark.parametrize(
    "statement", ["DELETE FROM role_option", "CREATE TABLE mine (id INT)", "DROP TABLE role_option"]
)
def test_a_write_behind_the_engines_back_is_refused_by_the_server(
    keystone_on_mariadb: Keystone, server: PrivateMariadb, statement: str
) -> None:
    """Root again; the transaction is read-only."""
    engine = read_only(server.url("keystone"))
    raw = engine.raw_connection()
    try:
        with pytest.raises(Exception, match="READ ONLY transaction"):
            raw.cursor().execute(statement)
    finally:
        raw.close()
        engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT COUNT(*) FROM user",
        "  (SELECT 1) UNION (SELECT 2)",
        "/* why */ SELECT 1",
        "SHOW GLOBAL STATUS LIKE 'wsrep%'",
        "EXPLAIN SELECT 1",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT 'INTO what' AS words",
    ],
)
def test_reading_gets_through(keystone_on_mariadb: Keystone, server: PrivateMariadb, statement: str) -> None:
    engine = read_only(server.url("keystone"))
    with engine.connect() as connection:
        connection.exec_driver_sql(statement.replace("%", "%%")).all()
    engine.dispose()


def test_sqlite_is_opened_for_reading_only(keystone: Keystone) -> None:
    engine = read_only(make_url(f"sqlite:///{keystone.database}"))
    with engine.connect() as connection:
        with pytest.raises(WriteRefused):
            connection.execute(text("DELETE FROM user"))
        with pytest.raises(DBAPIError, match="readonly"):
            connection.execute(text("PRAGMA user_version = 7"))
    engine.dispose()
