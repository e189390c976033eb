"""Dumps go in and out as streams, and passwords stay where they belong."""

import gzip
import io
import resource
import shutil
import threading
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from mariadb_data import checksum, small_keystone, sql
from sqlalchemy import URL

from onward.actions.deployment.model_backup import backup_sql, read_back
from onward.errors import DatabaseReadOnly, DatabaseUnreachable, DumpLoadFailed, StepFailed
from onward.hosts.database_files import copy_files
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import dump, load, save_dump
from onward.hosts.scratch import MariadbScratch, NamedScratch, SqliteScratch, copy_sqlite
from onward.observe.database import writable
from onward.observe.dump import open_dump

pytestmark = pytest.mark.mariadb

PASSWORD = 'Gr8"Secret\\%'


@pytest.fixture
def saved(server: PrivateMariadb, tmp_path: Path) -> bytes:
    small_keystone(server, "source")
    save_dump(server.url("source"), tmp_path / "dump.sql")
    return (tmp_path / "dump.sql").read_bytes()


def scratch(server: PrivateMariadb, tmp_path: Path) -> MariadbScratch:
    found = MariadbScratch(server, tmp_path / "scratch", "copy")
    found.empty()
    return found


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_a_dump_comes_back_whole(server: PrivateMariadb, tmp_path: Path, saved: bytes, form: str) -> None:
    packed = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[form](saved)
    file = tmp_path / "any-name"
    file.write_bytes(packed)
    with open_dump(file) as stream:
        load(stream, scratch(server, tmp_path).url)
    assert checksum(server, "copy") == checksum(server, "source")
    assert len(sql(server, "SHOW TRIGGERS FROM copy")) == 1


def test_the_backup_of_a_deployed_database_is_read_back_and_what_it_lacks_is_named(
    server: PrivateMariadb, tmp_path: Path, saved: bytes
) -> None:
    file, url = tmp_path / "dump.sql", server.url("source")
    assert read_back(file, url, "resume") == 7
    file.write_bytes(saved[: saved.rindex(b"--")])
    with pytest.raises(StepFailed) as cut:
        read_back(file, url, "resume")
    assert "ends before its last line" in cut.value.evidence
    file.write_bytes(saved.replace(b"CREATE TABLE `role`", b"CREATE TABLE `rule`"))
    with pytest.raises(StepFailed) as lacking:
        read_back(file, url, "resume")
    assert "not in it: role" in lacking.value.evidence


def test_the_files_of_a_database_are_a_backup_as_a_dump_is(server: PrivateMariadb, tmp_path: Path) -> None:
    if shutil.which("mariadb-backup") is None:
        pytest.skip("needs mariadb-backup: Debian's package mariadb-backup")
    small_keystone(server, "source")
    small_keystone(server, "another")
    copy = tmp_path / "copy.files"
    copy_files(str(server.socket), "source", copy)
    sql(server, "CREATE TABLE source.later (id INT PRIMARY KEY)")
    with pytest.raises(StepFailed) as lacking:
        read_back(copy, server.url("source"), "resume")
    assert "not in it: later" in lacking.value.evidence
    sql(server, "DROP TABLE source.later")
    assert read_back(copy, server.url("source"), "resume") == 7
    before = checksum(server, "source")
    sql(server, "DROP DATABASE source", "CREATE DATABASE source CHARACTER SET utf8mb3")
    with backup_sql(copy, "source") as stream:
        load(stream, server.url("source"))
    assert checksum(server, "source") == before
    assert not (copy / "data" / "another").exists()
    with pytest.raises(DatabaseUnreachable) as nobody:
        copy_files(str(tmp_path / "nobody.sock"), "source", tmp_path / "none")
    assert "nobody.sock" in nobody.value.evidence


def test_a_dump_that_names_its_database_stays_in_the_copy(server: PrivateMariadb, tmp_path: Path, saved: bytes) -> None:
    sql(server, "DROP DATABASE IF EXISTS elsewhere")
    file = tmp_path / "dump.sql"
    file.write_bytes(b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `elsewhere`;\n\nUSE `elsewhere`;\n" + saved)
    with open_dump(file) as stream:
        load(stream, scratch(server, tmp_path).url)
    assert checksum(server, "copy") == checksum(server, "source")
    assert ("elsewhere",) not in sql(server, "SHOW DATABASES")


def test_what_the_server_refuses_is_said_in_its_words(server: PrivateMariadb, tmp_path: Path) -> None:
    with pytest.raises(DumpLoadFailed) as failed:
        load(io.BytesIO(b"CREATE TABLE t (id INT);\nnonsense;\n"), scratch(server, tmp_path).url)
    assert "nonsense" in failed.value.evidence


def test_a_copy_only_reads_and_shows_no_password(server: PrivateMariadb, tmp_path: Path) -> None:
    small_keystone(server, "source", rows=20_000)
    before = checksum(server, "source")
    sql(
        server,
        "DROP USER IF EXISTS reader@localhost",
        "CREATE USER reader@localhost IDENTIFIED BY '" + PASSWORD.replace("\\", "\\\\") + "'",
        "GRANT SELECT, SHOW VIEW, TRIGGER ON source.* TO reader@localhost",
    )
    url = server.url("source").set(username="reader", password=PASSWORD)
    seen: list[bytes] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for process in Path("/proc").iterdir():
                if process.name.isdigit():
                    try:
                        seen.append((process / "cmdline").read_bytes())
                    except OSError:
                        continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with dump(url) as stream:
            load(stream, scratch(server, tmp_path).url)
    finally:
        done.set()
        watcher.join()
    assert any(b"mariadb-dump" in line for line in seen)
    assert not any(PASSWORD.encode() in line for line in seen)
    assert not any(PASSWORD.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert checksum(server, "copy") == before
    assert checksum(server, "source") == before


def test_a_source_that_refuses_the_user_is_said_so(server: PrivateMariadb, tmp_path: Path) -> None:
    url = server.url("mysql").set(username="nobody", password=PASSWORD)
    with pytest.raises(DatabaseUnreachable) as failed, dump(url) as stream:
        stream.read()
    assert "nobody" in failed.value.evidence
    assert PASSWORD not in failed.value.evidence


def test_a_large_dump_does_not_fill_the_memory(server: PrivateMariadb, tmp_path: Path) -> None:
    def statements(megabytes: int) -> io.BufferedReader:
        line = b"INSERT INTO t VALUES " + b",".join([b"('" + b"x" * 1000 + b"')"] * 1000) + b";\n"
        file = tmp_path / "large.sql"
        with file.open("wb") as target:
            target.write(b"DROP TABLE IF EXISTS t; CREATE TABLE t (c TEXT) ENGINE=Aria;\n")
            for _ in range(megabytes):
                target.write(line)
        return file.open("rb")

    copy = scratch(server, tmp_path)
    load(statements(5), copy.url)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    load(statements(100), copy.url)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kilobytes


def test_a_server_that_only_reads_is_no_place_for_an_upgrade(server: PrivateMariadb) -> None:
    small_keystone(server, "source")
    writable(server.url("source"))
    sql(server, "SET GLOBAL read_only = ON")
    try:
        with pytest.raises(DatabaseReadOnly) as refused:
            writable(server.url("source"))
    finally:
        sql(server, "SET GLOBAL read_only = OFF")
    assert refused.value.exit_status == 4
    assert "replica" in refused.value.evidence


def test_a_named_scratch_database_must_be_empty_and_is_left_empty(server: PrivateMariadb, tmp_path: Path) -> None:
    small_keystone(server, "named")
    with pytest.raises(DatabaseReadOnly) as refused:
        NamedScratch(server.url("named"), tmp_path / "scratch").claim()
    assert "user" in refused.value.evidence or "alembic_version" in refused.value.evidence
    before = checksum(server, "named")
    sql(server, "DROP DATABASE named", "CREATE DATABASE named")
    named = NamedScratch(server.url("named"), tmp_path / "scratch")
    named.claim()
    small_keystone(server, "named")
    named.checkpoint("a")
    sql(server, "DROP TABLE named.user")
    named.restore("a")
    assert checksum(server, "named") == before
    named.claim()
    named.remove()
    assert sql(server, "SHOW TABLES FROM named") == []


def test_where_a_copy_is_left_is_said_without_a_password(tmp_path: Path) -> None:
    url = URL.create("mysql+pymysql", "onward", "Gr8Secret", "scratch.example.org", database="rehearsal")
    assert NamedScratch(url, tmp_path).where == "mysql+pymysql://onward@scratch.example.org/rehearsal"
    assert SqliteScratch(tmp_path, "keystone").where == str(tmp_path / "keystone.sqlite")


def test_an_sqlite_checkpoint_brings_back_what_was_there(tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "scratch").mkdir()
    scratch = SqliteScratch(tmp_path / "scratch", "keystone")
    connection = sqlite3.connect(scratch.path)
    connection.execute("CREATE TABLE t (id)")
    connection.commit()
    scratch.checkpoint("a")
    connection.execute("DROP TABLE t")
    connection.commit()
    connection.close()
    scratch.restore("a")
    assert sqlite3.connect(scratch.path).execute("SELECT count(*) FROM t").fetchone() == (0,)
    scratch.remove()
    scratch.remove()
    assert not (tmp_path / "scratch").exists()


def test_an_sqlite_file_is_copied_whatever_its_name_means_in_a_url(tmp_path: Path) -> None:
    import sqlite3

    source, copy = tmp_path / "source" / "what?mode=rwc#%41.db", tmp_path / "copy.db"
    source.parent.mkdir()
    with closing(sqlite3.connect(source)) as connection:
        connection.executescript("CREATE TABLE t (id); INSERT INTO t VALUES (7);")
    copy_sqlite(source, copy)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM t").fetchall() == [(7,)]
    assert list(source.parent.iterdir()) == [source]
