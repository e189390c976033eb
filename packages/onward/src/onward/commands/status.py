"""``onward status``: what is deployed, how it is, and what is waited for."""

import time
from typing import Any

from onward.commands.base import Lister, directories_of
from onward.errors import USAGE, ModelUnknown
from onward.hosts.state import Directories
from onward.survey.recorded import models, only_model
from onward.survey.status import survey_status
from onward.views.model_status import StatusWatch

COLUMNS = ("Unit", "State", "Address", "Processes", "Message")
LOOK_SECONDS = 1.0
"""Between two looks at a model that is watched."""


class Status(Lister):
    """Show the units of a model, each with what it does or what it waits for."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the model."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        parser.add_argument(
            "-w", "--watch", action="store_true", help="go on until Ctrl-C; in a pipe, a line for each change"
        )
        return parser

    def run(self, parsed_args: Any) -> int:
        """Show it once, or until somebody has seen enough."""
        if not parsed_args.watch:
            return int(super().run(parsed_args))
        if parsed_args.formatter != "table":
            print("onward: --watch shows a picture: leave out -f", file=self.app.stderr)
            return USAGE
        directories = directories_of(self)
        return self._watch(directories, only_model(directories, parsed_args.model))

    def _watch(self, directories: Directories, model: str) -> int:
        """Look again and again. Ctrl-C is the way out, and no failure; so is that the model is no more."""
        try:
            with StatusWatch(self.app.stdout, model) as watch:
                while True:
                    watch.show(survey_status(directories, model))
                    time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            return 0
        except ModelUnknown:
            print(f"{model} is deployed here no more.", file=self.app.stdout)
            return 0

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        directories = directories_of(self)
        if parsed_args.model is None and not models(directories):
            print(f"no model is deployed here, in {directories.models}: onward deploy BUNDLE", file=self.app.stderr)
            return COLUMNS, []
        status = survey_status(directories, only_model(directories, parsed_args.model))
        for line in status.said:
            print(line, file=self.app.stderr)
        return COLUMNS, [
            (unit.name, unit.state, unit.address, ", ".join(unit.processes), unit.message) for unit in status.units
        ]
