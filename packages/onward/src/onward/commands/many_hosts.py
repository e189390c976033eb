"""``onward hosts list``, ``run`` and ``copy``: machines that were recorded, or that an inventory names."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from onward.commands.base import HasApp, Lister, directories_of
from onward.errors import DONE, FAILED, USAGE, NoSuchMachine
from onward.hosts.fan_out import AT_ONCE, Answer, Command, Upload, everywhere, upload_of
from onward.hosts.known_machines import opened, recorded_machines
from onward.model.machine import KnownMachine
from onward.survey.inventory import machines_in, read_inventory

SECONDS = 60.0
TYPED_FORMATS = ("json", "yaml")


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add which machines are meant."""
    parser.add_argument(
        "--inventory",
        type=Path,
        metavar="PATH",
        help="inventory of Ansible, file or directory; without it, the machines that `onward hosts add` recorded",
    )
    parser.add_argument(
        "--on",
        action="append",
        metavar="NAME",
        help="only this machine or group; * and ? stand for parts of a name; may be given several times",
    )


def chosen_machines(command: HasApp, parsed_args: argparse.Namespace) -> list[KnownMachine]:
    """The machines that are meant. Raises NoSuchMachine, InventoryUnreadable."""
    known = (
        machines_in(read_inventory(parsed_args.inventory))
        if parsed_args.inventory
        else recorded_machines(directories_of(command))
    )
    for wanted in parsed_args.on or ():
        if not any(_means(wanted, each) for each in known.values()):
            raise NoSuchMachine(
                f"No machine and no group is called {wanted}.",
                evidence=f"{len(known)} machines are known",
                next_command="onward hosts list",
            )
    if not known:
        raise NoSuchMachine(
            "No machines are known.", next_command="onward hosts add --inventory PATH, or name it with --inventory"
        )
    words = parsed_args.on or ("all",)
    return [each for each in known.values() if any(_means(word, each) for word in words)]


def _means(wanted: str, machine: KnownMachine) -> bool:
    return wanted == "all" or any(fnmatchcase(name, wanted) for name in (machine.name, *machine.groups))


class HostsList(Lister):
    """List the machines that were recorded, or those of an inventory: how each is reached, its groups and its rack."""

    def get_parser(self, prog_name: str) -> Any:
        """Add which machines."""
        parser = super().get_parser(prog_name)
        add_machine_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        return ("Machine", "Address", "Sudo", "Groups", "Rack"), [
            (each.name, str(each.address), "yes" if each.sudo else "no", ", ".join(each.groups), each.rack or "")
            for each in chosen_machines(self, parsed_args)
        ]


class _OnMachines(Lister):
    """A command that does the same on many machines."""

    def get_parser(self, prog_name: str) -> Any:
        """Add how many at once, and for how long."""
        parser = super().get_parser(prog_name)
        add_machine_options(parser)
        parser.add_argument("--sudo", action="store_true", help="as root, by sudo without a password")
        parser.add_argument(
            "--at-once", type=int, metavar="NUMBER", default=AT_ONCE, help="so many machines (default: %(default)d)"
        )
        parser.add_argument(
            "--timeout",
            type=float,
            metavar="SECONDS",
            default=SECONDS,
            help="for each machine, connecting included; others are not held up (default: %(default)g)",
        )
        return parser

    def run(self, parsed_args: Any) -> int:
        """Show the table; the exit status is 1 unless all have done it."""
        self.all_done = True
        return int(super().run(parsed_args)) or (DONE if self.all_done else FAILED)

    def on_all(
        self, parsed_args: argparse.Namespace, upload: Upload | None, commands: Sequence[Command]
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Do it, and return columns and rows."""
        directories = directories_of(self)
        wanted = {
            each.name: replace(opened(each, directories, parsed_args.timeout), sudo=each.sudo or bool(parsed_args.sudo))
            for each in chosen_machines(self, parsed_args)
        }
        answers = everywhere(
            wanted,
            upload=upload,
            commands=commands,
            seconds=parsed_args.timeout,
            at_once=max(parsed_args.at_once, 1),
        )
        self.all_done = all(each.state == "done" for each in answers.values())
        done = sum(each.state == "done" for each in answers.values())
        print(f"{done} of {len(answers)} done", file=self.app.stderr)
        typed = parsed_args.formatter in TYPED_FORMATS
        more = (*(("File",) if upload else ()), *(("Command",) if len(commands) > 1 else ()))
        columns = ("Machine", "State", *more, "Exit", "Seconds", "Output")
        return columns, [_row(name, each, more, typed=typed) for name, each in answers.items()]


def _row(name: str, answer: Answer, more: Sequence[str], *, typed: bool) -> tuple[object, ...]:
    file = {True: "changed", False: "unchanged", None: ""}[answer.changed]
    said = answer.stdout if answer.state == "done" else f"{answer.stdout}{answer.stderr}"
    lines = said.strip().splitlines()
    return (
        name,
        answer.state,
        *((file,) if "File" in more else ()),
        *((shlex.join(answer.begun),) if "Command" in more else ()),
        answer.exit_status if typed or answer.exit_status is not None else "",
        round(answer.seconds, 2),
        said if typed else (lines[-1] if lines else ""),
    )


class HostsRun(_OnMachines):
    """Run commands on many machines at once, each with its own time limit; there is no shell in between.

    Several commands (--commands) run one after the other over one connection, on each machine as fast as it can; one
    that fails is the last one there. The table has the last line that each machine has said; `-f json` has all of it.
    Exits 0 when all machines have done it.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the command, and a file that it may need."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--put", type=Path, metavar="FILE", help="put this file on the machine first, as --to says")
        parser.add_argument("--to", metavar="PATH", help="where the file of --put goes")
        parser.add_argument(
            "--commands", type=Path, metavar="FILE", help="run these, a line each; # begins a comment, - is the input"
        )
        parser.add_argument("command", nargs="*", help="program and arguments, after --")
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        if bool(parsed_args.put) != bool(parsed_args.to):
            raise usage_error(self, "--put and --to are given together")
        if bool(parsed_args.commands) == bool(parsed_args.command):
            raise usage_error(self, "say what is to be run, after -- or with --commands")
        upload = _upload(self, parsed_args.put, parsed_args.to, None) if parsed_args.put else None
        words = [tuple(parsed_args.command)] if parsed_args.command else _commands(self, parsed_args.commands)
        return self.on_all(parsed_args, upload, words)


class HostsCopy(_OnMachines):
    """Put a file on many machines at once, each with its own time limit. One that is there already is left as it is.

    A file is the old one or the new one, whatever happens in between. Exits 0 when all machines have it.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the file."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--mode", metavar="OCTAL", help="its mode there (default: that of the file here)")
        parser.add_argument("file", type=Path, help="file of this machine")
        parser.add_argument("destination", help="its whole path there; the directory must exist")
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        upload = _upload(self, parsed_args.file, parsed_args.destination, parsed_args.mode)
        return self.on_all(parsed_args, upload, ())


def _upload(command: HasApp, path: Path, destination: str, mode: str | None) -> Upload:
    try:
        return upload_of(path, destination, mode)
    except OSError as error:
        raise usage_error(command, f"{path}: {error.strerror}") from None


def _commands(command: HasApp, path: Path) -> list[Command]:
    """The commands of a file, their words taken apart as a shell would."""
    found: list[Command] = []
    try:
        lines = (sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise usage_error(command, f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for number, line in enumerate(lines, 1):
        try:
            words = tuple(shlex.split(line, comments=True))
        except ValueError as error:
            raise usage_error(command, f"{path}, line {number}: {error}") from None
        if words:
            found.append(words)
    if not found:
        raise usage_error(command, f"{path}: there is no command in it")
    return found


def usage_error(command: HasApp, text: str) -> SystemExit:
    """Say what is wrong with the words of a command; the exit that follows."""
    print(f"onward: {text}", file=command.app.stderr)
    return SystemExit(USAGE)
