"""What ``onward hosts`` tells of the machines of a bundle, and the keys that it records."""

from dataclasses import dataclass, replace
from pathlib import Path

from onward.catalog.charms import charms
from onward.errors import HostKeyUnknown, OnwardError
from onward.hosts.facts import HostFacts
from onward.hosts.private_file import write_private
from onward.hosts.ssh import in_background, keys_shown, known_keys, name_in_file
from onward.hosts.state import Directories
from onward.model.machine import SshAddress
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.placement import placed
from onward.plan.deployment.topology import topology
from onward.survey.deployment import read_bundle
from onward.survey.machines import access_to, ask_all, asked_of, found_machine, wanting
from onward.survey.offers import remotes_of


@dataclass(frozen=True)
class HostState:
    """One machine of a bundle."""

    name: str
    address: SshAddress
    units: tuple[str, ...]
    state: str
    """fit, unfit, or unreachable: it could not be asked."""
    wrong: tuple[str, ...] = ()
    facts: HostFacts | None = None


def survey_hosts(directories: Directories, file: Path, seconds: float) -> list[HostState]:
    """Ask all machines of a bundle that are reached over SSH, all at once. Raises BundleInvalid, BundleUnsatisfied."""
    wanted = read_bundle(file, None)
    bundle, model = wanted.bundle, wanted.model
    numbers = unit_numbers(bundle, {})
    found = topology(bundle, charms(), wanted.file, remotes_of(directories, wanted), numbers)
    put = placed(bundle, numbers, {}, ())
    away = {name: machine for name, machine in bundle.machines.items() if machine.ssh is not None}
    accesses = {
        name: replace(access_to(name, machine, directories), connect_seconds=seconds) for name, machine in away.items()
    }
    told = ask_all(accesses, {name: asked_of(found, put, name, machine, {}) for name, machine in away.items()})
    states = []
    for name, machine in away.items():
        units, facts, address = tuple(unit for unit in put if put[unit] == name), told[name], accesses[name].address
        if isinstance(facts, OnwardError):
            said = " ".join(f"{facts.code}: {facts.what} {facts.evidence}".split())
            states.append(HostState(name, address, units, "unreachable", (said,)))
            continue
        there = found_machine(name, machine, model, facts)
        wrong = tuple(wanting(found, there, list(units), lambda _: []))
        states.append(HostState(name, address, units, "unfit" if wrong else "fit", wrong, facts))
    return states


def record_key(directories: Directories, address: SshAddress, fingerprint: str | None) -> bool:
    """Have the key of a machine known when it is the one that was confirmed; whether it was not known before.

    Raises HostUnreachable; HostKeyUnknown where nothing was confirmed, or what the machine shows is something else.
    """
    shown = in_background(keys_shown(address))
    if fingerprint is None or fingerprint not in shown:
        first = next(iter(shown))
        raise HostKeyUnknown(
            f"{address} shows other keys than the one that was confirmed."
            if fingerprint
            else f"The key of {address} has to be confirmed.",
            evidence="\n".join(f"{each} ({key.split()[0]})" for each, key in shown.items()),
            next_command=""
            if fingerprint
            else f"compare with the machine's own, then: onward hosts add {address} --fingerprint {first}",
        )
    path = directories.known_hosts
    known = known_keys([path]).match(address.host, "", address.port)[0]
    if any(key.get_fingerprint() == fingerprint for key in known):
        return False
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    kind, key = shown[fingerprint].split()[:2]
    write_private(path, f"{before}{name_in_file(address)} {kind} {key}\n")
    return True
