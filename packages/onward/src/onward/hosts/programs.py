"""The servers that a charm deploys, as programs of this machine."""

import shutil
from collections.abc import Iterable
from glob import glob

from onward.catalog.charm import Program
from onward.errors import ProgramMissing

_SYSTEM_PATHS = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/libexec"


def find_programs(wanted: Iterable[Program]) -> dict[str, str]:
    """Where each program is, by the name that the charm gives it. Raises ProgramMissing."""
    found, missing = {}, []
    for program in dict.fromkeys(wanted):
        path = _find(program.command)
        if path is None:
            missing.append(program)
        else:
            found[program.command] = path
    if missing:
        raise ProgramMissing(
            "Servers that the bundle deploys are not installed.",
            evidence="\n".join(f"{each.command} (package {each.package})" for each in missing),
            next_command=f"apt-get install {' '.join(dict.fromkeys(each.package for each in missing))}",
        )
    return found


def _find(command: str) -> str | None:
    if command.startswith("/"):
        there = sorted(glob(command))
        return there[-1] if there else None
    return shutil.which(command) or shutil.which(command, path=_SYSTEM_PATHS)
