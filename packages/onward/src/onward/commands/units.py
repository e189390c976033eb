"""``onward add-unit`` and ``onward remove-unit``: how many units an application has, and which."""

import argparse
import re
from functools import partial
from typing import Any

from onward.commands.base import directories_of
from onward.commands.model_change import ModelChange
from onward.errors import BundleInvalid
from onward.model.bundle_edit import with_units, without_units
from onward.survey.recorded import known_model, only_model, recorded_topology


class AddUnit(ModelChange):
    """Add units to an application; they are brought into whatever knows its units, such as the load balancer."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the application, and how many."""
        parser = super().get_parser(prog_name)
        parser.add_argument("application", metavar="APPLICATION", help="one of the model's")
        parser.add_argument(
            "-n", "--number", type=positive, default=1, metavar="N", help="how many more (default: %(default)s)"
        )
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        application, number = parsed_args.application, parsed_args.number
        edit = partial(with_units, application=application, more=number)
        return self.change(parsed_args, edit)


class RemoveUnit(ModelChange):
    """Remove units: nobody uses them any more, then they stop. The others keep their numbers."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the units."""
        parser = super().get_parser(prog_name)
        parser.add_argument("units", nargs="+", type=unit_name, metavar="UNIT", help="keystone/1")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it. Raises BundleInvalid."""
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        found = recorded_topology(known_model(directories, model).record())
        units = tuple(dict.fromkeys(parsed_args.units))
        there = [unit for name in found.applications for unit in found.units(name)]
        if unknown := [unit for unit in units if unit not in there]:
            raise BundleInvalid(
                f"{model} has no unit {', '.join(unknown)}.",
                evidence=f"it has: {', '.join(there)}",
                next_command=f"onward status {model}",
            )
        edit = partial(without_units, leaving=units)
        return self.change(parsed_args, edit, frozenset(units))


def positive(text: str) -> int:
    """A number of units. Raises argparse.ArgumentTypeError."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number above 0, not {text!r}")
    return int(text)


def unit_name(text: str) -> str:
    """The name of a unit. Raises argparse.ArgumentTypeError."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*/[0-9]+", text):
        raise argparse.ArgumentTypeError(f"expected APPLICATION/NUMBER, not {text!r}")
    return text
