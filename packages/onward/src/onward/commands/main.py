"""The entry point: one table of commands, one place that turns an error into an exit status."""

import argparse
import gc
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from cliff.app import App
from cliff.commandmanager import CommandManager

from onward import __version__
from onward.commands.overview import overview
from onward.errors import BUG, USAGE, Bug, OnwardError
from onward.hosts.state import Directories, default_directories
from onward.views.called import called_with

COMMANDS = {
    "rehearse": "onward.commands.rehearse:Rehearse",
    "init": "onward.commands.init:Init",
    "check": "onward.commands.check:Check",
    "plan upgrade": "onward.commands.plan:PlanUpgrade",
    "plan show": "onward.commands.plan:PlanShow",
    "plan schema": "onward.commands.plan:PlanSchema",
    "apply": "onward.commands.apply:Apply",
    "deploy": "onward.commands.deploy:Deploy",
    "config": "onward.commands.config:Config",
    "add-unit": "onward.commands.units:AddUnit",
    "remove-unit": "onward.commands.units:RemoveUnit",
    "relate": "onward.commands.relate:Relate",
    "unrelate": "onward.commands.relate:Unrelate",
    "restart": "onward.commands.restart:Restart",
    "status": "onward.commands.status:Status",
    "health": "onward.commands.health:Health",
    "collect": "onward.commands.collect:Collect",
    "diagnose": "onward.commands.diagnose:Diagnose",
    "watch": "onward.commands.watch:Watch",
    "web": "onward.commands.web:Web",
    "hosts add": "onward.commands.hosts:HostsAdd",
    "hosts list": "onward.commands.many_hosts:HostsList",
    "hosts run": "onward.commands.many_hosts:HostsRun",
    "hosts copy": "onward.commands.many_hosts:HostsCopy",
    "hosts role": "onward.commands.host_role:HostsRole",
    "hosts check": "onward.commands.hosts:HostsCheck",
    "hosts facts": "onward.commands.hosts:HostsFacts",
    "destroy": "onward.commands.deploy:Destroy",
    "smoke": "onward.commands.trial:Smoke",
    "test": "onward.commands.trial:Test",
    "bundle schema": "onward.commands.deploy:BundleSchema",
    "ci services": "onward.commands.ci_services:CiServices",
    "ci workflow": "onward.commands.ci_workflow:CiWorkflow",
    "ci reproduce": "onward.commands.ci_reproduce:CiReproduce",
    "controller run": "onward.commands.controllers:ControllerRun",
    "controller list": "onward.commands.controllers:ControllerList",
    "runs list": "onward.commands.runs:RunsList",
    "runs show": "onward.commands.runs:RunsShow",
    "runs resume": "onward.commands.runs:RunsResume",
    "runs skip": "onward.commands.runs:RunsSkip",
    "runs pause": "onward.commands.runs:RunsPause",
    "runs cancel": "onward.commands.runs:RunsCancel",
    "runs restore": "onward.commands.restore:RunsRestore",
    "runs report": "onward.commands.runs:RunsReport",
    "timings show": "onward.commands.timings:TimingsShow",
    "timings save": "onward.commands.timings:TimingsSave",
    "timings compare": "onward.commands.timings:TimingsCompare",
    "policy show": "onward.commands.policy:PolicyShow",
    "policy check": "onward.commands.policy:PolicyCheck",
    "policy diff": "onward.commands.policy:PolicyDiff",
    "policy convert": "onward.commands.policy_rewrite:PolicyConvert",
    "policy prune": "onward.commands.policy_rewrite:PolicyPrune",
    "policy migrate": "onward.commands.policy_migrate:PolicyMigrate",
    "series list": "onward.commands.series:SeriesListCommand",
    "series show": "onward.commands.series:SeriesShow",
    "explain": "onward.commands.explain:Explain",
}
"""Every command and the class that carries it out; the reference in the documentation is made from this table."""
OBJECTS_A_COLLECTION = 50_000
"""Importing makes objects that stay: to look for garbage after each 700 new ones is a tenth of a command's start."""


def entry_point(name: str) -> EntryPoint:
    """A command as cliff finds it: imported only when it is asked for, so that ``onward --help`` is quick."""
    return EntryPoint(name, COMMANDS[name], "onward.commands")


class OnwardApp(App):
    """The ``onward`` program."""

    def __init__(self) -> None:
        manager = CommandManager("onward.commands.plugins")
        for name in COMMANDS:
            manager.commands[name] = entry_point(name)
        super().__init__(
            description="Takes an OpenStack control plane forward, and rehearses it on a copy first.",
            version=__version__,
            command_manager=manager,
            deferred_help=True,
        )

    def run(self, argv: Sequence[str]) -> int:
        """Carry out what was typed, and keep it: what has to be typed once more is told with all its words."""
        self.typed = tuple(argv)
        return int(super().run(list(argv)))

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: dict[str, Any] | None = None
    ) -> Any:
        """The options that every command shares. Of cliff's own only those that mean something here."""
        parser = argparse.ArgumentParser(
            prog="onward",
            usage="onward [OPTION...] COMMAND [ARGUMENT...]",
            description=description,
            add_help=False,
            **(argparse_kwargs or {}),
        )
        defaults = default_directories()
        parser.add_argument(
            "-h", "--help", dest="deferred_help", action="store_true", help="show this page, or that of the COMMAND"
        )
        parser.add_argument("--version", action="version", version=f"onward {version}", help="show the version")
        parser.add_argument("--debug", action="store_true", help="show tracebacks, and what libraries have to say")
        parser.add_argument(
            "--state-dir",
            type=Path,
            metavar="DIRECTORY",
            default=defaults.state,
            help="where runs are journaled (environment: ONWARD_STATE_DIR; now: %(default)s)",
        )
        parser.add_argument(
            "--cache-dir",
            type=Path,
            metavar="DIRECTORY",
            default=defaults.cache,
            help="where built environments are kept (environment: ONWARD_CACHE_DIR; now: %(default)s)",
        )
        return parser

    def print_help_if_requested(self) -> None:
        """Show the page of all commands and end, where it was asked for."""
        if self.options.deferred_help:
            self._print_overview(self.stdout)
            raise SystemExit(0)

    def interact(self) -> None:
        """Options without a command: there is no interactive mode."""
        print("onward: a COMMAND is missing\nhint: onward --help", file=self.stderr)
        raise SystemExit(USAGE)

    def _print_overview(self, stream: Any) -> None:
        plugged_in = [found for name, found in self.command_manager if name not in COMMANDS]
        known = [entry_point(name) for name in COMMANDS]
        self.parser.print_help(stream)
        print(f"\n{overview([*known, *(found for found in plugged_in if isinstance(found, EntryPoint))])}", file=stream)

    @property
    def directories(self) -> Directories:
        """The state and cache directories of this call."""
        return Directories(self.options.state_dir.absolute(), self.options.cache_dir.absolute())

    def configure_logging(self) -> None:
        """Only warnings of Onward's own go to standard error; libraries stay silent unless --debug is given."""
        root = logging.getLogger()
        root.handlers.clear()
        handler = logging.StreamHandler(self.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG if self.options.debug else logging.ERROR)

    def run_subcommand(self, argv: list[str]) -> int:
        """Find the command that was typed, and run it."""
        if argv == ["help"]:
            self._print_overview(self.stdout)
            return 0
        try:
            found = self.command_manager.find_command(argv)
        except ValueError:
            print(self._no_such_command(argv), file=self.stderr)
            return USAGE
        kind, name, rest = found
        command = kind(self, self.options, cmd_name=name)
        with called_with(self._named_directories()):
            return self._carry_out(command, command.get_parser(f"onward {name}").parse_args(rest))

    def _named_directories(self) -> list[str]:
        """The options by which other directories than the usual ones were named."""
        here, usual = self.directories, default_directories()
        state = ["--state-dir", str(here.state)] if here.state != usual.state else []
        return state + (["--cache-dir", str(here.cache)] if here.cache != usual.cache else [])

    def _carry_out(self, command: Any, parsed: argparse.Namespace) -> int:
        """Run a command; every OnwardError becomes a message and its exit status."""
        try:
            status: int = command.run(parsed)
        except OnwardError as error:
            self._print_error(error)
            return error.exit_status
        except BrokenPipeError:
            # The reader of a pipe has seen enough; Python must not complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except KeyboardInterrupt:
            return 130
        except Exception as error:  # the last resort: a bug is reported like any other error
            if self.options.debug:
                traceback.print_exc(file=self.stderr)
            last = traceback.extract_tb(error.__traceback__)[-1]
            self._print_error(
                Bug(
                    f"Onward itself failed: {type(error).__name__}: {error}",
                    evidence=f"at {last.filename}:{last.lineno}",
                    next_command="run it again with --debug and report what it prints",
                )
            )
            return BUG
        return status or 0

    def _print_error(self, error: OnwardError) -> None:
        # What draws on terminals is a seventh of the start of a command that draws nothing.
        from onward.views.terminal import print_error  # noqa: PLC0415

        print_error(error, self.stderr)

    def _no_such_command(self, argv: list[str]) -> str:
        """What to say of words that are no command, with those that were perhaps meant."""
        family = [name for name in COMMANDS if name.startswith(f"{argv[0]} ")]
        given = [word for word in argv[: 2 if family else 1] if not word.startswith("-")]
        meant = family or self.get_fuzzy_matches(argv[0])
        hint = f"\nhint: did you mean: {', '.join(meant)}" if meant else "\nhint: onward --help"
        return f"onward: there is no command {' '.join(given)!r}{hint}"


def run(argv: Sequence[str] | None = None) -> int:
    """Run ``onward`` with these arguments (those of the process by default) and return its exit status."""
    gc.set_threshold(OBJECTS_A_COLLECTION)
    # Tables are as wide as the terminal; cliff would let them grow without bounds.
    os.environ.setdefault("CLIFF_FIT_WIDTH", "1")
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        words = ["--help"]
    return OnwardApp().run(words)


if __name__ == "__main__":
    sys.exit(run())
