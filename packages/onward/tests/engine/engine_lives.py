"""Lives of runs in processes of their own, which tests kill.

As a program it is a nursery: it has loaded everything, and forks a child for each life that it is asked for, so that a
life costs what the engine costs and not what Python's imports cost. Commands come as JSON lines on standard input.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onward.engine.action import Action, Evidence, StepContext, by_name
from onward.engine.crash import crash_point
from onward.engine.engine import Engine
from onward.engine.runs import read_run
from onward.errors import OnwardError, StepFailed
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.plan.step import Step

DEADLINE_SECONDS = 60.0
EXIT = {"done": 0, "failed": 1, "paused": 5, "cancelled": 7}
NEEDS = {"a": "", "b": "a", "c": "a", "d": "b", "e": "b c", "f": "c", "g": "d e f", "h": "g"}
"""A diamond: up to three of its eight steps run side by side."""


def step(step_id: str, needs: str = "", *, retries: int = 0, pool: str | None = None, **arguments: Any) -> Step:
    return Step(
        id=step_id,
        action="work",
        target="keystone",
        arguments=arguments,
        needs=tuple(needs.split()),
        reason="a test",
        phase="prepare",
        retries=retries,
        pool=pool,
    )


def plan_of(*steps: Step, cloud: str = "cloud", limits: dict[str, int] | None = None) -> Plan:
    return Plan(
        kind="rehearsal",
        cloud=cloud,
        service="keystone",
        path=("2023.1", "2023.2"),
        facts={},
        limits=limits or {},
        steps=steps,
    ).sealed()


def diamond(cloud: str = "cloud") -> Plan:
    return plan_of(*(step(each, needs) for each, needs in NEEDS.items()), cloud=cloud)


class Work:
    """Writes a file that depends on the files of the steps before; the file appears complete or not at all.

    Arguments: ``gate`` waits until a file of this name is there; ``fails`` fails so many times before it works;
    ``resource`` uses a resource of the session.
    """

    name = "work"

    def apply(self, context: StepContext) -> Evidence:
        step, world = context.step, context.workspace
        with (world / "log").open("a") as log:
            log.write(f"{step.id}\n")
        if "gate" in step.arguments:
            wait_for_gate(context, world / str(step.arguments["gate"]))
        if "resource" in step.arguments:
            context.session.use("resource", lambda: resource(world))
        if ran(world, step.id) <= int(str(step.arguments.get("fails", 0))):
            raise StepFailed(f"{step.id} does not work yet")
        before = "".join((world / f"{need}.out").read_text() for need in step.needs)
        text = hashlib.sha256(f"{step.id} {before}".encode()).hexdigest()
        half = world / f"{step.id}.half"
        half.write_text(text)
        crash_point("work.half")
        half.rename(world / f"{step.id}.out")
        return {"text": text, "before": [context.results[need]["text"] for need in step.needs]}


def wait_for_gate(context: StepContext, gate: Path) -> None:
    context.progress(f"waits for {gate.name}")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not gate.exists():
        if context.cancelled():
            raise StepFailed(f"{context.step.id} was told to end")
        if time.monotonic() > deadline:
            raise StepFailed(f"{gate} was never opened")
        time.sleep(0.005)


@contextmanager
def resource(world: Path) -> Iterator[None]:
    (world / "resource-open").touch()
    yield
    (world / "resource-left").touch()


def ran(world: Path, step_id: str) -> int:
    """How often the action of a step was begun."""
    return (world / "log").read_text().split().count(step_id)


def actions() -> dict[str, Action]:
    return by_name([Work()])


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.005)


class Lives:
    """The nursery, seen from the tests."""

    def __init__(self, outputs: Path) -> None:
        self._outputs = outputs
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(DEADLINE_SECONDS)

    def begin(
        self, directories: Directories, run_id: str, *, plan: Plan | None = None, crash: str | None = None
    ) -> "Life":
        """Begin a life of a run in a process of its own; with a plan, it creates the run first."""
        self._count += 1
        output = self._outputs / f"life-{self._count}"
        answer = self._ask(
            do="begin",
            state=str(directories.state),
            cache=str(directories.cache),
            run=run_id,
            plan=plan.to_json() if plan else None,
            crash=crash,
            output=str(output),
        )
        return Life(self, int(answer), output)

    def live(
        self, directories: Directories, run_id: str, *, plan: Plan | None = None, crash: str | None = None
    ) -> "Life":
        """Begin a life and wait for its end."""
        life = self.begin(directories, run_id, plan=plan, crash=crash)
        life.end()
        return life

    def wait(self, pid: int) -> int:
        return int(self._ask(do="wait", pid=pid))

    def _ask(self, **command: Any) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


class Life:
    """One process that executes a run."""

    def __init__(self, lives: Lives, pid: int, output: Path) -> None:
        self._lives = lives
        self.pid = pid
        self._output = output
        self._status: int | None = None

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        """Its exit status, or minus the signal that killed it. Waits."""
        if self._status is None:
            self._status = self._lives.wait(self.pid)
        return self._status

    def killed(self) -> bool:
        return self.end() == -signal.SIGKILL

    def output(self) -> str:
        """All that it wrote to its standard output and standard error, and all that it said on a network."""
        self.end()
        return self._output.read_text()

    def error(self) -> dict[str, Any]:
        """What Engine.execute raised."""
        self.end()
        found: dict[str, Any] = json.loads(self._output.with_suffix(".error").read_text())
        return found


def _live(command: dict[str, Any]) -> int:
    if command["crash"]:
        os.environ["ONWARD_CRASH_AT"] = command["crash"]
    output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.addaudithook(_tell_of_network)
    directories = Directories(Path(command["state"]), Path(command["cache"]))
    engine = Engine(directories, actions())
    try:
        if command["plan"]:
            engine.create(Plan.model_validate_json(command["plan"]), command["run"])
        with engine.signals():
            record = engine.execute(command["run"])
        assert record == read_run(directories, command["run"])
        return EXIT[record.status]
    except OnwardError as error:
        Path(command["output"]).with_suffix(".error").write_text(json.dumps(error.as_data()))
        return error.exit_status


def _tell_of_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
        os.write(2, f"{event} {arguments[1:]}\n".encode())


def _nursery() -> None:
    import onward.engine.dbos_records  # noqa: F401 - loaded before the first fork

    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "wait":
            _, status = os.waitpid(command["pid"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            status = 99
            try:
                status = _live(command)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(status)
        print(pid, flush=True)


if __name__ == "__main__":
    _nursery()
