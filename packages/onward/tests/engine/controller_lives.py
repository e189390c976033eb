"""Controllers in processes of their own, which tests stop and kill. As a program: one controller."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine_lives import DEADLINE_SECONDS, plan_of, wait_for_gate, wait_until

from onward.engine.action import Action, Evidence, StepContext, by_name
from onward.engine.engine import Engine
from onward.engine.runs import enqueue
from onward.engine.shared.controller import SharedController
from onward.errors import StepFailed
from onward.hosts.fence import FENCE
from onward.hosts.state import Directories
from onward.model.store import store_address
from onward.plan.plan import Plan
from onward.plan.step import Step


class Effect:
    """Has an effect once: a file that is made exclusively. Each call is a line of ``calls``: step, process.

    Arguments: ``gate`` waits for a file before the effect; ``fails`` fails so many times.
    """

    name = "effect"
    anywhere = True

    def apply(self, context: StepContext) -> Evidence:
        world, step = context.workspace, context.step
        append(world / "calls", f"{step.id} {os.getpid()}")
        if "gate" in step.arguments:
            wait_for_gate(context, world / str(step.arguments["gate"]))
        if (world / "calls").read_text().split().count(step.id) <= int(str(step.arguments.get("fails", 0))):
            raise StepFailed(f"{step.id} does not work yet")
        # What every action does just before it changes something.
        FENCE.require()
        append(world / "effects", f"{step.id} {os.getpid()}")
        return {"process": os.getpid()}


class BoundEffect(Effect):
    """The same where only who leads the run may do it."""

    name = "bound"
    anywhere = False


def append(path: Path, line: str) -> None:
    """One line, whole whoever else writes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def actions() -> dict[str, Action]:
    return by_name([Effect(), BoundEffect()])


def effect(step_id: str, needs: str = "", *, action: str = "effect", retries: int = 0, **arguments: Any) -> Step:
    return Step(
        id=step_id,
        action=action,
        target="keystone",
        arguments=arguments,
        needs=tuple(needs.split()),
        reason="a test",
        phase="prepare",
        retries=retries,
    )


def submitted(directories: Directories, run_id: str, steps: Sequence[Step], **plan: Any) -> Plan:
    """A run in the queue of the store."""
    made = plan_of(*steps, **plan)
    Engine(directories, actions()).create(made, run_id)
    enqueue(directories, run_id)
    return made


class Controllers:
    """Processes of controllers; those that are left are ended."""

    def __init__(self, directories: Directories, lease: float = 4.0) -> None:
        self._directories = directories
        self._lease = lease
        self.processes: list[subprocess.Popen[str]] = []

    def begin(self, *, before: Sequence[str] = (), crash: str | None = None) -> "subprocess.Popen[str]":
        """One more; ``before`` are words before its command, such as those of unshare."""
        arguments = [self._directories.state, self._directories.cache, self._directories.store, self._lease]
        process = subprocess.Popen(
            [*before, sys.executable, __file__, *map(str, arguments)],
            env={**os.environ, **({"ONWARD_CRASH_AT": crash} if crash else {})},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                said = process.communicate(timeout=DEADLINE_SECONDS)[1]
            except subprocess.TimeoutExpired:
                process.kill()
                said = process.communicate()[1]
            # Seen where a test fails.
            print(f"controller {process.pid} ended with {process.returncode}: {said}")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    state, cache, store, lease = sys.argv[1:]
    directories = Directories(Path(state), Path(cache), store_address(store))
    engine = Engine(directories, actions())
    assert directories.store
    with engine.signals(graceful_termination=True):
        SharedController(directories, directories.store, actions(), halt=engine.halt, lease_seconds=float(lease)).run()


if __name__ == "__main__":
    main()

__all__ = ["Controllers", "actions", "effect", "lines", "submitted", "wait_until"]
