"""``onward restart``: begin units anew, many of them, without hurting those that use them."""

import argparse
from typing import Any

from onward.commands.base import Command, directories_of
from onward.commands.controller import carry_out
from onward.commands.plan import show
from onward.errors import DONE, USAGE
from onward.survey.options import add_environment_options, environment_wish
from onward.survey.recorded import only_model
from onward.survey.restart import Limits, count_of, survey_restart


class Restart(Command):
    """Restart units in batches, each when the last one is healthy and the broker and the database are calm."""

    def get_parser(self, prog_name: str) -> Any:
        """Add what, and what bounds it."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "where", nargs="*", metavar="APPLICATION[/UNIT]", help="nova-compute, or nova-compute/7 for this unit alone"
        )
        parser.add_argument("--owed", action="store_true", help="of these, or of all, only those that owe a restart")
        parser.add_argument("--model", metavar="NAME", help="name of the model (default: the only one there is)")
        add_limits(parser)
        parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
        parser.add_argument("-f", "--format", choices=("tree", "json"), default="tree", help="of the plan shown")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Plan, carry out."""
        if not parsed_args.where and not parsed_args.owed:
            print("onward: name what is to be restarted, or say --owed", file=self.app.stderr)
            return USAGE
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        plan = survey_restart(
            directories,
            model,
            parsed_args.where,
            limits_of(parsed_args),
            environment_wish(parsed_args),
            self.tell,
            owed=parsed_args.owed,
        )
        if not plan.steps:
            print(f"No unit of {model} owes a restart.", file=self.app.stdout)
            return DONE
        if parsed_args.dry_run:
            show(self, plan, parsed_args.format)
            return DONE
        return carry_out(self.app, directories, plan, report_directory=None)


def add_limits(parser: Any) -> None:
    """Add what bounds a restart."""
    usual = Limits()
    parser.add_argument(
        "--batch",
        type=amount,
        metavar="UNITS",
        help=f"units away at once, at the most: 10, or 5%% of them (default: {usual.batch.replace('%', '%%')})",
    )
    parser.add_argument(
        "--canary",
        type=whole_number,
        default=usual.canary,
        metavar="UNITS",
        help="that go first, alone (%(default)s)",
    )
    parser.add_argument(
        "--pause", type=seconds, default=usual.pause, metavar="SECONDS", help="between two batches (%(default)g)"
    )
    parser.add_argument(
        "--failures",
        type=failures,
        default=usual.failures,
        metavar="UNITS",
        help="units that may stay away: 3, or 1%% (%(default)s)",
    )
    parser.add_argument(
        "--max-load",
        type=times,
        default=usual.slower,
        metavar="TIMES",
        help="how many times its calm answer the broker may take before batches shrink; auto: 2",
    )


def limits_of(parsed_args: Any) -> Limits:
    """What was said of it."""
    batch = parsed_args.batch or Limits().batch
    return Limits(batch, parsed_args.failures, parsed_args.canary, parsed_args.pause, parsed_args.max_load)


def amount(text: str) -> str:
    """A number of units, or a part of them. Raises argparse.ArgumentTypeError."""
    if failures(text) == "0":
        raise argparse.ArgumentTypeError("at least one unit has to go at once")
    return text


def failures(text: str) -> str:
    """The same, or none. Raises argparse.ArgumentTypeError."""
    try:
        if count_of(text, 100) >= 0:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected a number of units, or a part such as 5%, not {text!r}")


def whole_number(text: str) -> int:
    """Zero or more. Raises argparse.ArgumentTypeError."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Zero or more. Raises argparse.ArgumentTypeError."""
    return _number(text, 0.0, "seconds")


def times(text: str) -> float:
    """More than once. Raises argparse.ArgumentTypeError."""
    return Limits().slower if text == "auto" else _number(text, 1.01, "auto, or a number above 1")


def _number(text: str, least: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected {what}, not {text!r}")
    return value
