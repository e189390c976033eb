"""``onward diagnose``: what is wrong with a deployed model, in as few causes as explain it."""

from typing import Any

from onward.commands.base import Lister, directories_of
from onward.errors import REFUSED
from onward.survey.diagnosis import diagnose_model
from onward.survey.recorded import only_model
from onward.views.cause_words import cause_words

COLUMNS = ("Cause", "Where", "Evidence", "Next")


class Diagnose(Lister):
    """Name what is wrong with a deployed model: the few causes that explain all that is seen, most telling first.

    It only looks. Exit status 0 when no cause is named, 4 when one is.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the model."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        return parser

    def run(self, parsed_args: Any) -> int:
        """Show the causes; the exit status says whether there are any."""
        status = int(super().run(parsed_args))
        return status or (REFUSED if self._named else 0)

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        directories = directories_of(self)
        found = diagnose_model(directories, only_model(directories, parsed_args.model))
        self._named = bool(found.causes)
        for each in found.untold:
            print(f"cannot tell {each}", file=self.app.stderr)
        if not found.causes and not found.untold:
            print(f"nothing is wrong that {found.looked_at} looks would have shown", file=self.app.stderr)
        return COLUMNS, [(cause_words(each), each.subject, each.evidence, way) for each, way in found.causes]
