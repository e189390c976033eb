"""Reads a failed build's output: which package, why, and what to install."""

import re
from pathlib import Path

from onward.catalog.pins import BuildFault, build_faults
from onward.errors import EnvironmentBuildFailed, NoDiskSpace, OnwardError

# How uv names the package in question, the most exact first.
_PACKAGE = (
    r"Failed to (?:download and )?build `([^`]+)`",
    r"Failed to (?:download|fetch|prepare)[^`]*`([A-Za-z0-9._-]+(?:==[^`]+)?)`",
    r"there (?:is|are) no versions? of ([A-Za-z0-9._-]+(?:==[A-Za-z0-9._+!-]+)?)",
    r"Because ([A-Za-z0-9._-]+) was not found in the package registry",
    r"you require ([A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+)",
    r"No module named '([^']+)'",
)
_LAST_LINES = 15


def build_failure(doing: str, subject: str, python_version: str, output: str, log: Path) -> OnwardError:
    """The error for a build step that failed. Pure.

    ``doing`` is the step (install, import), ``subject`` the release (keystone 25.0.0), ``output`` all that was
    printed, without secrets.
    """
    fault = recognise(output)
    lines = "\n".join([line for line in output.strip().splitlines() if line.strip()][-_LAST_LINES:])
    if fault and fault.kind == "disk":
        return NoDiskSpace(f"The disk is full: {subject} could not be built.", evidence=f"log: {log}\n{lines}")
    package = failed_package(output)
    meaning = fault.meaning if fault else "see the last lines"
    evidence = [f"package: {package}"] if package else []
    evidence += [f"reason: {meaning}"]
    if fault and fault.install:
        evidence.append(f"install: {_for_interpreter(fault.install, python_version)}")
    return EnvironmentBuildFailed(
        f"Could not {doing} {subject} on Python {python_version}: {f'{package}: ' if package else ''}{meaning}.",
        evidence="\n".join([*evidence, f"log: {log}", lines]),
        state="The cloud is as it was: environments are built before anything else.",
        next_command=_next_command(fault, python_version),
    )


def recognise(output: str) -> BuildFault | None:
    """The first known fault that the output shows."""
    return next((fault for fault in build_faults() if re.search(fault.pattern, output)), None)


def failed_package(output: str) -> str | None:
    """The package that the installer could not get or build: sqlalchemy==1.2.4, or its name alone."""
    for pattern in _PACKAGE:
        if found := re.search(pattern, output):
            return found.group(1)
    return None


def _for_interpreter(install: str, python_version: str) -> str:
    """The packages' names, with the headers' package named for the interpreter's own version."""
    minor = ".".join(python_version.split(".")[:2])
    return install.replace("python3-dev", f"python{minor}-dev")


def _next_command(fault: BuildFault | None, python_version: str) -> str:
    if fault and fault.install:
        return f"apt install {_for_interpreter(fault.install, python_version)}"
    if fault and fault.kind == "network":
        return "repeat the command when the package index answers; UV_INDEX_URL names another one"
    return "repeat the command with --constraints as-of-release, or with a constraints file"
