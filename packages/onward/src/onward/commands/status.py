"""``onward status``: what is deployed, how it is, and what is waited for."""

from typing import Any

from onward.commands.base import Lister, directories_of
from onward.survey.deployment import only_model
from onward.survey.recorded import models
from onward.survey.status import survey_status

COLUMNS = ("Unit", "State", "Address", "Processes", "Message")


class Status(Lister):
    """Show the units of a model, each with what it does or what it waits for."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the model."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        directories = directories_of(self)
        if parsed_args.model is None and not models(directories):
            print("no model is deployed here: onward deploy BUNDLE", file=self.app.stderr)
            return COLUMNS, []
        status = survey_status(directories, only_model(directories, parsed_args.model))
        for line in status.said:
            print(line, file=self.app.stderr)
        return COLUMNS, [
            (unit.name, unit.state, unit.address, ", ".join(unit.processes), unit.message) for unit in status.units
        ]
