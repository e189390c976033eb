"""Warm runners: one process per environment that has imported a service's code and forks for each command."""

import grp
import itertools
import json
import os
import pwd
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from types import MappingProxyType
from typing import Any, BinaryIO, cast

from onward.catalog.service import Application, Command
from onward.errors import RunnerDied, ServiceDidNotStart
from onward.hosts.fence import FENCE

PROGRAM = Path(__file__).with_name("runner_program.py")
_WARM_SECONDS = 180.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02

# Variables with these beginnings belong to Onward's own interpreter, or are an operator's credentials.
_KEPT_BACK = ("PYTHON", "VIRTUAL_ENV", "UV_", "CONDA", "__PYVENV", "ONWARD_", "OS_", "KEYSTONE_")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log that may not be there. Only its end is read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 400 * lines))
            return "\n".join(deque(file.read().decode(errors="replace").splitlines(), maxlen=lines))
    except FileNotFoundError:
        return ""


@dataclass(frozen=True)
class CommandOutcome:
    """How a command ended. A negative exit status is the signal that killed it."""

    name: str
    exit_status: int
    seconds: float
    log: Path
    """All that it printed; later runs are appended."""
    log_from: int = 0
    """Where in the log this run begins, in bytes."""

    def output(self) -> str:
        """What this run printed."""
        with self.log.open("rb") as file:
            file.seek(self.log_from)
            return file.read().decode(errors="replace")

    def tail(self, lines: int = 15) -> str:
        """The last lines it printed."""
        return "\n".join(self.output().splitlines()[-lines:])


@dataclass(frozen=True)
class ServedApi:
    """An API that answers on this machine until its context is left."""

    url: str
    log: Path
    pids: tuple[int, ...]
    """Its workers."""
    start_seconds: float
    """From the request to start until it answered."""


@dataclass
class _Job:
    """What is known here of a job of the runner's."""

    number: int
    started: "Future[dict[str, Any]]" = field(default_factory=Future)
    ended: "Future[dict[str, Any]]" = field(default_factory=Future)


class Runner:
    """A warm runner. All methods may be called by several threads at once."""

    def __init__(self, process: "subprocess.Popen[bytes]", report: int, log: Path, environment: Path) -> None:
        self._process = process
        self.environment = environment
        """The directory of the environment whose interpreter it is."""
        self._requests = cast("BinaryIO", process.stdin)
        self._log = log
        self._numbers = itertools.count(1)
        self._jobs: dict[int, _Job] = {}
        self._lock = threading.Lock()
        self._gone = False
        self._ready: Future[dict[str, Any]] = Future()
        self._reader = threading.Thread(target=self._read, args=(report,), name=f"runner-{process.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process that forks."""
        return self._process.pid

    @property
    def imported_seconds(self) -> float:
        """How long the imports took."""
        return float(self._wait(self._ready)["seconds"])

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds after the imports."""
        return int(self._wait(self._ready)["resident_bytes"])

    @property
    def skipped_modules(self) -> dict[str, str]:
        """Modules that could not be imported, each with the reason."""
        return dict(self._wait(self._ready)["skipped"])

    def alive(self) -> bool:
        """Whether it can take commands."""
        # Its end is seen here before the reader has heard of it.
        return not self._gone and self._process.poll() is None

    def run(
        self,
        command: Command,
        *,
        configuration: Sequence[Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
        extra_argv: Sequence[str] = (),
        early_values: Mapping[tuple[str, str], str] | None = None,
        timeout_seconds: float | None = None,
    ) -> CommandOutcome:
        """Run a command of the service in a process of its own and wait for its end.

        The configuration files come right after the program's name, where oslo.config wants them. ``environment``
        is added to the runner's and may hold secrets. ``early_values``, by group and option, are what the command
        finds before it has read its files. A command that takes longer than ``timeout_seconds`` is killed, which its
        exit status then tells. Raises RunnerDied, LeaseLost.
        """
        FENCE.require()
        began = log.stat().st_size if log.exists() else 0
        job = self._begin(
            do="run",
            module=command.module,
            function=command.function,
            argv=self._words(command.argv[0], configuration, (*command.argv[1:], *extra_argv)),
            environment=dict(environment or {}),
            log=str(log),
            register=command.registers,
            defaults=[[*option, value] for option, value in (early_values or {}).items()],
        )
        try:
            ended = self._wait(job.ended, timeout_seconds)
        except TimeoutError:
            self._stop(job, SIGKILL)
            ended = self._wait(job.ended)
        return CommandOutcome(command.name, int(ended["exit_status"]), float(ended["seconds"]), log, began)

    @contextmanager
    def serve(
        self,
        application: Application,
        *,
        configuration: Sequence[Path],
        log: Path,
        health_path: str = "/",
        name: str = "api",
        workers: int = 2,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> Iterator[ServedApi]:
        """Serve a WSGI application on a free port of 127.0.0.1 while the context lasts.

        Entered once ``health_path`` answers with anything below 500. Raises ServiceDidNotStart, RunnerDied.
        """
        began = time.monotonic()
        job = self._begin(
            do="serve",
            module=application.module,
            attribute=application.attribute,
            call=application.call,
            argv=self._words(name, configuration, application.argv),
            environment=dict(environment or {}),
            log=str(log),
            workers=workers,
        )
        try:
            started = self._wait(job.started)
            url = f"http://127.0.0.1:{started['port']}"
            self._wait_for_answer(job, url + health_path, log, timeout_seconds)
            yield ServedApi(url, log, tuple(started["pids"]), round(time.monotonic() - began, 3))
        finally:
            if not self._gone:
                self._stop(job, SIGTERM)
                self._wait(job.ended, _STOP_SECONDS)

    def _words(self, program: str, configuration: Sequence[Path], rest: Sequence[str]) -> list[str]:
        """The arguments as the service sees them, with the catalogue's placeholders filled in."""
        known = {
            "{environment}": str(self.environment),
            "{user}": _user_name(os.getuid()),
            "{group}": _group_name(os.getgid()),
        }
        files = [word for path in configuration for word in ("--config-file", str(path))]
        return [program, *files, *(_filled(word, known) for word in rest)]

    def _wait_for_answer(self, job: _Job, url: str, log: Path, seconds: float) -> None:
        """Ask until it answers. Raises ServiceDidNotStart when it ends, or time does."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if job.ended.done():
                ended = self._wait(job.ended)
                raise ServiceDidNotStart(
                    f"The API ended with exit status {ended['exit_status']} instead of answering.", evidence=tail(log)
                )
            if _answers(url, left):
                return
            time.sleep(_POLL_SECONDS)
        raise ServiceDidNotStart(f"The API did not answer {url} within {seconds:.0f} s.", evidence=tail(log))

    def _begin(self, **request: Any) -> _Job:
        job = _Job(next(self._numbers))
        with self._lock:
            if self._gone:
                raise self._death()
            self._jobs[job.number] = job
            self._send({"id": job.number, **request})
        return job

    def _stop(self, job: _Job, number: Signals) -> None:
        with self._lock:
            self._send({"id": next(self._numbers), "do": "stop", "job": job.number, "signal": int(number)})

    def _send(self, message: dict[str, Any]) -> None:
        """Write one line; called with the lock held. That a runner is gone is noticed by the reader."""
        with suppress(OSError):
            self._requests.write(json.dumps(message).encode() + b"\n")
            self._requests.flush()

    def _wait(self, future: "Future[dict[str, Any]]", seconds: float | None = None) -> dict[str, Any]:
        """The message that is waited for. Raises TimeoutError, and RunnerDied should it never come."""
        answer = future.result(seconds)
        if answer["event"] == "gone":
            raise self._death()
        return answer

    def _death(self) -> RunnerDied:
        try:
            status = f"exit status {self._process.wait(5)}"
        except subprocess.TimeoutExpired:
            status = "no exit status yet"
        return RunnerDied(
            f"The process that runs the release's commands has ended ({status}).", evidence=tail(self._log)
        )

    def _read(self, report: int) -> None:
        """The reader's thread: hand each message to those who wait for it, and in the end tell all others."""
        with os.fdopen(report, "rb") as lines:
            for line in lines:
                message = json.loads(line)
                if message["event"] == "ready":
                    self._ready.set_result(message)
                    continue
                job = self._jobs[message["id"]]
                if message["event"] == "started":
                    job.started.set_result(message)
                else:
                    job.ended.set_result(message)
                    del self._jobs[job.number]
        with self._lock:
            self._gone = True
            left = list(self._jobs.values())
        futures = [self._ready, *(future for job in left for future in (job.started, job.ended))]
        for future in futures:
            if not future.done():
                future.set_result({"event": "gone"})

    def _close(self) -> None:
        """End it: without input it kills its children and leaves."""
        with self._lock, suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_STOP_SECONDS)


@contextmanager
def warm_runner(
    python: Path, modules: Sequence[str], log: Path, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Runner]:
    """Start a runner with the interpreter of an environment and wait until it has imported the modules.

    Its own output is appended to ``log``. It has a session of its own, so that Ctrl-C does not reach it, and a
    clean environment with no more than ``variables`` added, which the service's code looks at while it is imported;
    it ends with its context, or when this process dies. Raises RunnerDied.
    """
    report, report_write = os.pipe()
    # Isolated (-I): otherwise the directory of the program, with modules of Onward's, is the first to be searched.
    argv = [str(python), "-u", "-I", str(PROGRAM), str(report_write), *modules]
    with running(argv, report, report_write, log, variables, python.parent.parent) as runner:
        yield runner


@contextmanager
def running(
    argv: Sequence[str],
    report: int,
    report_write: int,
    log: Path,
    variables: Mapping[str, str],
    environment: Path,
    *,
    by_output: bool = False,
) -> Iterator[Runner]:
    """The runner that a command starts, which reports by ``report_write``: by its output where it can by nothing else.

    Raises RunnerDied.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=report_write if by_output else output,
            stderr=output,
            env=clean_environment(os.environ) | dict(variables),
            pass_fds=() if by_output else (report_write,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(report)
        raise RunnerDied(
            f"The interpreter of the environment cannot be run: {argv[0]}.", evidence=str(error)
        ) from error
    finally:
        os.close(report_write)
        os.close(output)
    runner = Runner(process, report, log, environment)
    try:
        try:
            runner._wait(runner._ready, _WARM_SECONDS)
        except TimeoutError:
            raise RunnerDied(
                f"The release's code could not be imported within {_WARM_SECONDS:.0f} s.", evidence=tail(log)
            ) from None
        yield runner
    finally:
        runner._close()


def _answers(url: str, seconds: float) -> bool:
    """Whether there is any answer but a failure of the server's; never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code < 500
    except OSError:
        return False


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a service's process may see: not those of Onward's interpreter, and no credentials."""
    return {name: value for name, value in variables.items() if not name.startswith(_KEPT_BACK)}


def _filled(word: str, known: Mapping[str, str]) -> str:
    for placeholder, value in known.items():
        word = word.replace(placeholder, value)
    return word


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
