"""``onward diagnose``: what is wrong with a deployed model, in as few causes as explain it."""

import argparse
import time
from datetime import datetime
from typing import Any

from onward.commands.base import Lister, directories_of
from onward.errors import REFUSED
from onward.hosts.state import Directories
from onward.survey.diagnosis import diagnose_model, diagnose_past
from onward.survey.recorded import only_model
from onward.views.cause_words import cause_words
from onward.views.words import counted

COLUMNS = ("Cause", "Where", "Evidence", "Next")
PAST_COLUMNS = ("Cause", "Where", "From", "Until", "Evidence")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Diagnose(Lister):
    """Name what is wrong with a deployed model: the few causes that explain all that is seen, most telling first.

    It only looks. Exit status 0 when no cause is named, 4 when one is.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the model."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        parser.add_argument(
            "--since",
            type=_while_ago,
            metavar="TIME",
            help="what was wrong in a while that has passed, as `onward collect` has kept it: 10m, 2h, 1d",
        )
        return parser

    def run(self, parsed_args: Any) -> int:
        """Show the causes; the exit status says whether there are any."""
        status = int(super().run(parsed_args))
        return status or (REFUSED if self._named else 0)

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        if parsed_args.since is not None:
            return self._past(directories, model, parsed_args.since)
        found = diagnose_model(directories, model)
        self._named = bool(found.causes)
        for each in found.untold:
            print(f"cannot tell {each}", file=self.app.stderr)
        if not found.causes and not found.untold:
            seen = counted(found.looked_at, "observation")
            print(f"nothing is wrong in what units and their users have seen ({seen})", file=self.app.stderr)
        return COLUMNS, [(cause_words(each), each.subject, each.evidence, way) for each, way in found.causes]

    def _past(
        self, directories: Directories, model: str, seconds: float
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """The same of the past: from when to when a cause was named."""
        found = diagnose_past(directories, model, time.time() - seconds)
        self._named = bool(found)
        if not found:
            print(f"nothing was wrong that {model} told of", file=self.app.stderr)
        return PAST_COLUMNS, [
            (
                cause_words(each.cause),
                each.cause.subject,
                _clock(each.began),
                "still" if each.ended is None else _clock(each.ended),
                each.cause.evidence,
            )
            for each in found
        ]


def _while_ago(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdigit() or not int(number):
        raise argparse.ArgumentTypeError(f"{text!r}: a number and s, m, h or d is expected, such as 10m")
    return int(number) * _UNITS[unit]


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")[:19]
