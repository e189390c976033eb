"""The runners that ``onward check --watch`` keeps, lent to other commands of the same user between two rounds."""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any

from onward import __version__
from onward.catalog.series import Series
from onward.errors import RunnerDied
from onward.hosts.environments import built
from onward.hosts.lent_runner import (
    LentRunner,
    NobodyLends,
    NotLent,
    ReleaseCommands,
    answer_of,
    lent_runner,
    short_address,
)
from onward.hosts.runner import Runner
from onward.survey.checks.context import CheckContext
from onward.survey.checks.kept_runners import KeptRunners
from onward.survey.checks.service_owned import NewRunners
from onward.survey.options import EnvironmentWish

_LOCK = "runners.lock"
_POLL_SECONDS = 0.1


class BorrowedRunners(NewRunners):
    """Those that another process lends, and new ones for the rest."""

    def __init__(
        self, state: Path, context: CheckContext, wish: EnvironmentWish, progress: Callable[[str], None]
    ) -> None:
        super().__init__(context, wish, progress)
        self._state = state
        self._lender = True
        """Whether there may be one."""

    @contextmanager
    def imported(self, service: str, series: Series) -> Iterator[ReleaseCommands]:
        """One that has the code in memory already, if there is one."""
        own = partial(self.started, service, series)
        with ExitStack() as stack:
            try:
                runner: ReleaseCommands = stack.enter_context(self._lent(service, series, own))
                self._progress(f"{service} {series.id}: with the code that process {runner.pid} has in memory")
            except NotLent as error:
                if isinstance(error, NobodyLends):
                    self._lender = False
                runner = stack.enter_context(own())
            yield runner

    def _lent(
        self, service: str, series: Series, own: Callable[[], AbstractContextManager[ReleaseCommands]]
    ) -> AbstractContextManager[LentRunner]:
        """Entering it raises NotLent."""
        environment = built(self._specified(service, series), self._context.directories) if self._lender else None
        if environment is None:
            raise NotLent("there is no lender, or no environment that could be in its memory")
        return lent_runner(self._state, (service, series.id), environment.path, own)


class _Borrower(StreamRequestHandler):
    """A connection."""

    server: "_Lender"

    def handle(self) -> None:
        """Lend one runner until the connection ends, however it does."""
        with suppress(OSError, ValueError, KeyError):
            wanted = self._next()
            if wanted["version"] != __version__:
                self._say(refused=f"the lender is Onward {__version__}")
                return
            with self.server.kept.idle((wanted["service"], wanted["series"])) as runner:
                if runner is None or str(runner.environment) != wanted["environment"]:
                    self._say(refused="it is not in memory, or at work")
                    return
                self._say(pid=runner.pid)
                self._serve(runner)

    def _serve(self, runner: Runner) -> None:
        while request := self._next():
            try:
                self._say(**answer_of(runner, request))
            except RunnerDied as error:
                self._say(died=str(error))

    def _next(self) -> dict[str, Any]:
        """The next request; empty at the end."""
        line = self.rfile.readline()
        found: dict[str, Any] = json.loads(line) if line else {}
        return found

    def _say(self, **answer: Any) -> None:
        self.wfile.write(json.dumps(answer).encode() + b"\n")


class _Lender(ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False  # A command of a borrower's must not hold the lender; its runner ends with the lender.

    def __init__(self, address: str, kept: KeptRunners) -> None:
        self.kept = kept
        super().__init__(address, _Borrower)

    def server_bind(self) -> None:
        """For this user alone from the first instant: the file takes the mode of the socket."""
        os.fchmod(self.socket.fileno(), 0o600)
        super().server_bind()

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A borrower that went away, which is its own affair."""


@contextmanager
def lending(state: Path, kept: KeptRunners) -> Iterator[None]:
    """Lend what is kept while the context lasts. Where another process lends already, it goes on being the one."""
    lock = os.open(state / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield
            return
        with short_address(state) as address:
            Path(address).unlink(missing_ok=True)  # of a lender that was killed
            with _Lender(address, kept) as server:
                thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
                thread.start()
                try:
                    yield
                finally:
                    server.shutdown()
                    thread.join()
                    Path(address).unlink(missing_ok=True)
    finally:
        os.close(lock)
