"""Whether this machine has what a plan will need: room and programs."""

from collections.abc import Mapping

from onward.hosts.mariadb import find_tool
from onward.hosts.state import Directories
from onward.observe.machine import free_bytes, require_disk
from onward.plan.forward import EnvironmentChoice

ENVIRONMENT_BYTES = 250_000_000
"""Disk for one Keystone environment that shares no file with another; measured 130 to 220 MB."""
RELEASE_BYTES = 150_000_000
"""Memory for the code of one release; measured 131 MB (keystone), 142 MB (nova) and 147 MB (neutron) of 2026.2, as the
kernel's Rss of a warm runner."""
RUN_BYTES = 100_000_000
"""Disk for a run's logs and evidence, beside its copy."""


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
    for tool in needed:
        find_tool(tool)
