"""A model of small processes under a real supervisor, restarted by processes that may be killed.

As a program: go on with a run of a state directory, or begin one, and end with its exit status.
"""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from onward.actions.registry import all_actions
from onward.actions.restart.application_restart import history
from onward.engine.engine import Engine
from onward.engine.runs import read_run
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import Supervisor
from onward.model.deployment import ReadyProbe, UnitProcess
from onward.model.restart import Bounds
from onward.plan.deployment.restarting import RestartArguments, UnitRestart
from onward.plan.plan import Plan
from onward.plan.step import Step
from onward.restart.history import Entry

MODEL, RUN = "demo", "restart-test"
EXIT = {"done": 0, "failed": 1, "paused": 5, "cancelled": 7}
SERVER = """\
import http.server, os, sys
with open("begun", "a") as file:
    print(os.getpid(), file=file)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


@dataclass(frozen=True)
class SmallModel:
    """Units that each serve a port; ``begun`` in a unit's directory has a line for each time that it began."""

    directories: Directories
    ports: tuple[int, ...]

    @property
    def store(self) -> ModelStore:
        return self.directories.model_store(MODEL)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.store.directory, Path(self.store.record()["sockets"]))

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(f"web/{number}" for number in range(len(self.ports)))

    def deploy(self, sockets: Path) -> None:
        """All units run, and owe a restart."""
        self.store.remember({"sockets": str(sockets)})
        self.supervisor.ensure()
        for unit in self.units:
            self.supervisor.apply(unit, [self.process(unit)], "files")
            self.store.note_done(f"start/{unit}", "old", {})
            self.store.owe(unit, "new", "a file has changed")

    def process(self, unit: str) -> UnitProcess:
        directory = self.store.unit_directory(unit)
        (directory / "log").mkdir(parents=True, exist_ok=True)
        if not (directory / "server.py").exists():
            (directory / "server.py").write_text(SERVER)
        port = self.ports[int(unit.partition("/")[2])]
        return UnitProcess(
            name="server",
            argv=(sys.executable, "server.py", str(port)),
            directory=str(directory),
            ready=ReadyProbe(address="127.0.0.1", port=port, path="/", statuses=(200,), seconds=30),
        )

    def begun(self, unit: str) -> int:
        path = self.store.unit_directory(unit) / "begun"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def plan(self, bounds: Bounds) -> Plan:
        start = {
            unit: {
                "unit": unit,
                "directory": str(self.store.unit_directory(unit)),
                "processes": [self.process(unit).model_dump(mode="json")],
                "configuration": "files",
                "begins": False,
            }
            for unit in self.units
        }
        arguments = RestartArguments(
            application="web",
            bounds=bounds,
            most_away=len(self.units) - 1,
            units=tuple(UnitRestart(unit=unit, digest="new", start=start[unit]) for unit in self.units),
        )
        step = Step(
            id="restart/web",
            action="application.restart",
            target="web",
            arguments=arguments.model_dump(mode="json"),
            reason="a test",
            phase="deploy",
        )
        return Plan(kind="restart", cloud=MODEL, facts={}, steps=(step,)).sealed()

    def begin(self, bounds: Bounds) -> None:
        Engine(self.directories, all_actions(self.directories)).create(self.plan(bounds), RUN)

    def live(self, crash: str = "") -> int:
        """One life of the run; the exit status of its process."""
        environment = {**os.environ, **({"ONWARD_CRASH_AT": crash} if crash else {})}
        return subprocess.run(self.words(), env=environment, check=False, timeout=120).returncode

    def words(self) -> list[str]:
        return [sys.executable, __file__, str(self.directories.state)]

    def lines(self) -> list[Entry]:
        return history(self.directories.workspace(RUN) / "restart-web.jsonl")


def main() -> None:
    state = Path(sys.argv[1])
    directories = Directories(state, state)
    engine = Engine(directories, all_actions(directories))
    with engine.signals():
        engine.execute(RUN)
    sys.exit(EXIT.get(read_run(directories, RUN).status, 9))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
