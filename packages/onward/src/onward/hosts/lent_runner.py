"""A warm runner of another Onward process, which runs the commands of a release for this one.

The lender listens on a socket in the state directory that only its user may connect to. A connection is for one runner:

In:   {"version", "service", "series", "environment"}; then, for each command,
      {"command", "configuration", "log", "early_values", "timeout_seconds"}
Out:  {"pid"}, or {"refused": why}; then {"exit_status", "seconds", "log_from"}, or {"died": why}

each a line. Closing the connection gives the runner back. No secret goes over it: commands read those from their files.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from onward import __version__
from onward.catalog.service import Command
from onward.hosts.runner import CommandOutcome, Runner

_SOCKET = "runners.sock"
_ANSWER_SECONDS = 5.0
"""How long a lender may take to answer, beside what a command takes."""


class ReleaseCommands(Protocol):
    """What runs the commands of a release: a warm runner, whoever has it."""

    @property
    def pid(self) -> int:
        """Of the process that forks."""
        ...

    def run(
        self,
        command: Command,
        *,
        configuration: Sequence[Path],
        log: Path,
        early_values: Mapping[tuple[str, str], str] | None = None,
        timeout_seconds: float | None = None,
    ) -> CommandOutcome:
        """Run a command and wait for its end, as ``Runner.run`` does. Raises RunnerDied."""
        ...


class NotLent(Exception):
    """That runner is not to be had now."""


class NobodyLends(NotLent):
    """There is no lender, or none that answers: another runner need not be asked for."""


class _Lender:
    """The other side of a connection, which is asked one thing after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def close(self) -> None:
        """Ask nothing more."""
        self._lines.close()

    def asked(self, seconds: float | None = _ANSWER_SECONDS, **request: Any) -> dict[str, Any] | None:
        """The answer; None where the lender has gone, or has said nothing for so long (None: however long)."""
        # That a lender has ended, the kernel tells; one that is stopped says nothing.
        self._connection.settimeout(seconds)
        try:
            self._connection.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
            return json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):
            return None


class LentRunner:
    """The borrower's side. ``own`` starts a runner here, should the lender end in mid-command."""

    def __init__(self, lender: _Lender, pid: int, own: Callable[[], AbstractContextManager[ReleaseCommands]]) -> None:
        self.pid = pid
        self._lender = lender
        self._own = own
        self._instead: ReleaseCommands | None = None
        self._stack = ExitStack()

    def run(
        self,
        command: Command,
        *,
        configuration: Sequence[Path],
        log: Path,
        early_values: Mapping[tuple[str, str], str] | None = None,
        timeout_seconds: float | None = None,
    ) -> CommandOutcome:
        """As ``ReleaseCommands`` says. What the lender cannot finish is run again here: it may only read."""
        if self._instead is None:
            answer = self._lender.asked(
                None if timeout_seconds is None else timeout_seconds + _ANSWER_SECONDS,
                command=command.model_dump(mode="json", include=set(Command.model_fields)),
                configuration=[str(path) for path in configuration],
                log=str(log),
                early_values=[[*option, value] for option, value in (early_values or {}).items()],
                timeout_seconds=timeout_seconds,
            )
            if answer is not None and "died" not in answer:
                return CommandOutcome(
                    command.name, answer["exit_status"], answer["seconds"], log, log_from=answer["log_from"]
                )
            self._instead = self._stack.enter_context(self._own())
        return self._instead.run(
            command,
            configuration=configuration,
            log=log,
            early_values=early_values,
            timeout_seconds=timeout_seconds,
        )

    def close(self) -> None:
        """End what was started here instead."""
        self._stack.close()


@contextmanager
def lent_runner(
    state: Path,
    release: tuple[str, str],
    environment: Path,
    own: Callable[[], AbstractContextManager[ReleaseCommands]],
) -> Iterator[LentRunner]:
    """Borrow a runner with the code of an environment, until the context is left. Raises NotLent."""
    service, series = release
    with ExitStack() as stack:
        connection = stack.enter_context(socket.socket(socket.AF_UNIX))
        connection.settimeout(_ANSWER_SECONDS)
        try:
            with short_address(state) as address:
                connection.connect(address)
        except OSError as error:
            raise NobodyLends(str(error)) from None
        lender = stack.enter_context(closing(_Lender(connection)))
        answer = lender.asked(version=__version__, service=service, series=series, environment=str(environment))
        if answer is None:
            raise NobodyLends("it does not answer")
        if "pid" not in answer:
            raise NotLent(answer.get("refused", "it says nothing of it"))
        runner = LentRunner(lender, answer["pid"], own)
        stack.callback(runner.close)
        yield runner


@contextmanager
def short_address(state: Path) -> Iterator[str]:
    """The socket's address by way of its directory: one of more than 107 bytes cannot be given to the kernel."""
    directory = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{_SOCKET}"
    finally:
        os.close(directory)


def answer_of(runner: Runner, request: Mapping[str, Any]) -> dict[str, Any]:
    """The lender's side: run what was asked for. Raises RunnerDied, and what a request that makes no sense raises."""
    outcome = runner.run(
        Command.model_validate(request["command"]),
        configuration=[Path(path) for path in request["configuration"]],
        log=Path(request["log"]),
        early_values={(group, name): value for group, name, value in request["early_values"]},
        timeout_seconds=request["timeout_seconds"],
    )
    return {"exit_status": outcome.exit_status, "seconds": outcome.seconds, "log_from": outcome.log_from}
