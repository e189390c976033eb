"""Which Python interpreters are on this machine, and which of them carries a series."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from onward.catalog.series import Series, SeriesList
from onward.errors import InterpreterMissing
from onward.hosts.command import run_command

Origin = Literal["system", "uv", "pyenv"]

_NAME = re.compile(r"python3(\.\d+)?")
_PROBE_SECONDS = 20.0

# Runs in interpreters from 3.5 on. A virtual environment answers for the interpreter that it was made from, as an
# environment made from an environment breaks with it. Without these modules no OpenStack service can be installed,
# or started: interpreters that were compiled without the libraries' headers lack some of them.
_PROBE = """
import json, os, platform, sys, sysconfig
import bz2, ctypes, hashlib, sqlite3, ssl, zlib
path = sys.executable
if sys.prefix != sys.base_prefix:
    name = "python%d.%d" % sys.version_info[:2]
    path = getattr(sys, "_base_executable", None) or os.path.join(sys.base_prefix, "bin", name)
print(json.dumps({
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "path": path,
    "headers": os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h")),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that was run once and answered."""

    version: str
    """All its numbers: 3.11.7."""
    path: Path
    """The executable itself, never a shim."""
    origin: Origin
    headers: bool = True
    """Python.h is there, so that packages without a ready-made wheel can be compiled."""

    @property
    def minor(self) -> str:
        """The version that series are declared for: 3.11."""
        return ".".join(self.version.split(".")[:2])

    @property
    def preference(self) -> tuple[bool, tuple[int, ...], str]:
        """Among interpreters of one minor version the greatest is taken: able to compile, then the newest."""
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version))
        return self.headers, numbers, str(self.path)


def find_interpreters(environment: Mapping[str, str] | None = None) -> tuple[Interpreter, ...]:
    """The interpreters on PATH, those that uv manages and those in pyenv's versions directory, the newest first.

    Each is executed, the same file once in the life of this process; what does not answer (a pyenv shim for a version
    that is not switched on, a link to nowhere) or lacks a module that every service needs is left out. ``environment``
    stands in for this process's own: PATH, HOME, PYENV_ROOT, UV_PYTHON_INSTALL_DIR, XDG_DATA_HOME.
    """
    variables = os.environ if environment is None else environment
    uv_directory, pyenv_directory = _uv_directory(variables), _pyenv_directory(variables)
    candidates = dict.fromkeys(
        [
            *_in_versions(pyenv_directory),
            *_in_versions(uv_directory),
            *_on_path(variables.get("PATH", ""), pyenv_directory.parent / "shims"),
        ]
    )
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(_probe, candidates))
    found: dict[Path, Interpreter] = {}
    for answer in answers:
        if answer is None:
            continue
        real = answer.path.resolve()
        origin: Origin = "system"
        if real.is_relative_to(pyenv_directory.resolve()):
            origin = "pyenv"
        elif real.is_relative_to(uv_directory.resolve()):
            origin = "uv"
        found.setdefault(real, Interpreter(answer.version, answer.path, origin, answer.headers))
    return tuple(sorted(found.values(), key=_newest_first))


def choose(series: Series, interpreters: Iterable[Interpreter]) -> Interpreter:
    """The interpreter that a series prefers among these. Raises InterpreterMissing."""
    present = tuple(interpreters)
    for minor in series.python:
        fitting = [interpreter for interpreter in present if interpreter.minor == minor]
        if fitting:
            return max(fitting, key=lambda interpreter: interpreter.preference)
    wanted = " or ".join(series.python)
    listed = ", ".join(f"{interpreter.version} ({interpreter.path})" for interpreter in present)
    raise InterpreterMissing(
        f"{series.id} runs on Python {wanted}, and there is none on this machine.",
        evidence=f"found: {listed or 'no interpreter at all'}",
        next_command=_installation(series),
    )


def longest_path(series_list: SeriesList, interpreters: Iterable[Interpreter], service: str) -> tuple[Series, ...]:
    """The longest run of series without a gap, up to the newest one, that these interpreters can carry.

    At least two series, the oldest first. Raises InterpreterMissing for the series that ends a shorter run.
    """
    present = tuple(interpreters)
    path: list[Series] = []
    for series in reversed(list(series_list)):
        if service not in series.services:
            break
        try:
            choose(series, present)
        except InterpreterMissing:
            if len(path) < 2:
                raise
            break
        path.insert(0, series)
    return tuple(path)


def _installation(series: Series) -> str:
    """The command that brings an interpreter for a series; uv has none before 3.8, pyenv builds them."""
    for minor in series.python:
        if int(minor.split(".")[1]) >= 8:
            return f"uv python install {minor}"
    return f"pyenv install {series.python[0]}"


def _newest_first(interpreter: Interpreter) -> tuple[tuple[int, ...], str]:
    return tuple(-int(number) for number in re.findall(r"\d+", interpreter.version)), str(interpreter.path)


def _pyenv_directory(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("PYENV_ROOT") or Path(variables.get("HOME", "/")) / ".pyenv") / "versions"


def _uv_directory(variables: Mapping[str, str]) -> Path:
    """Where uv keeps the interpreters it has installed (https://docs.astral.sh/uv/reference/storage/)."""
    chosen = variables.get("UV_PYTHON_INSTALL_DIR")
    data = variables.get("XDG_DATA_HOME") or Path(variables.get("HOME", "/")) / ".local/share"
    return Path(chosen) if chosen else Path(data) / "uv/python"


def _in_versions(directory: Path) -> Iterator[Path]:
    """The interpreter of each installation below a versions directory, under its most exact name."""
    for installation in sorted(directory.glob("*/bin")):
        names = sorted(path for path in installation.glob("python3*") if _NAME.fullmatch(path.name))
        if names:
            yield names[-1]


def _on_path(search_path: str, shims: Path) -> Iterator[Path]:
    """The interpreters in the directories of a search path.

    Not pyenv's shims: each is a program that looks for one of the others, and takes a while to.
    """
    for directory in dict.fromkeys(search_path.split(os.pathsep)):
        if not os.path.isabs(directory) or Path(directory) == shims:
            continue
        try:
            names = [name for name in os.listdir(directory) if _NAME.fullmatch(name)]
        except OSError:
            continue
        # The most exact name first: python3.11 stays what it is when the distribution moves python3 on.
        yield from (Path(directory, name) for name in sorted(names, key=lambda name: (-len(name), name)))


class _Answer(BaseModel):
    """What the probe prints."""

    version: str
    implementation: Literal["CPython"]
    path: Path
    headers: bool


_known: dict[tuple[Path, int, int, int], _Answer] = {}
"""What executables have said, by path, and by what changes with the file that it leads to."""


def _probe(path: Path) -> _Answer | None:
    """What an executable says of itself; None when it is no usable CPython.

    The same file is not run twice by this process, unless it leads to another, which may be another the next time.
    """
    try:
        file = path.stat()
    except OSError:
        return None
    identity = (path, file.st_ino, file.st_size, file.st_mtime_ns)
    answer = _known.get(identity) or _asked(path)
    if answer is None or not os.access(answer.path, os.X_OK):
        return None
    if answer.path.resolve() == path.resolve():
        _known[identity] = answer
    return answer


def _asked(path: Path) -> _Answer | None:
    """The answer of an executable that is run for it."""
    try:
        # Isolated (-I): neither the user's packages nor PYTHON* variables may decide what an interpreter can do.
        result = run_command([path, "-I", "-c", _PROBE], timeout_seconds=_PROBE_SECONDS)
        answer = _Answer.model_validate_json(result.stdout)
    except (OSError, subprocess.TimeoutExpired, ValidationError):
        return None
    return answer if result.exit_status == 0 else None
