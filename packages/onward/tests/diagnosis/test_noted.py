"""A unit whose workers answer nobody: what they have noted of their calls is read all the same."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from bundles import wish

from onward.hosts.model_store import ModelStore
from onward.hosts.service_package import service_files
from onward.model.health import ComponentHealth
from onward.plan.deployment.health import CODE, STATE_FILE
from onward.survey.health import health_of

BUNDLE = """\
applications:
  mariadb:
  keystone: {options: {health: true}}
relations:
  - [keystone:shared-db, mariadb:shared-db]
"""
TOPOLOGY = wish(BUNDLE).topology
WORKER = """
import sys
from pathlib import Path
from onward_service.board import Board
from onward_service.collector import Collector
from onward_service.observation import Outcome
collector = Collector(Board(Path(sys.argv[1])))
for _ in range(2):
    collector.observe("sql:127.0.0.1:3306/keystone", Outcome.REFUSED, 10.0, "OperationalError 2003 TimeoutError")
print("noted", flush=True)
sys.stdin.read()
"""


def told(store: ModelStore) -> tuple[str, tuple[ComponentHealth, ...]]:
    (found,) = health_of(TOPOLOGY, store, ())
    return found.state, found.components


def test_what_a_stopped_worker_has_noted_is_told(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models" / "small")
    unit = store.unit_directory("keystone/0")
    for name, text in service_files().items():
        file = unit / CODE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    state = unit / STATE_FILE
    state.parent.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = {"address": "127.0.0.1", "port": silent.getsockname()[1], "path": "/v3", "seconds": 1}
        store.note_done("start/keystone/0", "digest", {"probes": {"api": probe}})
        assert told(store) == ("silent", ()), "nothing is noted yet"
        assert not state.exists(), "looking makes no file"
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, state],
            env={**os.environ, "PYTHONPATH": str(unit / CODE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as worker:
            try:
                assert worker.stdout is not None
                assert worker.stdout.readline() == b"noted\n"
                worker.send_signal(signal.SIGSTOP)
                word, (component,) = told(store)
            finally:
                worker.kill()
    assert (word, component.name, component.state) == ("silent", "sql:127.0.0.1:3306/keystone", "fail")
    assert component.note == "OperationalError 2003 TimeoutError"
