"""What this machine has left for the units of a model: addresses, ports, memory. Looked at before anything starts."""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

import psutil

from onward.errors import NoMemory, PortTaken
from onward.observe.listening import listening, taken
from onward.plan.deployment.addresses import FIRST_NETWORK, LAST_NETWORK
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology

MEBIBYTE = 2**20


def free_network(in_use: Collection[int], directory: Path, found: Topology) -> int:
    """Second number of the addresses of a new model: one that no model has, and where nobody listens.

    ``in_use`` are those of the other models; ``directory`` is the model's own: where the search begins depends on it,
    so that two that are planned at once do not meet. Raises PortTaken where there is none.
    """
    ports = {port for charm in found.charms.values() for port in charm.ports.values()}
    many, everybody = LAST_NETWORK - FIRST_NETWORK, listening()
    first = int.from_bytes(hashlib.sha256(os.fsencode(directory)).digest()[:4], "big")
    for network in (FIRST_NETWORK + (first + step) % many for step in range(many)):
        # Models of other state directories are seen by what listens at the first addresses.
        if network not in in_use and not any(
            (f"127.{network}.0.{low}", port) in everybody for low in (1, 2, 3) for port in ports
        ):
            return network
    raise PortTaken("There is no free network left below 127.0.0.0/8.", evidence=f"taken: {sorted(in_use)}")


def require_ports(found: Topology, site: Site, deployed: Collection[str]) -> None:
    """Return when nobody listens where a unit that is not ``deployed`` would. Raises PortTaken."""
    everybody = listening()
    in_the_way = [
        f"{site.addresses[unit]}:{port} ({unit}, {name})"
        for application, charm in found.charms.items()
        for unit in found.units(application)
        if unit not in deployed
        for name, port in charm.ports.items()
        if taken(site.addresses[unit], port, everybody)
    ]
    if in_the_way:
        raise PortTaken(
            "Somebody listens already where units would.",
            evidence="\n".join(in_the_way[:10]),
            next_command="ss -ltnp",
        )


def available_memory() -> int:
    """Bytes that new processes can have without anything being swapped out."""
    return int(psutil.virtual_memory().available)


def require_memory(found: Topology, deployed: Collection[str], available: int) -> None:
    """Return when the units that are not ``deployed`` fit into what is ``available``, in bytes. Raises NoMemory."""
    wanted = {
        name: charm.memory * sum(unit not in deployed for unit in found.units(name))
        for name, charm in found.charms.items()
    }
    if sum(wanted.values()) * MEBIBYTE > available:
        most = sorted(wanted.items(), key=lambda each: -each[1])
        raise NoMemory(
            f"The bundle needs {sum(wanted.values())} MiB of memory, and {available // MEBIBYTE} MiB are left.",
            evidence="\n".join(f"{name}: {mebibytes} MiB" for name, mebibytes in most[:10] if mebibytes),
            next_command="onward status",
        )
