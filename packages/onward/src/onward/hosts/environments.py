"""Environments: one release of a service with all it needs, built by uv, shared between runs."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uv

from onward.catalog.series import Release, Series
from onward.errors import EnvironmentBuildFailed, InterpreterMissing
from onward.hosts.build_failure import build_failure
from onward.hosts.command import CommandResult, run_command
from onward.hosts.constraints import Constraints, Selection, select
from onward.hosts.state import Directories
from onward.plan.plan import digest_of

_MARKER = "onward-environment.json"
_LAYOUT = 1  # Raised when environments are laid out differently, so that older ones are not taken for new ones.
_BUILD_SECONDS = 1800.0
_VERIFY_SECONDS = 300.0

# Variables that would have the installer or the interpreter look into somebody else's environment.
_FOREIGN = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class EnvironmentSpec:
    """Everything that decides what is in an environment. Equal values give the same environment."""

    service: str
    package: str
    series: Series
    release: Release
    python: Path
    python_version: str
    drivers: tuple[str, ...]
    modules: tuple[str, ...]
    """Imported once after installing: the service's management module, the drivers' modules."""
    constraints: Constraints

    @property
    def key(self) -> str:
        """Name of its directory: keystone-2024.1-25.0.0-py3.11-1a2b3c4d."""
        minor = ".".join(self.python_version.split(".")[:2])
        content = [
            _LAYOUT,
            self.package,
            self.release.version,
            str(self.python),
            self.python_version,
            list(self.drivers),
            list(self.modules),
            [self.constraints.kind, self.constraints.digest],
        ]
        short = digest_of(content).removeprefix("sha256:")[:8]
        return f"{self.service}-{self.series.id}-{self.release.version}-py{minor}-{short}"


@dataclass(frozen=True)
class Environment:
    """An environment that is complete, and whose service can be imported."""

    path: Path
    python: Path
    packages: int
    seconds: float
    """What building it took when it was built; waiting for another builder is not part of it."""
    cached: bool
    """It was there already."""
    log: Path
    """All that the installer printed."""


def build(
    spec: EnvironmentSpec, directories: Directories, progress: Callable[[str], None] = lambda line: None
) -> Environment:
    """The environment of ``spec``, built if it is not there yet.

    Safe to call again after a crash, and from several threads and processes at once: one builds, the others wait.
    Raises EnvironmentBuildFailed, NoDiskSpace, ConstraintsUnavailable, InterpreterMissing.
    """
    if done := built(spec, directories):
        return done
    directory = directories.environments / spec.key
    directories.environments.mkdir(parents=True, exist_ok=True)
    with _locked(directory.with_name(f"{directory.name}.lock")) as lock:
        if done := _complete(directory):
            return done
        if not os.access(spec.python, os.X_OK):
            raise InterpreterMissing(
                f"The interpreter chosen for {spec.series.id} is gone.",
                evidence=str(spec.python),
                next_command="make a new plan, which chooses among the interpreters that are there",
            )
        selection = select(spec.constraints, spec.series, spec.release, spec.package, directories)
        return _Builder(spec, directory, lock, progress).build(selection)


def built(spec: EnvironmentSpec, directories: Directories) -> Environment | None:
    """The environment of ``spec`` where it is there already. Builds nothing, and waits for no builder."""
    return _complete(directories.environments / spec.key)


class _Builder:
    """Builds one environment, while the lock is held."""

    def __init__(self, spec: EnvironmentSpec, directory: Path, lock: int, progress: Callable[[str], None]) -> None:
        self._spec = spec
        self._directory = directory
        self._lock = lock
        self._progress = progress
        self._python = directory / "bin" / "python"
        self._log = directory.with_name(f"{directory.name}.log")
        self._subject = f"{spec.package} {spec.release.version}"

    def build(self, selection: Selection) -> Environment:
        started = time.monotonic()
        shutil.rmtree(self._directory, ignore_errors=True)  # What an interrupted build may have left.
        self._log.write_text("", encoding="utf-8")
        self._progress(f"installing {self._subject} on Python {self._spec.python_version}")
        self._run("make an environment for", [_uv(), "venv", "--python", self._spec.python, self._directory])
        self._run("install", self._install(selection))
        self._progress(f"importing {self._subject}")
        self._run(
            "import", [self._python, "-I", "-c", f"import {', '.join(self._spec.modules)}"], seconds=_VERIFY_SECONDS
        )
        packages = len(list(self._directory.glob("lib/python*/site-packages/*.dist-info")))
        return self._finish(packages, round(time.monotonic() - started, 3))

    def _install(self, selection: Selection) -> list[str | Path]:
        """The installer's command line; what it reads is kept beside the packages, for whoever wonders later."""
        spec = self._spec
        told = self._directory / "onward"
        told.mkdir()
        argv: list[str | Path] = [_uv(), "pip", "install", "--python", self._python, *selection.options]
        for option, lines in (
            ("--constraints", selection.constrain),
            ("--build-constraints", selection.build),
            ("--excludes", selection.leave_out),
        ):
            if lines:
                file = told / f"{option.removeprefix('--')}.txt"
                file.write_text("\n".join(lines) + "\n", encoding="utf-8")
                argv += [option, file]
        return [*argv, f"{spec.package}=={spec.release.version}", *spec.drivers, *selection.add]

    def _run(self, doing: str, argv: list[str | Path], seconds: float = _BUILD_SECONDS) -> None:
        """Run a program that must succeed, and add what it printed to the log. Raises EnvironmentBuildFailed."""
        environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        # The installer would break its lines at the width of the user's terminal, and what is looked for with them.
        environment |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "COLUMNS": "10000"}
        try:
            # The program keeps the lock open: should this process be killed, the lock lasts until the installer has
            # ended too, and nobody removes an environment that is still being written to.
            # It starts beside the environments, where no project's settings are in its way.
            result = run_command(
                argv,
                environment=environment,
                directory=self._directory.parent,
                timeout_seconds=seconds,
                keep_open=(self._lock,),
            )
        except subprocess.TimeoutExpired:
            result = CommandResult(tuple(map(str, argv)), -9, "", f"no end after {seconds:.0f} seconds")
        output = without_passwords(f"$ {' '.join(result.argv)}\n{result.stdout}{result.stderr}\n")
        with self._log.open("a", encoding="utf-8") as log:
            log.write(output)
        if result.exit_status != 0:
            raise build_failure(doing, self._subject, self._spec.python_version, output, self._log)

    def _finish(self, packages: int, seconds: float) -> Environment:
        """Write the marker that makes the environment count, last and in one go."""
        marker = self._directory / _MARKER
        unfinished = marker.with_suffix(".new")
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump({"packages": packages, "seconds": seconds}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, marker)
        return Environment(self._directory, self._python, packages, seconds, cached=False, log=self._log)


def without_passwords(text: str) -> str:
    """The text with user and password of every URL taken out; private package indexes have them."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)


def _complete(directory: Path) -> Environment | None:
    """The environment in a directory, if it was finished and its interpreter still exists."""
    python = directory / "bin" / "python"
    try:
        told = json.loads((directory / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not os.access(python, os.X_OK):
        return None
    log = directory.with_name(f"{directory.name}.log")
    return Environment(directory, python, told["packages"], told["seconds"], cached=True, log=log)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold the lock of a key; it ends with the last process that has the file open, however that ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _uv() -> str:
    """The installer that came with Onward."""
    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise EnvironmentBuildFailed(
            "uv, which builds the environments, is not installed.",
            evidence=str(error),
            next_command="pip install uv",
        ) from None
