"""Whether this machine has what a plan will need: room and programs."""

import shutil
from collections.abc import Mapping

from onward.errors import ToolMissing
from onward.hosts.state import Directories
from onward.observe.machine import free_bytes, require_disk
from onward.plan.forward import EnvironmentChoice

ENVIRONMENT_BYTES = 250_000_000
"""Disk for one Keystone environment that shares no file with another; measured 130 to 220 MB."""
RUN_BYTES = 100_000_000
"""Disk for a run's logs and evidence, beside its copy."""
_PACKAGES = {
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
    "mariadb-dump": "mariadb-client",
}
_SYSTEM_PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/libexec"


def require_room(
    directories: Directories, service: str, environments: Mapping[str, EnvironmentChoice], copy_bytes: int
) -> None:
    """Refuse when the disk is too small. Raises NoDiskSpace."""
    present = directories.environments.glob(f"{service}-*") if directories.environments.is_dir() else ()
    built = {path.name.removeprefix(f"{service}-").split("-")[0] for path in present}
    missing = [series for series in environments if series not in built]
    require_disk(copy_bytes + RUN_BYTES, free_bytes(directories.state), "the copy and the run's evidence")
    require_disk(
        len(missing) * ENVIRONMENT_BYTES, free_bytes(directories.cache), f"the environments of {', '.join(missing)}"
    )


def require_tools(backend: str, *, copying: bool) -> None:
    """Refuse when a program that the copy needs is not installed. Raises ToolMissing."""
    if backend == "sqlite":
        return
    needed = ["mariadb"]
    if backend == "mariadb":
        needed += ["mariadbd", "mariadb-install-db"]
    if copying:
        needed.append("mariadb-dump")
    missing = [tool for tool in needed if not (shutil.which(tool) or shutil.which(tool, path=_SYSTEM_PATHS))]
    if missing:
        packages = sorted({_PACKAGES[tool] for tool in missing})
        raise ToolMissing(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed.",
            evidence="a copy of a MariaDB or MySQL database is held by a private MariaDB server",
            next_command=f"apt-get install {' '.join(packages)}",
        )
