"""The other side of a step on another machine: carries it out here, and asks whoever sent it for what it needs.

One process serves all steps that are sent over one connection, each in a thread. It ends, wherever it is, as soon as
nobody listens: when its input ends, or when nothing has come for a while. An action may be killed at any instant, and
children that it left are found by whoever does the step again, as after any other death.
"""

import fcntl
import json
import os
import queue
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from onward.actions.registry import deployment_actions
from onward.actions.remote.asked import AskedDirectories
from onward.engine.action import Session, StepContext
from onward.errors import Bug, OnwardError
from onward.hosts.private_file import make_private
from onward.plan.plan import Plan
from onward.plan.step import Step

SILENT_SECONDS = 60.0
"""Nothing has come for so long, not even a sign of life: the other side is gone, or cannot be reached any more."""

TAKE_OVER_SECONDS = 30.0

Look = Callable[[Path, dict[str, Any]], dict[str, Any]]


class Served:
    """All requests of one connection."""

    def __init__(self, state: Path, cache: Path, model: str, look: Look) -> None:
        self._state, self._cache, self._model, self._look = state, cache, model, look
        self._session = Session()
        self._out = threading.Lock()
        self._answers: dict[tuple[int, int], queue.SimpleQueue[Any]] = {}
        self._cancelled: set[int] = set()
        self._taking = threading.Lock()
        self._lock: int | None = None

    def until_the_end(self) -> None:
        """Take requests until nobody sends any more; then end the whole process, whatever is at work."""
        buffered = b""
        while True:
            ready, _, _ = select.select([0], [], [], SILENT_SECONDS)
            block = os.read(0, 1 << 20) if ready else b""
            if not block:
                # Live things end first where there is time: a warm runner is a child of this process.
                self._session.close()
                os._exit(0 if ready else 1)
            *lines, buffered = (buffered + block).split(b"\n")
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        match message.get("do"):
            case "answer":
                self._answers[number, message["number"]].put(message["value"])  # type: ignore[index]
            case "cancel":
                self._cancelled.add(int(number or 0))
            case "step" | "look":
                threading.Thread(target=self._serve, args=(number, message), daemon=True).start()

    def _serve(self, number: int, message: dict[str, Any]) -> None:
        try:
            if message["do"] == "look":
                seen = self._look(self._state / "models" / self._model, message)
                self._say({"id": number, "seen": seen, "last": True})
            else:
                self._say({"id": number, "evidence": self._step(number, message), "last": True})
        except OnwardError as error:
            self._say({"id": number, "error": error.as_data(), "last": True})
        except BaseException as error:
            bug = Bug(f"{type(error).__name__}: {error}", evidence="".join(traceback.format_exception(error))[-4000:])
            self._say({"id": number, "error": bug.as_data(), "last": True})

    def _step(self, number: int, message: dict[str, Any]) -> dict[str, Any]:
        self._take_over()
        step = Step.model_validate(message["step"])
        workspace = self._state / "models" / self._model / "runs" / message["run"]
        make_private(workspace)
        asked = 0

        def ask(model: str, what: str, arguments: list[Any]) -> Any:
            nonlocal asked
            if model != self._model:
                raise Bug(f"{step.id} asks for {model}, which is another model.")
            asked += 1
            answer = self._answers[number, asked] = queue.SimpleQueue[Any]()
            self._say({"id": number, "ask": what, "number": asked, "arguments": arguments})
            value = answer.get()
            del self._answers[number, asked]
            return value

        actions = deployment_actions(AskedDirectories(self._state, self._cache, ask=ask))
        return actions[step.action].apply(
            StepContext(
                run_id=message["run"],
                plan=Plan(kind=message["kind"], cloud=message["cloud"], steps=(step,), facts={}),
                step=step,
                workspace=workspace,
                results=message["results"],
                session=self._session,
                progress=lambda text: self._say({"id": number, "progress": text}),
                cancelled=lambda: number in self._cancelled,
            )
        )

    def _take_over(self) -> None:
        """End what an earlier connection may have left at work for this model: its side did not hear that it is gone.

        The lock is the kernel's; two that both work for one model never do so at once.
        """
        with self._taking:
            if self._lock is not None:
                return
            path = self._state / "models" / self._model / "agent.lock"
            make_private(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            deadline = time.monotonic() + TAKE_OVER_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    _end_agent(os.pread(descriptor, 20, 0), self._state)
                if time.monotonic() > deadline:
                    raise Bug(f"{path} is held by a process that does not end.")
                time.sleep(0.05)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            self._lock = descriptor

    def _say(self, message: dict[str, Any]) -> None:
        line = json.dumps(message) + "\n"
        with self._out:
            sys.stdout.write(line)
            sys.stdout.flush()


def _end_agent(pid: bytes, state: Path) -> None:
    """Kill the process of an earlier connection, if it is one: what it did may be done again."""
    if not pid.isdigit():
        return
    with suppress(OSError):
        words = Path(f"/proc/{int(pid)}/cmdline").read_bytes().split(b"\0")
        if b"onward.commands.agent" in words and os.fsencode(state) in words:
            os.kill(int(pid), signal.SIGKILL)
