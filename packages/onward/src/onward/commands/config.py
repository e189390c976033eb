"""``onward config``: change options of an application or of one unit of what is deployed."""

import argparse
from dataclasses import replace
from functools import partial
from typing import Any

from onward.commands.base import directories_of
from onward.commands.model_change import ModelChange
from onward.commands.restart import add_limits, limits_of
from onward.errors import DONE, USAGE
from onward.hosts.state import Directories
from onward.model.bundle_edit import with_options
from onward.plan.plan import Plan
from onward.survey.options import environment_wish
from onward.survey.recorded import kept_bundle, only_model
from onward.survey.restart import survey_change
from onward.survey.wanted import Wanted


class Config(ModelChange):
    """Set options of an application, or of one unit of it; only units that it concerns are restarted, in batches.

    Without an option it shows those that are set. They are kept with the model: a bundle file that does not have them
    takes them back when it is deployed again.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add where, and what."""
        parser = super().get_parser(prog_name)
        parser.add_argument("where", metavar="APPLICATION[/UNIT]", help="keystone, or keystone/1 for this unit alone")
        parser.add_argument(
            "settings", nargs="*", type=setting, metavar="OPTION=VALUE", help="token.expiration=600; empty: the default"
        )
        parser.add_argument(
            "--defer", action="store_true", help="leave units running, and their restart to `onward restart --owed`"
        )
        add_limits(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        where, settings = parsed_args.where, dict(parsed_args.settings)
        if parsed_args.defer and parsed_args.batch:
            print("onward: --defer leaves for later what --batch does now", file=self.app.stderr)
            return USAGE
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        if not settings:
            return self._show(directories, model, where)
        status = self.change(parsed_args, partial(with_options, where=where, settings=settings))
        if status == DONE and not parsed_args.dry_run:
            self.tell(f"{model} keeps this; a bundle file without it takes it back when it is deployed again")
        return status

    def planned(self, parsed_args: Any, directories: Directories, wanted: Wanted) -> Plan:
        """First every file is written, then those that read them begin anew: in batches, or when somebody says so."""
        if parsed_args.defer:
            return super().planned(parsed_args, directories, replace(wanted, defer=True))
        environments = environment_wish(parsed_args)
        return survey_change(directories, wanted, parsed_args.where, limits_of(parsed_args), environments, self.tell)

    def _show(self, directories: Directories, model: str, where: str) -> int:
        """What is set there, as it is typed."""
        name, slash, number = where.partition("/")
        application = with_options(kept_bundle(directories, model), where, {}).applications[name]
        found = application.unit_options.get(number, {}) if slash else application.options
        for option, value in sorted(found.items()):
            print(f"{option}={str(value).lower() if isinstance(value, bool) else value}", file=self.app.stdout)
        if not found:
            self.tell(f"nothing is set for {where}: all its options are as its release and its charm have them")
        return DONE


def setting(text: str) -> tuple[str, str]:
    """An option and its value. Raises argparse.ArgumentTypeError."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"expected OPTION=VALUE, not {text!r}")
    return name, value
