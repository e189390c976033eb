"""Onward's own code at work on another machine: one process there for each connection, asked over its pipes.

Requests and answers are lines of JSON, each with the number of its request. What the other side needs of what is kept
here it asks for in between (see :mod:`onward.actions.remote`). The process ends when its input does.
"""

import asyncio
import json
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import count
from threading import Lock
from typing import Any

import asyncssh

from onward.errors import HostLost, HostUnreachable
from onward.hosts.fence import FENCE
from onward.hosts.runtime import runtime_python, send_runtime
from onward.hosts.ssh import Host, SshAccess, begun_in_background, connect, in_background
from onward.model.machine import RemoteMachine

MODULE = "onward.commands.agent"
ALIVE_SECONDS = 5.0
"""How often the other side is told that somebody listens still."""
_LIMIT = 64 * 2**20
"""Bytes of one line: a plan's step with whole files in it."""
_ENDED: dict[str, Any] = {}

Message = dict[str, Any]


class Agent:
    """The process on one machine."""

    def __init__(self, host: Host, process: "asyncssh.SSHClientProcess[str]", name: str) -> None:
        self._host = host
        self._process = process
        self._name = name
        self._numbers = count(1)
        self._waiting: dict[int, queue.SimpleQueue[Message]] = {}
        self._lock = Lock()
        self._said = ""
        self._tasks: list[Future[None]] = []

    def __enter__(self) -> "Agent":
        self._tasks = [begun_in_background(self._listen()), begun_in_background(self._keep_alive())]
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks[1].cancel()
        in_background(self._end())

    def ask(self, message: Message) -> "Request":
        """Begin a request. Raises HostLost when the process has ended, LeaseLost."""
        FENCE.require()
        with self._lock:
            number = next(self._numbers)
            answers = self._waiting[number] = queue.SimpleQueue[Message]()
        request = Request(self, number, answers)
        request.tell(message)
        return request

    def send(self, message: Message) -> None:
        """Send a line. Raises HostLost."""
        in_background(self._write(json.dumps(message) + "\n"))

    def lost(self) -> HostLost:
        """The error for a process that has ended, with what it said last."""
        return HostLost(
            f"The connection to {self._name} ended.",
            evidence=self._said.strip()[-2000:] or "it said nothing",
            state="What was at work there ends by itself; whatever was done there is still so.",
        )

    async def _write(self, line: str) -> None:
        if self._process.stdin.is_closing() or self._tasks[0].done():
            raise self.lost()
        self._process.stdin.write(line)
        try:
            await self._process.stdin.drain()
        except (OSError, asyncssh.Error):
            raise self.lost() from None

    async def _listen(self) -> None:
        errors = asyncio.ensure_future(self._hear_errors())
        try:
            while line := await self._process.stdout.readline():
                said = json.loads(line)
                with self._lock:
                    answers = self._waiting.get(said["id"])
                if answers is not None:
                    answers.put(said)
        except (OSError, ValueError, asyncssh.Error) as error:
            self._said += f"\n{error}"
        finally:
            await asyncio.wait([errors], timeout=2)
            self._said += self._how_it_ended()
            with self._lock:
                waiting = list(self._waiting.values())
            for each in waiting:
                each.put(_ENDED)

    def _how_it_ended(self) -> str:
        signal = self._process.exit_signal
        return f"\nended by signal {signal[0]}" if signal else ""

    async def _hear_errors(self) -> None:
        try:
            while line := await self._process.stderr.readline():
                self._said = (self._said + line)[-8000:]
        except (OSError, asyncssh.Error):
            return

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            await self._write('{"alive": true}\n')

    async def _end(self) -> None:
        self._process.stdin.write_eof()
        await self._process.wait_closed()
        await self._host.close()

    def forget(self, number: int) -> None:
        """Nobody waits for answers to this request any more."""
        with self._lock:
            self._waiting.pop(number, None)


class Request:
    """Something that the process was asked for."""

    def __init__(self, agent: Agent, number: int, answers: "queue.SimpleQueue[Message]") -> None:
        self._agent = agent
        self._number = number
        self._answers = answers

    def tell(self, message: Message) -> None:
        """Say more about it. Raises HostLost."""
        self._agent.send({"id": self._number, **message})

    def answers(self, seconds: float) -> Iterator[Message | None]:
        """What it says, until the last word; None whenever it has said nothing for so long. Raises HostLost."""
        try:
            while True:
                try:
                    said = self._answers.get(timeout=seconds)
                except queue.Empty:
                    yield None
                    continue
                if said is _ENDED:
                    raise self._agent.lost()
                yield said
                if said.get("last"):
                    return
        finally:
            self._agent.forget(self._number)


def start_agent(machine: RemoteMachine, access: SshAccess, model: str, progress: Callable[[str], None]) -> Agent:
    """Connect, send what has to be there, and start the process.

    Raises HostUnreachable, HostKeyUnknown, HostLoginRefused.
    """
    return in_background(_start(machine, access, model, progress))


async def _start(machine: RemoteMachine, access: SshAccess, model: str, progress: Callable[[str], None]) -> Agent:
    host = await connect(access)
    try:
        if await send_runtime(host, machine.cache, machine.python):
            progress(f"Onward's code was sent to {access.name}")
        argv = [runtime_python(machine.cache), "-I", "-m", MODULE, machine.directory, machine.cache, model]
        # A session's umask is anybody's: what a step makes is for its owner only.
        line = ["sh", "-c", 'umask 077; cd / && exec "$@"', "sh", *argv]
        process = await host.connection.create_process(access.as_root(line), encoding="utf-8", window=_LIMIT)
    except HostUnreachable:
        await host.close()
        raise
    except (asyncssh.Error, OSError) as error:
        await host.close()
        raise HostUnreachable(f"{access.name} does not run Onward's code.", evidence=str(error)) from None
    return Agent(host, process, access.name)


async def command_on(access: SshAccess, argv: list[str]) -> str:
    """Run one program on a machine; what it printed. Raises HostUnreachable, HostKeyUnknown, HostLoginRefused."""
    host = await connect(access)
    try:
        return (await host.run(argv)).stdout
    finally:
        await host.close()
