"""``onward config``: change options of an application or of one unit of what is deployed."""

import argparse
import shlex
from collections.abc import Sequence
from functools import partial
from typing import Any

from onward.commands.base import directories_of
from onward.commands.controller import carry_out
from onward.commands.model_change import ModelChange
from onward.commands.restart import add_limits, limits_of
from onward.errors import DONE, USAGE
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.bundle_edit import with_options
from onward.plan.deployment.restarting import restarted_by
from onward.survey.options import environment_wish
from onward.survey.recorded import kept_bundle, only_model
from onward.survey.restart import survey_restart
from onward.views.words import counted


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
        """Change what is remembered of the bundle, bring the model to it, and restart in batches whom it concerns."""
        where, settings = parsed_args.where, dict(parsed_args.settings)
        if parsed_args.defer and parsed_args.batch:
            print("onward: --defer leaves for later what --batch does now", file=self.app.stderr)
            return USAGE
        how = ["--defer"] if parsed_args.defer else ["--batch", parsed_args.batch] if parsed_args.batch else []
        typed = ["config", where, *(f"{name}={value}" for name, value in settings.items()), *how]
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        if not settings:
            return self._show(directories, model, where)
        before = ModelStore(directories.models / model).owed()
        # First every file is written, then those that have to read them are restarted, by the loop that looks whether
        # they and what they use bear it.
        status = self.change(parsed_args, partial(with_options, where=where, settings=settings), typed, defer=True)
        if status == DONE and not parsed_args.dry_run:
            self.tell(f"{model} keeps this; a bundle file without it takes it back when it is deployed again")
        if status != DONE or parsed_args.defer:
            return status
        # What was put off before, elsewhere, stays so.
        units = [unit for unit in self.put_off if unit not in before or where in (unit, unit.partition("/")[0])]
        if parsed_args.dry_run:
            if units:
                self.tell(f"afterwards, in batches: onward restart {shlex.join(units)}")
            return DONE
        return self._restart(parsed_args, directories, model, units) if units else DONE

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

    def _restart(self, parsed_args: Any, directories: Directories, model: str, units: Sequence[str]) -> int:
        """Restart those of them that owe it, in batches."""
        plan = survey_restart(
            directories, model, units, limits_of(parsed_args), environment_wish(parsed_args), self.tell, owed=True
        )
        if not plan.steps:
            return DONE
        self.tell(f"now {counted(len(restarted_by(plan)), 'unit')} of {model} in batches")
        return carry_out(self.app, directories, plan, report_directory=None)


def setting(text: str) -> tuple[str, str]:
    """An option and its value. Raises argparse.ArgumentTypeError."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"expected OPTION=VALUE, not {text!r}")
    return name, value
