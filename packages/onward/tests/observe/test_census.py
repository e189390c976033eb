"""Whatever is lost or changed between two looks at a database is named: table, key and column. Nothing else is."""

import sqlite3
import tracemalloc
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from onward.catalog.load import forward_recipe
from onward.catalog.service import CensusChange
from onward.hosts.mariadb import PrivateMariadb
from onward.observe.census import Census, take_census
from onward.observe.census_compare import Comparison, compare
from onward.observe.database import read_only

KEYSTONE = forward_recipe("keystone")
SCHEMA = """
CREATE TABLE user (id TEXT PRIMARY KEY, domain_id TEXT, enabled BOOLEAN, extra TEXT);
CREATE TABLE tag (project_id TEXT, name TEXT, PRIMARY KEY (project_id, name));
CREATE TABLE event (what TEXT, number INTEGER);
CREATE TABLE alembic_version (version_num TEXT);
INSERT INTO user VALUES ('alice', 'default', 1, '{}'), ('bob', 'default', 0, NULL), ('carol', 'other', 1, NULL);
INSERT INTO tag VALUES ('a, b', 'c'), ('a', 'b, c');
INSERT INTO event VALUES ('boot', 1), ('boot', 1), ('halt', 2);
INSERT INTO alembic_version VALUES ('before');
"""


class Database:
    def __init__(self, directory: Path) -> None:
        self.file = directory / "keystone.sqlite"
        self.rows = directory / "census" / "rows.sqlite"
        self.run(SCHEMA)
        self.engine = read_only(sa.URL.create("sqlite", database=str(self.file)))
        self.before = take_census(self.engine, KEYSTONE, self.rows)

    def run(self, sql: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection:
            connection.executescript(sql)

    def after(self, sql: str, *changes: CensusChange) -> Comparison:
        self.run(sql)
        return compare(self.before, self.rows, self.engine, KEYSTONE, changes)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def change(kind: str, table: str, column: str | None = None, renamed_to: str | None = None) -> CensusChange:
    return CensusChange.model_validate(
        {
            "series": "2024.1",
            "table": table,
            "column": column,
            "kind": kind,
            "renamed_to": renamed_to,
            "reason": "because",
            "source": "a migration",
        }
    )


def found(result: Comparison) -> list[str]:
    return sorted(str(difference) for difference in result.differences)


def test_an_unchanged_database_has_no_differences(database: Database) -> None:
    result = database.after("UPDATE alembic_version SET version_num = 'after'")
    assert (result.differences, result.documented, result.notes) == ([], [], [])
    assert database.before.tables["user"].rows == 3
    assert database.before.rows == 8
    assert "alembic_version" not in database.before.tables


@pytest.mark.parametrize(
    ("sql", "differences"),
    [
        ("UPDATE user SET enabled = 0 WHERE id = 'carol'", ["user.enabled: 1 values differ, key carol"]),
        ("UPDATE user SET extra = NULL WHERE id = 'alice'", ["user.extra: 1 values differ, key alice"]),
        ("UPDATE user SET extra = '' WHERE id = 'bob'", ["user.extra: 1 values differ, key bob"]),
        ("DELETE FROM user WHERE id = 'bob'", ["user: 1 rows are missing, key bob"]),
        ("UPDATE user SET id = 'BOB' WHERE id = 'bob'", ["user: 1 rows are missing, key bob"]),
        ("DELETE FROM tag WHERE name = 'c'", ["tag: 1 rows are missing, key a, b, c"]),
        ("DELETE FROM event WHERE rowid = 1", ["event: 1 rows are missing, key boot, 1"]),
        ("UPDATE event SET number = 3 WHERE rowid = 1", ["event: 1 rows are missing, key boot, 1"]),
        ("DROP TABLE tag", ["tag: the table is gone, with 2 rows"]),
        ("ALTER TABLE user DROP COLUMN extra", ["user.extra: the column is gone, of 3 rows"]),
        (
            # Two users change places: every column holds the same values as before.
            "UPDATE user SET domain_id = CASE id WHEN 'alice' THEN 'other' ELSE 'default' END WHERE id <> 'bob'",
            ["user.domain_id: 2 values differ, key alice; carol"],
        ),
    ],
)
def test_a_loss_is_named(database: Database, sql: str, differences: list[str]) -> None:
    assert found(database.after(sql)) == differences


def test_every_loss_is_counted_and_some_are_named(database: Database) -> None:
    many = ", ".join(f"('user-{number:04}', 'default', 1, NULL)" for number in range(5000))
    database.run(f"INSERT INTO user VALUES {many}")
    database.before = take_census(database.engine, KEYSTONE, database.rows)
    result = database.after("DELETE FROM user WHERE id LIKE 'user-%7'; UPDATE user SET enabled = 0 WHERE id LIKE '%9'")
    assert [(each.column, each.count, len(each.keys)) for each in result.differences] == [
        ("enabled", 500, 5),
        (None, 500, 5),
    ]
    assert "and 495 more" in found(result)[0]


def test_what_is_new_is_told_and_is_no_loss(database: Database) -> None:
    result = database.after(
        "INSERT INTO user VALUES ('dave', 'default', 1, NULL); ALTER TABLE tag ADD COLUMN color TEXT;"
        "CREATE TABLE user_option (user_id TEXT); INSERT INTO user_option VALUES ('alice')"
    )
    assert found(result) == []
    assert sorted(result.notes) == [
        "tag: new columns color",
        "user: 1 rows more than before",
        "user_option: new table, 1 rows",
    ]


@pytest.mark.parametrize(
    ("which", "lost"), [("number = 2", []), ("1", ["event: 3 rows are missing, key boot, 1; halt, 2 and 1 more"])]
)
def test_no_more_rows_may_go_than_is_documented(database: Database, which: str, lost: list[str]) -> None:
    removed = change("rows-removed", "event").model_copy(update={"at_most": 1})
    assert found(database.after(f"DELETE FROM event WHERE {which}", removed)) == lost


def test_where_there_were_no_rows_nothing_is_lost_with_a_table_or_a_column(database: Database) -> None:
    database.run("DELETE FROM tag; DELETE FROM event")
    database.before = take_census(database.engine, KEYSTONE, database.rows)
    result = database.after("DROP TABLE tag; ALTER TABLE event DROP COLUMN number")
    assert found(result) == []
    assert sorted(result.notes) == [
        "event.number: the column is gone, of no rows",
        "tag: the table is gone, in which there were no rows",
    ]


@pytest.mark.parametrize(
    ("sql", "documented"),
    [
        ("DROP TABLE event", change("dropped", "event")),
        ("ALTER TABLE user DROP COLUMN extra", change("dropped", "user", "extra")),
        ("UPDATE user SET extra = '{}'", change("rewritten", "user", "extra")),
        ("UPDATE user SET extra = '{}'", change("filled", "user", "extra")),
        ("ALTER TABLE user RENAME COLUMN domain_id TO realm", change("renamed", "user", "domain_id", "realm")),
        ("ALTER TABLE user RENAME COLUMN id TO name", change("renamed", "user", "id", "name")),
        ("DELETE FROM event", change("rows-removed", "event")),
        ("INSERT INTO event VALUES ('boot', 1)", change("rows-added", "event")),
    ],
    ids=lambda value: value.kind if isinstance(value, CensusChange) else "",
)
def test_a_documented_change_is_told_as_such(database: Database, sql: str, documented: CensusChange) -> None:
    result = database.after(sql, documented)
    assert found(result) == []
    assert len(result.documented) == 1
    assert "2024.1: because" in result.documented[0]
    assert result.notes == []


def test_a_documented_change_that_did_not_happen_is_not_told(database: Database) -> None:
    result = database.after("", change("dropped", "user", "extra"), change("rewritten", "user", "enabled"))
    assert (found(result), result.documented) == ([], [])


def test_a_documented_change_covers_nothing_else(database: Database) -> None:
    filled = change("filled", "user", "extra")
    renamed = change("renamed", "user", "domain_id", "realm")
    result = database.after(
        "UPDATE user SET extra = 'new'; ALTER TABLE user RENAME COLUMN domain_id TO realm;"
        "UPDATE user SET realm = 'lost' WHERE id = 'bob'",
        filled,
        renamed,
    )
    assert found(result) == ["user.domain_id: 1 values differ, key bob", "user.extra: 1 values differ, key alice"]


def test_a_new_primary_key_does_not_hide_rows(database: Database) -> None:
    """As Rocky did to limits: rows are told apart as before."""
    result = database.after(
        "CREATE TABLE user_new (number INTEGER PRIMARY KEY, id TEXT, domain_id TEXT, enabled BOOLEAN, extra TEXT);"
        "INSERT INTO user_new (id, domain_id, enabled, extra) SELECT id, domain_id, 1, extra FROM user"
        " WHERE id <> 'alice';"
        "DROP TABLE user; ALTER TABLE user_new RENAME TO user"
    )
    assert found(result) == ["user.enabled: 1 values differ, key bob", "user: 1 rows are missing, key alice"]


def test_a_census_is_read_back_as_it_was_written(database: Database) -> None:
    assert Census.from_json(database.before.to_json()) == database.before


def test_a_census_taken_again_replaces_one_that_was_cut_off(database: Database) -> None:
    database.rows.write_bytes(database.rows.read_bytes()[:5000])
    assert take_census(database.engine, KEYSTONE, database.rows) == database.before
    assert found(database.after("DELETE FROM user WHERE id = 'bob'")) == ["user: 1 rows are missing, key bob"]


def test_a_comparison_can_be_repeated(database: Database) -> None:
    first = database.after("DELETE FROM user WHERE id = 'bob'; UPDATE tag SET name = 'd' WHERE name = 'c'")
    assert found(database.after("")) == found(first)
    database.run("INSERT INTO user VALUES ('bob', 'default', 0, NULL); UPDATE tag SET name = 'c' WHERE name = 'd'")
    assert found(database.after("")) == []


def test_the_rows_file_is_private(database: Database) -> None:
    assert database.rows.stat().st_mode & 0o077 == 0


values = st.none() | st.text(max_size=5) | st.integers(-5, 5) | st.binary(max_size=4)
tables = st.dictionaries(st.text(max_size=3), st.tuples(values, values), max_size=6)


@settings(max_examples=60, deadline=None)
@given(before=tables, after=tables)
def test_exactly_what_differs_is_reported(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, tuple[object, object]],
    after: dict[str, tuple[object, object]],
) -> None:
    directory = tmp_path_factory.mktemp("census")
    engine = sa.create_engine(f"sqlite:///{directory / 'database'}")
    table = sa.Table("t", sa.MetaData(), sa.Column("k", sa.String, primary_key=True), sa.Column("a"), sa.Column("b"))

    def write(content: dict[str, tuple[object, object]]) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS t")
            connection.exec_driver_sql("CREATE TABLE t (k TEXT PRIMARY KEY, a, b)")
            for key, (a, b) in content.items():
                connection.execute(table.insert().values(k=key, a=a, b=b))

    write(before)
    census = take_census(engine, KEYSTONE, directory / "rows")
    write(after)
    result = compare(census, directory / "rows", engine, KEYSTONE, ())
    engine.dispose()
    counted = {each.column: each.count for each in result.differences}
    common = before.keys() & after.keys()
    expected = {
        None: len(before.keys() - after.keys()),
        "a": sum(plain(before[key][0]) != plain(after[key][0]) for key in common),
        "b": sum(plain(before[key][1]) != plain(after[key][1]) for key in common),
    }
    assert counted == {column: count for column, count in expected.items() if count}


def plain(value: object) -> bytes | None:
    """What counts as the same: numbers and their digits, text and its bytes."""
    return None if value is None else value if isinstance(value, bytes) else str(value).encode()


def test_the_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    for number in (20_000, 80_000):
        file = tmp_path / f"{number}.sqlite"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE user (id TEXT PRIMARY KEY, extra TEXT)")
            rows = ((f"user-{place}", f"extra-{place}") for place in range(number))
            connection.executemany("INSERT INTO user VALUES (?, ?)", rows)
            connection.commit()
        engine = read_only(sa.URL.create("sqlite", database=str(file)))
        tracemalloc.start()
        try:
            before = take_census(engine, KEYSTONE, tmp_path / "rows")
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("UPDATE user SET extra = 'lost'")
                connection.commit()
            result = compare(before, tmp_path / "rows", engine, KEYSTONE, ())
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
            engine.dispose()
        assert result.differences[0].count == number
    assert peaks[1] < peaks[0] * 1.2


@pytest.mark.mariadb
def test_types_that_a_release_changes_do_not_change_values(tmp_path: Path) -> None:
    """In MariaDB: numbers of another width, text in another encoding, times with microseconds, a rebuilt table."""
    with PrivateMariadb(tmp_path / "server", tmp_path / "server.log") as server:
        admin = sa.create_engine(server.url("mysql"))
        with admin.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE keystone")
            connection.exec_driver_sql(
                "CREATE TABLE keystone.user (id VARCHAR(64) PRIMARY KEY, enabled TINYINT(1), name VARCHAR(64),"
                " created DATETIME, weight DECIMAL(8,3), secret TEXT) CHARACTER SET utf8mb3"
            )
            connection.execute(
                sa.text("INSERT INTO keystone.user VALUES (:id, 1, :name, :created, :weight, 'x')"),
                [
                    {"id": str(n), "name": f"Zoë {n}", "created": datetime(2024, 1, 1, 2, 3, n % 60), "weight": "1.50"}
                    for n in range(5000)
                ],
            )
        engine = read_only(server.url("keystone"))
        before = take_census(engine, KEYSTONE, tmp_path / "rows")
        with admin.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE keystone.user CONVERT TO CHARACTER SET utf8mb4, MODIFY enabled BIGINT,"
                " MODIFY created DATETIME(6), MODIFY weight DOUBLE, MODIFY secret BLOB"
            )
        assert compare(before, tmp_path / "rows", engine, KEYSTONE, ()).differences == []
        with admin.begin() as connection:
            connection.exec_driver_sql("UPDATE keystone.user SET name = 'Zoe 77' WHERE id = '77'")
        assert found(compare(before, tmp_path / "rows", engine, KEYSTONE, ())) == ["user.name: 1 values differ, key 77"]
        engine.dispose()
        admin.dispose()


@pytest.mark.parametrize("value", ["1", "1.0", "'1'", "x'31'", "true"])
def test_the_same_number_is_the_same_whatever_its_type(database: Database, value: str) -> None:
    result = database.after(
        "CREATE TABLE untyped (id TEXT PRIMARY KEY, domain_id, enabled, extra); INSERT INTO untyped SELECT * FROM user;"
        f"UPDATE untyped SET enabled = {value} WHERE enabled; DROP TABLE user; ALTER TABLE untyped RENAME TO user"
    )
    assert found(result) == []
