"""A page that is really served, and somebody who uses it without a browser."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from onward.actions.registry import all_actions
from onward.engine.engine import Engine
from onward.engine.record import RunRecord
from onward.engine.runs import list_runs, read_run
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.plan.step import Step

SECONDS = 60.0
HTML = {"accept": "text/html"}


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """What the condition says, once it says something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain: {what}")


class Served:
    """`onward web` as a process of its own, which may be ended and begun again at the same port."""

    def __init__(self, directories: Directories, home: Path, *words: str) -> None:
        self.directories = directories
        self.home = home
        self.port = free_port()
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home / "page.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()

    @property
    def token_file(self) -> Path:
        return self.directories.state / "web" / str(self.port) / "token"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def begin(self) -> "Served":
        where = ["--state-dir", str(self.directories.state), "--cache-dir", str(self.directories.cache)]
        argv = [sys.executable, "-m", "onward.commands.main", *where, "web", "--listen", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*argv, *self._words], cwd=self.home, stdout=log, stderr=log)
        until(self._answers, f"an answer of the page: {self.log.read_text()}")
        return self

    def end(self, number: int = signal.SIGINT) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(SECONDS)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/login", timeout=SECONDS).status_code == 200
        except requests.ConnectionError:
            return False


class Person:
    """Somebody who sends forms as a browser would, and is let in or not."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.session = requests.Session()

    @property
    def secret(self) -> str:
        """What the browser holds."""
        (found,) = (each.value for each in self.session.cookies if each.path == "/")
        return str(found)

    @property
    def cookie(self) -> str:
        """The same as a header, where the server is called by another name."""
        return f"onward-{self._served.port}={self.secret}"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(
            self._served.url + path, headers={**HTML, **headers}, allow_redirects=False, timeout=SECONDS
        )

    def post(self, path: str, form: dict[str, str] | bytes, **headers: str) -> requests.Response:
        told = {**HTML, "content-type": "application/x-www-form-urlencoded", **headers}
        url = self._served.url + path
        return self.session.post(url, data=form, headers=told, allow_redirects=False, timeout=SECONDS)

    def proof(self, path: str) -> str:
        found = re.search(r'name="proof" value="([0-9a-f]{64})"', self.get(path).text)
        assert found, path
        return found[1]

    def send(self, page: str, path: str, **form: str) -> requests.Response:
        """Fill in a form of a page."""
        return self.post(path, {"proof": self.proof(page), **form})

    def log_in(self, token: str | None = None) -> "Person":
        answer = self.send("/login", "/login", token=self._served.token if token is None else token)
        assert answer.status_code == 303, answer.text
        return self


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def gated_plan(gates: Path, *names: str, cloud: str = "gated", reversible: bool = True) -> Plan:
    """A plan of real commands one after the other: each waits until a file of its name is there."""
    steps = []
    for number, name in enumerate(names):
        waits = f"until [ -e {gates}/{name} ]; do sleep 0.05; done; echo {name}"
        steps.append(
            Step(
                id=f"start/{name}",
                action="unit.command",
                target=name,
                arguments={"unit": name, "verb": "start", "argv": ["sh", "-c", waits]},
                needs=(f"start/{names[number - 1]}",) if number else (),
                reason=f"{name} waits for its gate",
                phase="prepare",
                reversible=reversible,
            )
        )
    return Plan(
        kind="upgrade", cloud=cloud, service="keystone", path=("2025.1", "2025.2"), facts={}, steps=tuple(steps)
    ).sealed()


def recorded(directories: Directories, plan: Plan) -> str:
    """A run that is recorded, and not begun."""
    return Engine(directories, all_actions(directories)).create(plan)


def status(directories: Directories, run: str) -> RunRecord:
    return read_run(directories, run)


def newest(directories: Directories) -> RunRecord | None:
    found = list_runs(directories)
    return found[-1] if found else None


def resumed(directories: Directories, run: str) -> subprocess.Popen[bytes]:
    """Somebody goes on with a run from a terminal."""
    where = ["--state-dir", str(directories.state), "--cache-dir", str(directories.cache)]
    argv = [sys.executable, "-m", "onward.commands.main", *where, "runs", "resume", run]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
