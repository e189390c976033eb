"""A database many times as large is rehearsed with the same memory."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from material.large_keystone import large_databases
from material.memory import run_watched
from material.rehearsed import rehearse
from onward.hosts.state import Directories

pytestmark = [pytest.mark.environments, pytest.mark.timeout(1500)]

SOURCE, TARGET = "2023.1", "2023.2"
GROWTH = 1.25
"""How much more memory the rehearsal of a large database may take."""
CENSUS_MIB = 8.0
"""How much more its census may take: SQLite's caches fill up. One table held whole takes 16 MiB more."""

CENSUS = """
import sys
from pathlib import Path
from sqlalchemy import URL
from onward.catalog.load import recipe
from onward.observe.census import take_census
from onward.observe.census_compare import compare
from onward.observe.database import read_only
keystone, engine, rows = recipe("keystone"), read_only(URL.create("sqlite", database=sys.argv[1])), Path(sys.argv[2])
before = take_census(engine, keystone, rows)
assert before.rows == int(sys.argv[3])
assert not compare(before, rows, engine, keystone, ()).differences
# The table with the most rows has lost all values of a column: every row is gone through.
changed = before.to_json().replace(before.tables["assignment"].columns["role_id"], "0" * 16)
assert not compare(type(before).from_json(changed), rows, engine, keystone, ()).differences
"""


def test_a_census_takes_no_more_memory_for_ten_times_the_rows(
    session_directories: Directories, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs(SOURCE, TARGET)
    peaks = []
    for database in large_databases(tmp_path, session_directories.cache, "sqlite", SOURCE, TARGET, (20_000, 200_000)):
        log = tmp_path / f"{database.rows}.log"
        argv = [sys.executable, "-c", CENSUS, str(database.file), str(log.with_suffix(".rows")), str(database.rows)]
        watched = run_watched(argv, tmp_path, log)
        assert watched.exit_status == 0, log.read_text()
        peaks.append(watched.own)
    assert peaks[1] - peaks[0] < CENSUS_MIB, peaks


@pytest.mark.full
@pytest.mark.parametrize("backend", ["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def test_a_rehearsal_takes_no_more_memory_for_thirty_times_the_rows(
    session_directories: Directories, tmp_path: Path, needs: Callable[..., None], backend: str
) -> None:
    needs(SOURCE, TARGET)
    cache, peaks, sampled = session_directories.cache, [], []
    for database in large_databases(tmp_path, cache, backend, SOURCE, TARGET, (10_000, 300_000)):
        state = Directories(tmp_path / f"state-{database.rows}", cache).prepared()
        rehearsed = rehearse(state, *database.words, "--from", SOURCE, "--to", TARGET)
        rows = (rehearsed.record.step(f"census/{SOURCE}").evidence or {})["rows"]
        assert database.rows <= rows < database.rows + 100  # with the copy's own administrator
        sampled.append((rehearsed.record.step("remember").evidence or {})["sampled"])
        peaks.append(rehearsed.watched.own)
    assert "users" in sampled[1]
    assert "users" not in sampled[0]
    assert peaks[1] < GROWTH * peaks[0], peaks
