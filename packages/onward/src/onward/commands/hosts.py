"""``onward hosts``: the machines of a bundle that are reached over SSH: record their keys, look whether they fit."""

from pathlib import Path
from typing import Any

from onward.commands.base import Command, Lister, directories_of
from onward.commands.many_hosts import usage_error
from onward.errors import DONE, REFUSED
from onward.hosts.known_machines import record_machines, record_rack, without_key
from onward.hosts.ssh import CONNECT_SECONDS
from onward.hosts.state import Directories
from onward.model.machine import KnownMachine, ssh_address
from onward.survey.hosts import record_key, survey_hosts
from onward.survey.inventory import machines_in, read_inventory

MEBIBYTE = 2**20
SHOWN = 5
"""So many names of machines are enough to know which are meant."""


class HostsAdd(Command):
    """Record machines: one with its key, once the fingerprint has been confirmed, or those of an inventory.

    Nothing is ever asked for, and no key is accepted that nobody has confirmed: those of an inventory's machines are
    expected in the files of `ssh`, or are recorded one by one.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the machine and the fingerprint."""
        parser = super().get_parser(prog_name)
        parser.add_argument("address", nargs="?", help="ssh://USER@HOST:PORT, as in the bundle")
        parser.add_argument(
            "--fingerprint",
            metavar="SHA256:...",
            help="what the machine's own `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says; without it, the "
            "fingerprints that the machine shows are printed, and nothing is recorded",
        )
        parser.add_argument(
            "--inventory",
            type=Path,
            metavar="PATH",
            help="record the machines of this inventory of Ansible, a file or a directory; in place of ADDRESS",
        )
        parser.add_argument(
            "--rack",
            metavar="NAME",
            help="where the machine is: `onward restart` never touches two racks at once; an inventory has the variable"
            " `rack`",
        )
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Ask the machine, compare, record; or read the inventory."""
        if bool(parsed_args.address) == bool(parsed_args.inventory):
            raise usage_error(self, "either an address or --inventory is needed")
        if parsed_args.rack is not None and (parsed_args.inventory or not parsed_args.rack):
            raise usage_error(self, "--rack names the rack of one machine; an inventory has the variable rack")
        directories = directories_of(self)
        if parsed_args.inventory:
            return self._record_all(directories, parsed_args.inventory)
        try:
            address = ssh_address(parsed_args.address)
        except ValueError as error:
            raise usage_error(self, f"{parsed_args.address}: {error}") from None
        known = KnownMachine(name=address.host, address=address)
        if parsed_args.fingerprint or not parsed_args.rack or without_key(directories, [known]):
            added = record_key(directories, address, parsed_args.fingerprint)
            said = "recorded" if added else "known already"
            print(f"{said}: {address} {parsed_args.fingerprint}", file=self.app.stdout)
        if parsed_args.rack:
            record_rack(directories, address, parsed_args.rack)
            print(f"recorded: {address} is in rack {parsed_args.rack}", file=self.app.stdout)
        return DONE

    def _record_all(self, directories: Directories, path: Path) -> int:
        found = machines_in(read_inventory(path))
        record_machines(directories, found.values())
        print(f"recorded: {len(found)} machines of {path}", file=self.app.stdout)
        unknown = without_key(directories, found.values())
        if unknown:
            shown = ", ".join(unknown[:SHOWN]) + (", ..." if len(unknown) > SHOWN else "")
            print(
                f"no key is known of {len(unknown)} of them: {shown}\n"
                "next: onward hosts add ADDRESS, for each; or have `ssh` know them",
                file=self.app.stderr,
            )
        return DONE


class _OfBundle(Lister):
    """A command about the machines of a bundle."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the bundle and the patience."""
        parser = super().get_parser(prog_name)
        parser.add_argument("bundle", type=Path, help="YAML file with machines whose addresses are ssh://...")
        parser.add_argument(
            "--timeout",
            type=float,
            metavar="SECONDS",
            default=CONNECT_SECONDS,
            help="for how long a machine may stay silent (default: %(default)g)",
        )
        return parser


class HostsCheck(_OfBundle):
    """Reach every machine of a bundle, and say what it lacks for the units that the bundle puts there.

    Exits 0 when all fit, 4 otherwise. Nothing is changed anywhere.
    """

    def run(self, parsed_args: Any) -> int:
        """Show the table; the exit status is about what is in it."""
        self.fit = True
        return int(super().run(parsed_args)) or (DONE if self.fit else REFUSED)

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        found = survey_hosts(directories_of(self), parsed_args.bundle, parsed_args.timeout)
        self.fit = all(each.state == "fit" for each in found)
        if not found:
            print(f"{parsed_args.bundle} names no other machine: all its units are on this one", file=self.app.stderr)
        return ("Machine", "Address", "State", "Units", "Message"), [
            (each.name, str(each.address), each.state, ", ".join(each.units), "; ".join(each.wrong)) for each in found
        ]


class HostsFacts(_OfBundle):
    """Show what the machines of a bundle are and have."""

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        columns = ("Machine", "Host", "System", "User", "Python", "Keeper", "CPUs", "Memory MiB", "Disk MiB", "Message")
        rows: list[tuple[object, ...]] = []
        for each in survey_hosts(directories_of(self), parsed_args.bundle, parsed_args.timeout):
            if each.facts is None:
                rows.append((each.name, each.address.host, *([""] * 7), "; ".join(each.wrong)))
                continue
            facts = each.facts
            rows.append(
                (
                    each.name,
                    facts.hostname,
                    f"{facts.system} {facts.machine}, {facts.libc}",
                    facts.user,
                    facts.python_version,
                    facts.keeper,
                    facts.processors,
                    facts.memory_available // MEBIBYTE,
                    min(facts.free.values(), default=0) // MEBIBYTE,
                    "",
                )
            )
        return columns, rows
