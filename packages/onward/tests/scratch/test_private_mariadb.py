"""The private server: it belongs to Onward's process, and keeps what it was given."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mariadb_data import checksum, small_keystone, sql

from onward.errors import ToolMissing
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.scratch import MariadbScratch

pytestmark = pytest.mark.mariadb

OWNER = """
import sys, time
from pathlib import Path
from onward.hosts.mariadb import PrivateMariadb
directory = Path(sys.argv[1])
with PrivateMariadb(directory / "server", directory / "log") as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


def gone(pid: int, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_only_its_owner_can_reach_it(server: PrivateMariadb) -> None:
    assert server.socket.parent.stat().st_mode & 0o077 == 0
    assert sql(server, "SELECT @@skip_networking")[0][0] == 1


def test_it_dies_with_its_owner_and_keeps_what_was_committed(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        server = PrivateMariadb(tmp_path / "server", tmp_path / "log")
        small_keystone(server, "keystone")
        before = checksum(server, "keystone")
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert gone(pid)
    with server:
        assert checksum(server, "keystone") == before


def test_a_data_directory_that_was_half_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "server" / "data.partial" / "mysql").mkdir(parents=True)
    with PrivateMariadb(tmp_path / "server", tmp_path / "log") as server:
        assert sql(server, "SELECT 1") == [(1,)]


def test_a_deep_directory_gets_a_short_socket_that_is_cleaned_away(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with PrivateMariadb(deep, tmp_path / "log") as server:
        assert len(os.fsencode(server.socket)) < 108
        assert sql(server, "SELECT 1") == [(1,)]
    assert not server.socket.parent.exists()


def test_a_missing_server_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("onward.hosts.mariadb._SYSTEM_PATHS", "/nonexistent")
    with pytest.raises(ToolMissing) as missing, PrivateMariadb(tmp_path / "server", tmp_path / "log"):
        pass
    assert "mariadb-server-core" in missing.value.next_command


def test_a_checkpoint_brings_back_what_was_there(tmp_path: Path) -> None:
    with PrivateMariadb(tmp_path / "server", tmp_path / "log") as server:
        scratch = MariadbScratch(server, tmp_path / "scratch", "keystone")
        small_keystone(server, "keystone")
        before = checksum(server, "keystone")
        scratch.checkpoint("before-2024.1")
        sql(server, "ALTER TABLE keystone.user DROP COLUMN extra", "DROP TABLE keystone.role")
        scratch.restore("before-2024.1")
        assert checksum(server, "keystone") == before
        assert scratch.has_checkpoint("before-2024.1")
        scratch.drop_checkpoint("before-2024.1")
        assert not scratch.has_checkpoint("before-2024.1")


def test_a_restore_that_was_cut_off_is_finished_by_the_next_start(tmp_path: Path) -> None:
    server = PrivateMariadb(tmp_path / "server", tmp_path / "log")
    with server:
        small_keystone(server, "keystone")
        before = checksum(server, "keystone")
        server.keep(tmp_path / "kept")
        sql(server, "DROP DATABASE keystone")
    (tmp_path / "kept").rename(tmp_path / "server" / "data.replacement")
    with server:
        assert checksum(server, "keystone") == before


def test_what_other_servers_keep_in_the_common_directory_for_temporary_files_is_let_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A starting server removes all that looks like a temporary table of an earlier life of its own."""
    common = tmp_path / "common"
    common.mkdir()
    theirs = [common / f"#sql-temptable-1a2b-3-4.{ending}" for ending in ("MAD", "MAI", "ibd")]
    for path in theirs:
        path.write_bytes(b"of a server that is at work")
    monkeypatch.setenv("TMPDIR", str(common))
    with PrivateMariadb(tmp_path / "server", tmp_path / "log"):
        pass
    assert sorted(common.iterdir()) == sorted(theirs)
