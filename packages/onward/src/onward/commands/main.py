"""The entry point: one table of commands, one place that turns an error into an exit status."""

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
from onward.errors import BUG, Bug, OnwardError
from onward.hosts.state import Directories, default_directories
from onward.views.terminal import print_error

COMMANDS = {
    "rehearse": "onward.commands.rehearse:Rehearse",
    "init": "onward.commands.init:Init",
    "check": "onward.commands.check:Check",
    "plan upgrade": "onward.commands.plan:PlanUpgrade",
    "plan show": "onward.commands.plan:PlanShow",
    "plan schema": "onward.commands.plan:PlanSchema",
    "apply": "onward.commands.apply:Apply",
    "runs list": "onward.commands.runs:RunsList",
    "runs show": "onward.commands.runs:RunsShow",
    "runs resume": "onward.commands.runs:RunsResume",
    "runs pause": "onward.commands.runs:RunsPause",
    "runs cancel": "onward.commands.runs:RunsCancel",
    "runs report": "onward.commands.runs:RunsReport",
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

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Add the options that every command shares."""
        parser = super().build_option_parser(description, version, argparse_kwargs)
        defaults = default_directories()
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=defaults.state,
            help="where runs are journaled (environment: ONWARD_STATE_DIR; now: %(default)s)",
        )
        parser.add_argument(
            "--cache-dir",
            type=Path,
            default=defaults.cache,
            help="where built environments are kept (environment: ONWARD_CACHE_DIR; now: %(default)s)",
        )
        return parser

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
        """Run one command; every OnwardError becomes a message and its exit status."""
        try:
            found = self.command_manager.find_command(argv)
        except ValueError as error:
            matches = self.get_fuzzy_matches(argv[0])
            print(f"onward: {error}", file=self.stderr)
            if matches:
                print(f"hint: did you mean: {', '.join(matches)}", file=self.stderr)
            return 2
        kind, name, rest = found
        command = kind(self, self.options, cmd_name=name)
        parsed = command.get_parser(f"{self.NAME} {name}").parse_args(rest)
        try:
            status: int = command.run(parsed)
        except OnwardError as error:
            print_error(error, self.stderr)
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
            print_error(
                Bug(
                    f"Onward itself failed: {type(error).__name__}: {error}",
                    evidence=f"at {last.filename}:{last.lineno}",
                    next_command="run it again with --debug and report what it prints",
                ),
                self.stderr,
            )
            return BUG
        return status or 0


def run(argv: Sequence[str] | None = None) -> int:
    """Run ``onward`` with these arguments (those of the process by default) and return its exit status."""
    # Tables are as wide as the terminal; cliff would let them grow without bounds.
    os.environ.setdefault("CLIFF_FIT_WIDTH", "1")
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        words = ["--help"]
    status: int = OnwardApp().run(words)
    return status


if __name__ == "__main__":
    sys.exit(run())
