"""What Onward reads with cannot write, whatever it is told, and what it shows holds no password."""

import os
import shutil
import socket
import sqlite3
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pymysql
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL, Engine, text
from sqlalchemy.exc import DBAPIError

from onward.errors import DatabaseReadOnly, DatabaseUnreachable, WriteRefused
from onward.hosts.mariadb import PrivateMariadb
from onward.observe.database import backend_of, database_bytes, database_url, is_on, read_only, shown, writable
from onward.observe.database_load import observe_database_load

WRITES = (
    "INSERT INTO project VALUES ('b')",
    "UPDATE project SET id = 'c'",
    "DELETE FROM project",
    "CREATE TABLE left_behind (id INT)",
    "ALTER TABLE project ADD COLUMN more INT",
    "DROP TABLE project",
)
SECRET = "Gr8Secret"
MARIADB_PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

# --- What is shown

passwords = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1)


@given(
    passwords,
    st.sampled_from(["mysql", "mysql+pymysql", "mariadb", "postgresql"]),
    st.sampled_from(["", "?charset=utf8"]),
)
def test_a_password_is_never_shown(password: str, driver: str, query: str) -> None:
    url = database_url(URL.create(driver, "u", "x", "h", 1, "d").render_as_string(hide_password=False) + query)
    assert shown(url.set(password=f"<{password}>")) == shown(url)
    assert shown(url) == f"{driver}://u:***@h:1/d{query}"


@pytest.mark.parametrize(
    "query", ["password=Gr8Secret", "passwd=Gr8Secret", "ssl_key_password=Gr8Secret", "auth=Gr8Secret"]
)
def test_nor_is_one_that_stands_among_the_drivers_options(query: str) -> None:
    assert "Gr8Secret" not in shown(database_url(f"mysql+pymysql://u@h/d?charset=utf8&{query}"))
    assert "Gr8Secret" not in shown(URL.create("mysql", "u", None, "h", query={"password": "Gr8Secret"}))


def test_without_a_password_none_is_shown() -> None:
    assert shown(database_url("mysql+pymysql://u@h/d")) == "mysql+pymysql://u@h/d"
    assert shown(database_url("sqlite:////srv/keystone.db")) == "sqlite:////srv/keystone.db"


@pytest.mark.parametrize(
    "words", ["Gr8Secret", "mysql://u:Gr8Secret@h:x/d", "mysql://u:12@Gr8Secret@h/d", "mysql://u:1@Gr8:2/Secret@h/d"]
)
def test_what_is_no_url_is_refused_in_words_that_hold_none_of_it(words: str) -> None:
    with pytest.raises(ValueError, match=r"is not a database URL|%40") as refused:
        database_url(words)
    assert "Gr8" not in str(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


# --- SQLite


@pytest.fixture(params=["keystone.db", "100%25 of? it#.db", "a&b=c;d.db"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A small database, in a directory with nothing else, under a name that means something in a URL."""
    path = tmp_path / "database" / str(request.param)
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE project (id TEXT); INSERT INTO project VALUES ('a');")
    return path


def url_of(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


def refuses(engine: Engine, statement: str) -> bool:
    """Whether the statement is not sent, and the database itself would refuse it, in a transaction and out of one."""
    refusals = 0
    for engine_as in (engine, engine.execution_options(isolation_level="AUTOCOMMIT")):
        with engine_as.connect() as connection:
            # A PRAGMA that writes is not told from one that reads, and left to SQLite to refuse.
            with pytest.raises(DBAPIError if statement.startswith("PRAGMA") else WriteRefused):
                connection.execute(text(statement))
            driver = connection.connection.driver_connection
            assert driver is not None
            cursor = driver.cursor()
            try:
                cursor.execute(statement)
                driver.commit()
            except driver_errors(engine):
                refusals += 1
    return refusals == 2


def driver_errors(engine: Engine) -> type[Exception]:
    """What the driver raises when the database refuses."""
    found: type[Exception] = engine.dialect.loaded_dbapi.Error
    return found


@pytest.mark.parametrize("statement", [*WRITES, "PRAGMA user_version = 7"])
def test_sqlite_refuses_to_write_and_nothing_is_left_beside_the_file(file: Path, statement: str) -> None:
    before = file.read_bytes()
    engine = read_only(url_of(file))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM project")).scalar() == "a"
    assert refuses(engine, statement)
    engine.dispose()
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_the_size_of_an_sqlite_database_is_that_of_its_file(file: Path) -> None:
    engine = read_only(url_of(file))
    assert database_bytes(engine) == file.stat().st_size
    engine.dispose()
    writable(url_of(file))


@pytest.mark.parametrize("database", [None, ":memory:", "", "/nonexistent/keystone.db", "/tmp"])  # noqa: S108 - a directory
def test_an_sqlite_database_that_is_no_file_is_named(database: str | None) -> None:
    url = URL.create("sqlite", database=database)
    with pytest.raises(DatabaseUnreachable) as refused:
        read_only(url)
    assert refused.value.evidence in (str(database), "it is in the memory of a process")


def test_a_file_that_is_no_database_is_refused_in_sqlites_words(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("dear diary, " * 100)
    with pytest.raises(DatabaseUnreachable) as refused:
        read_only(url_of(tmp_path / "notes.db"))
    assert "file is not a database" in refused.value.evidence


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user that is not root, for whom a file can be read-only")
def test_a_file_without_write_permission_is_read_only(file: Path) -> None:
    file.chmod(0o400)
    with pytest.raises(DatabaseReadOnly):
        writable(url_of(file))


@pytest.mark.parametrize("driver", ["postgresql+psycopg2", "oracle", "mssql"])
def test_another_kind_of_database_is_refused_by_name(driver: str) -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        backend_of(database_url(f"{driver}://u:Gr8Secret@h/d"))
    assert driver.partition("+")[0] in refused.value.what
    assert "Gr8Secret" not in refused.value.evidence


# --- MariaDB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMariadb]:
    """A private server with one small table, and a user who may do everything."""
    if shutil.which("mariadbd", path=MARIADB_PATHS) is None:
        pytest.skip("needs mariadbd: Debian's package mariadb-server-core")
    directory = tmp_path_factory.mktemp("mariadb")
    with PrivateMariadb(directory / "server", directory / "log") as running:
        execute(
            running,
            "CREATE DATABASE keystone",
            "CREATE TABLE keystone.project (id VARCHAR(64) PRIMARY KEY)",
            "INSERT INTO keystone.project VALUES ('a')",
            "CREATE USER keystone@localhost IDENTIFIED BY 'Gr8Secret'",
            "GRANT ALL ON *.* TO keystone@localhost",
        )
        yield running


def execute(server: PrivateMariadb, *statements: str) -> list[tuple[object, ...]]:
    with closing(pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True)) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def url_in(server: PrivateMariadb, *, password: str = SECRET) -> URL:
    return server.url("keystone").set(username="keystone", password=password)


@pytest.mark.mariadb
@pytest.mark.parametrize(
    "statement", [*WRITES, "TRUNCATE TABLE project", "SELECT * FROM project FOR UPDATE INTO OUTFILE '/dev/null'"]
)
def test_mariadb_refuses_to_write_for_a_user_who_may(server: PrivateMariadb, statement: str) -> None:
    engine = read_only(url_in(server))
    try:
        assert refuses(engine, statement)
        with engine.connect() as connection:
            assert [row[0] for row in connection.execute(text("SELECT id FROM project"))] == ["a"]
    finally:
        engine.dispose()
    assert execute(server, "SHOW TABLES FROM keystone") == [("project",)]


@pytest.mark.mariadb
@pytest.mark.parametrize("driver", ["mysql", "mysql+mysqldb", "mysql+mysqlconnector", "mariadb", "mariadb+pymysql"])
def test_whatever_driver_the_service_uses_the_database_is_read_with_onwards_own(
    server: PrivateMariadb, driver: str
) -> None:
    url = url_in(server).set(drivername=driver).update_query_dict({"plugin": "dbcounter", "read_timeout": "60"})
    engine = read_only(url)
    assert database_bytes(engine) > 0
    engine.dispose()


@pytest.mark.parametrize(
    ("value", "on"),
    [(0, False), (1, True), ("OFF", False), ("ON", True), ("NO_LOCK", True), ("NO_LOCK_NO_ADMIN", True), (None, False)],
)
def test_a_switch_of_a_server_may_be_a_number_or_a_word(value: object, on: bool) -> None:
    assert is_on(value) is on


@pytest.mark.mariadb
def test_a_server_that_only_reads_is_said_so_and_can_be_read(server: PrivateMariadb) -> None:
    writable(url_in(server))
    execute(server, "SET GLOBAL read_only = ON")
    try:
        with pytest.raises(DatabaseReadOnly) as refused:
            writable(url_in(server))
        engine = read_only(url_in(server))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM project")).scalar() == 1
        engine.dispose()
    finally:
        execute(server, "SET GLOBAL read_only = OFF")
    assert "read_only is on" in refused.value.evidence
    assert "Gr8Secret" not in str(refused.value.as_data())


@pytest.mark.mariadb
def test_a_server_that_refuses_the_user_is_quoted_without_the_password(server: PrivateMariadb) -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        read_only(url_in(server, password="wr0ng-Secret"))
    assert "Access denied for user 'keystone'" in refused.value.evidence
    assert "wr0ng" not in str(refused.value.as_data())


@pytest.mark.mariadb
def test_a_database_that_is_not_on_the_server_is_named(server: PrivateMariadb) -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        read_only(url_in(server).set(database="nova"))
    assert "Unknown database 'nova'" in refused.value.evidence


# --- MySQL 8


@pytest.fixture
def mysql_8() -> Iterator[int]:
    """The port of a server that greets, asks for a password and answers as MySQL 8 does, and then lets nobody in.

    Its users log in with caching_sha2_password, which without TLS means RSA.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(60)

    def packet(number: int, content: bytes) -> bytes:
        return struct.pack("<I", len(content))[:3] + bytes([number]) + content

    def received(client: socket.socket) -> bytes:
        return client.recv(65536)[4:]

    def serve() -> None:
        key = rsa.generate_private_key(65537, 2048)
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        client, _ = listener.accept()
        client.settimeout(60)
        with client:
            greeting = b"\x0a8.0.36\0" + struct.pack("<I", 1) + b"12345678\0"
            greeting += struct.pack("<HBHHB", 0xA201, 255, 2, 0x0018, 21) + bytes(10) + b"abcdefghijkl\0"
            client.sendall(packet(0, greeting + b"caching_sha2_password\0"))
            received(client)
            client.sendall(packet(2, b"\x01\x04"))  # the fast way does not do, all of the password is wanted
            assert received(client) == b"\x02"  # please give me your key
            client.sendall(packet(4, b"\x01" + pem))
            mixed = key.decrypt(received(client), padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303 - MySQL's choice
            salt = b"12345678abcdefghijkl"
            plain = bytes(letter ^ salt[place % 20] for place, letter in enumerate(mixed)).rstrip(b"\0").decode()
            answer = "came as it is" if plain == SECRET else "did not come"
            client.sendall(packet(6, b"\xff" + struct.pack("<H", 1045) + f"#28000The password {answer}".encode()))

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join()


def test_a_user_of_mysql_8_can_log_in_without_tls(mysql_8: int) -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        read_only(URL.create("mysql+pymysql", "keystone", SECRET, "127.0.0.1", mysql_8, "keystone"))
    assert "The password came as it is" in refused.value.evidence


@pytest.mark.mariadb
def test_a_server_that_has_no_room_for_another_connection_says_so_to_its_administrator(server: PrivateMariadb) -> None:
    assert not observe_database_load("mariadb/0", str(server.socket), "root").full
    allowed = execute(server, "SELECT @@max_connections")[0][0]
    execute(server, "SET GLOBAL max_connections = 10", "CREATE USER guest@localhost")
    with ExitStack() as guests:
        try:
            with suppress(pymysql.Error):
                while True:
                    guests.enter_context(closing(pymysql.connect(unix_socket=str(server.socket), user="guest")))
            found = observe_database_load("mariadb/0", str(server.socket), "root")
            assert (found.full, found.allowed) == (True, 10)
            # Nor has it room for an administrator where another one has the place that is kept for one.
            guests.enter_context(closing(pymysql.connect(unix_socket=str(server.socket), user="root")))
            assert observe_database_load("mariadb/0", str(server.socket), "root").full
        finally:
            guests.close()
            execute(server, f"SET GLOBAL max_connections = {allowed}", "DROP USER guest@localhost")
