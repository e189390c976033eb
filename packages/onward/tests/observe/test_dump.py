"""Dumps are understood before they are loaded, whatever wrote and compressed them, and never escape their database."""

import gzip
import shutil
import sqlite3
import subprocess
import tracemalloc
from collections.abc import Callable
from hashlib import shake_256
from pathlib import Path

import pymysql
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.load import forward_recipe
from onward.errors import DumpCorrupt, DumpOfAnotherService, DumpTruncated
from onward.hosts.mariadb import PrivateMariadb, find_tool
from onward.hosts.mariadb_client import load
from onward.observe.dump import open_dump, scan_dump

KEYSTONE = forward_recipe("keystone")
TABLES = "".join(
    f"DROP TABLE IF EXISTS `{table}`;\nCREATE TABLE `{table}` (\n  `id` varchar(64) NOT NULL\n) ENGINE=InnoDB;\n"
    for table in (*KEYSTONE.database.signature, "alembic_version", "migrate_version")
)
MYSQL_HEADER = """\
-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: db    Database: keystone
-- ------------------------------------------------------
-- Server version	8.0.36

"""
MYSQL_ROWS = """\
INSERT INTO `alembic_version` VALUES ('29e87d24a316'),('e25ffa003242');
INSERT INTO `migrate_version` VALUES ('keystone_contract','/x (y)/it''s',79),('keystone_expand','/y',79);
INSERT INTO `user` VALUES ('USE `mysql`;\\nCREATE TABLE `trap` (\\n-- Dump completed');
-- Dump completed on 2026-11-01  3:00:00
"""
MARIADB_HEADER = """\
/*M!999999\\- enable the sandbox mode */
-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
-- Server version	10.11.6-MariaDB
"""
MARIADB_ROWS = """\
INSERT INTO `alembic_version` VALUES
('29e87d24a316'),
('e25ffa003242');
INSERT INTO `migrate_version` (`repository_id`, `repository_path`, `version`) VALUES
('keystone_contract','/x (y)/it''s',79),
('keystone_expand','/y',79);
-- Dump completed
"""
MYSQL = MYSQL_HEADER + TABLES + MYSQL_ROWS
MARIADB = MARIADB_HEADER + TABLES + MARIADB_ROWS
WRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda content: content,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.mark.parametrize("compression", WRAPPERS)
@pytest.mark.parametrize("sql", [MYSQL, MARIADB], ids=["mysql", "mariadb"])
def test_a_dump_says_where_its_database_stands(tmp_path: Path, sql: str, compression: str) -> None:
    file = tmp_path / "no-telling-name"
    file.write_bytes(WRAPPERS[compression](sql.encode()))
    found = scan_dump(file, KEYSTONE)
    assert (found.kind, found.compression, found.bytes) == ("sql", compression, len(sql.encode()))
    assert found.schema.alembic == ("29e87d24a316", "e25ffa003242")
    assert found.schema.migrate == (("keystone_contract", 79), ("keystone_expand", 79))
    assert found.schema.missing == ()
    assert found.server in ("8.0.36", "10.11.6-MariaDB")
    with open_dump(file) as stream:
        assert stream.read() == sql.encode()


@given(cut=st.integers(min_value=0, max_value=len(MYSQL) - 1), compression=st.sampled_from(sorted(WRAPPERS)))
def test_a_dump_that_stops_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: int, compression: str
) -> None:
    file = tmp_path_factory.mktemp("cut") / "dump"
    content = WRAPPERS[compression](MYSQL.encode())
    trailer = MYSQL.index("-- Dump completed on") + len("-- Dump completed") if compression == "none" else len(content)
    file.write_bytes(content[: min(cut, trailer - 1)])
    # Of zstd only the checksum may be missing; then all of the SQL is there.
    if compression == "zstd" and _all_there(file):
        return
    with pytest.raises((DumpTruncated, DumpCorrupt)):
        scan_dump(file, KEYSTONE)


def _all_there(file: Path) -> bool:
    with open_dump(file) as stream:
        return stream.read() == MYSQL.encode()


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_damage_in_the_middle_is_found(tmp_path: Path, compression: str) -> None:
    content = bytearray(WRAPPERS[compression](MYSQL.encode() + shake_256(b"noise").hexdigest(5000).encode()))
    for place in range(len(content) // 2, len(content) // 2 + 20):
        content[place] ^= 0xFF
    (tmp_path / "dump").write_bytes(content)
    with pytest.raises((DumpCorrupt, DumpTruncated)):
        scan_dump(tmp_path / "dump", KEYSTONE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 and so on", "zip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"--\n-- PostgreSQL database dump\n--\n", "mysqldump"),
        (b"hello\n" * 1000, "MariaDB dump"),
        (bytes(range(256)) * 100, "MariaDB dump"),
    ],
)
def test_what_is_no_dump_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "dump").write_bytes(content)
    with pytest.raises(DumpCorrupt) as refused:
        scan_dump(tmp_path / "dump", KEYSTONE)
    assert said.replace("mysqldump", "MySQL dump") in refused.value.evidence


def test_a_directory_or_nothing_at_all_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DumpCorrupt):
            scan_dump(path, KEYSTONE)


def test_a_dump_of_another_service_names_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(MYSQL.replace("`project`", "`images`").replace("`role`", "`tasks`"))
    with pytest.raises(DumpOfAnotherService, match="keystone") as refused:
        scan_dump(tmp_path / "dump", KEYSTONE)
    assert "project, role" in refused.value.evidence
    assert "images, tasks" in refused.value.evidence


def test_a_dump_of_the_whole_server_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(MYSQL.replace("DROP TABLE", "USE `mysql`;\nUSE `keystone`;\nDROP TABLE", 1))
    with pytest.raises(DumpOfAnotherService) as refused:
        scan_dump(tmp_path / "dump", KEYSTONE)
    assert "mysql, keystone" in refused.value.evidence


def test_the_names_of_databases_are_left_out_and_nothing_else(tmp_path: Path) -> None:
    naming = (
        "/*!40000 DROP DATABASE IF EXISTS `keystone`*/;\n"
        "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `keystone` /*!40100 DEFAULT CHARACTER SET utf8mb3 */;\n"
        "USE `keystone`;\n"
    )
    trigger = (
        "DELIMITER ;;\nCREATE TRIGGER t BEFORE INSERT ON `user` FOR EACH ROW BEGIN\nUSE `x`;\nEND ;;\nDELIMITER ;\n"
    )
    sql = MYSQL.replace("-- Dump completed on", trigger + "-- Dump completed on")
    (tmp_path / "dump").write_text(sql.replace("DROP TABLE", naming + "DROP TABLE", 1))
    assert scan_dump(tmp_path / "dump", KEYSTONE).names_database == "keystone"
    with open_dump(tmp_path / "dump") as stream:
        assert stream.read() == sql.encode()


SERVER_STATE = """\
SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;

--
-- GTID state at the beginning of the backup
--

SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,
4e11fa47-71ca-11e1-9e33-c80aa9429562:1-77';
CHANGE MASTER TO MASTER_LOG_FILE='binlog.000007', MASTER_LOG_POS=157;
SET GLOBAL gtid_slave_pos='0-1-2';
START SLAVE;
"""
"""What mysqldump and mariadb-dump write for the server as a whole: of a replica, with --source-data, with GTIDs."""


def test_what_a_dump_has_to_say_to_a_whole_server_is_left_out(tmp_path: Path) -> None:
    end = "SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN;\n"
    whole = MYSQL.replace("DROP TABLE", SERVER_STATE + "DROP TABLE", 1).replace(
        "-- Dump completed on", end + "-- Dump completed on"
    )
    (tmp_path / "dump").write_text(whole)
    assert scan_dump(tmp_path / "dump", KEYSTONE).schema.alembic == ("29e87d24a316", "e25ffa003242")
    with open_dump(tmp_path / "dump") as stream:
        loaded = stream.read().decode()
    harmless = "SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\n"
    comment = "\n--\n-- GTID state at the beginning of the backup\n--\n\n"
    assert loaded == MYSQL.replace("DROP TABLE", harmless + comment + "DROP TABLE", 1)


@pytest.mark.parametrize("sql", [MYSQL, MARIADB], ids=["mysql", "mariadb"])
def test_lines_may_end_as_on_windows(tmp_path: Path, sql: str) -> None:
    naming = "CREATE DATABASE `keystone`;\r\nUSE `keystone`;\r\n"
    content = sql.replace("\n", "\r\n")
    (tmp_path / "dump").write_bytes(content.replace("DROP TABLE", naming + SERVER_STATE + "DROP TABLE", 1).encode())
    found = scan_dump(tmp_path / "dump", KEYSTONE)
    assert found.schema.alembic == ("29e87d24a316", "e25ffa003242")
    assert found.schema.migrate == (("keystone_contract", 79), ("keystone_expand", 79))
    assert found.names_database == "keystone"
    with open_dump(tmp_path / "dump") as stream:
        loaded = stream.read()
    assert b"GTID_PURGED" not in loaded
    assert b"USE `keystone`" not in loaded
    assert loaded.endswith(content.encode()[-400:])


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_parts_that_were_put_together_are_one_dump(tmp_path: Path, compression: str) -> None:
    parts = [MYSQL.encode()[start : start + 700] for start in range(0, len(MYSQL), 700)]
    (tmp_path / "dump").write_bytes(b"".join(map(WRAPPERS[compression], parts)))
    found = scan_dump(tmp_path / "dump", KEYSTONE)
    assert (found.bytes, found.compression) == (len(MYSQL), compression)
    with open_dump(tmp_path / "dump") as stream:
        assert stream.read() == MYSQL.encode()


@given(size=st.integers(1, 700_000), step=st.integers(1000, 400_000))
def test_a_line_of_any_length_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, size: int, step: int
) -> None:
    row = "INSERT INTO `user` VALUES ('" + "USE `x`;" * (size // 8) + "');\n"
    sql = MYSQL.replace("INSERT INTO `user`", row + "INSERT INTO `user`", 1)
    file = tmp_path_factory.mktemp("long") / "dump"
    file.write_text(sql)
    assert scan_dump(file, KEYSTONE).bytes == len(sql)
    with open_dump(file) as stream:
        assert b"".join(iter(lambda: stream.read(step), b"")) == sql.encode()


def test_the_memory_does_not_grow_with_the_dump(tmp_path: Path) -> None:
    file = tmp_path / "dump.gz"
    row = b"('" + b"x" * 100 + b"'),"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(MYSQL.replace("-- Dump completed", "-- ").encode())
        for _ in range(2):  # two statements of 20 MB, each one line
            stream.write(b"INSERT INTO `project` VALUES " + row * 190_000 + b"('');\n")
        stream.write(b"-- Dump completed\n")
    tracemalloc.start()
    try:
        found = scan_dump(file, KEYSTONE)
        with open_dump(file) as reader, (tmp_path / "sql").open("wb") as target:
            shutil.copyfileobj(reader, target)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.bytes == (tmp_path / "sql").stat().st_size > 39_000_000
    assert peak < 8_000_000


def test_an_sqlite_file_is_a_dump_too(tmp_path: Path) -> None:
    file = tmp_path / "keystone.sql"
    with sqlite3.connect(file) as connection:
        for table in KEYSTONE.database.signature:
            connection.execute(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY, extra TEXT)')
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('47147121'), ('c88cdce8f248')")
        connection.executemany("INSERT INTO project VALUES (?, ?)", ((f"{n}", "x" * 500) for n in range(200)))
    connection.close()
    found = scan_dump(file, KEYSTONE)
    assert (found.kind, found.schema.alembic) == ("sqlite", ("47147121", "c88cdce8f248"))
    content = file.read_bytes()
    assert found.bytes == len(content)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(DumpCorrupt):
        scan_dump(file, KEYSTONE)


@pytest.mark.mariadb
@pytest.mark.parametrize("options", [[], ["--databases"], ["--databases", "--add-drop-database"]], ids=" ".join)
def test_a_real_dump_is_loaded_where_the_client_is_and_nowhere_else(tmp_path: Path, options: list[str]) -> None:
    with PrivateMariadb(tmp_path / "server", tmp_path / "server.log") as server:
        connection = pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE keystone")
            cursor.execute("USE keystone")
            for table in KEYSTONE.database.signature:
                cursor.execute(f"CREATE TABLE `{table}` (id varchar(64) PRIMARY KEY, extra TEXT)")
            cursor.execute("INSERT INTO user VALUES (1, 'USE `mysql`;\nCREATE DATABASE `trap`;\n''quoted''')")
            cursor.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
            cursor.execute("INSERT INTO alembic_version VALUES ('742c857f1dfb'), ('c88cdce8f248')")
            cursor.execute("CREATE TRIGGER careful BEFORE INSERT ON user FOR EACH ROW SET NEW.extra = NEW.id")
            file = tmp_path / "dump"
            with file.open("wb") as target:
                dump = [find_tool("mariadb-dump"), "--no-defaults", f"--socket={server.socket}", *options, "keystone"]
                subprocess.run(dump, stdout=target, check=True)
            found = scan_dump(file, KEYSTONE)
            assert found.schema.alembic == ("742c857f1dfb", "c88cdce8f248")
            assert found.server.startswith("10.") or found.server.startswith("11.")
            assert found.names_database == ("keystone" if options else None)
            cursor.execute("DROP DATABASE keystone")
            cursor.execute("CREATE DATABASE scratch")
            client = [find_tool("mariadb"), "--no-defaults", f"--socket={server.socket}", "scratch"]
            with open_dump(file) as stream:
                subprocess.run(client, input=stream.read(), check=True)
            cursor.execute("SHOW DATABASES")
            assert "keystone" not in {row[0] for row in cursor.fetchall()}
            cursor.execute("SELECT extra FROM scratch.user")
            assert cursor.fetchone() == ("USE `mysql`;\nCREATE DATABASE `trap`;\n'quoted'",)


@pytest.mark.mariadb
def test_a_dump_of_a_mysql_replica_is_loaded_by_a_user_who_may_do_nothing_else(tmp_path: Path) -> None:
    rows = "CREATE TABLE `alembic_version` (\n  `version_num` varchar(32) NOT NULL\n);\n" + MYSQL_ROWS.splitlines()[0]
    (tmp_path / "dump").write_text(f"{MYSQL_HEADER}{SERVER_STATE}{rows}\n-- Dump completed\n")
    with PrivateMariadb(tmp_path / "server", tmp_path / "server.log") as server:
        connection = pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE scratch")
            cursor.execute("CREATE USER operator@localhost")
            cursor.execute("GRANT ALL ON scratch.* TO operator@localhost")
            with open_dump(tmp_path / "dump") as stream:
                load(stream, server.url("scratch").set(username="operator"))
            cursor.execute("SELECT version_num FROM scratch.alembic_version ORDER BY 1")
            assert cursor.fetchall() == (("29e87d24a316",), ("e25ffa003242",))
            cursor.execute("SELECT @@global.gtid_slave_pos")
            assert cursor.fetchone() == ("",)
            cursor.execute("SHOW SLAVE STATUS")
            assert cursor.fetchall() == ()
