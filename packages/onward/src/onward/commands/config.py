"""``onward config``: change options of an application or of one unit of what is deployed."""

import argparse
from functools import partial
from typing import Any

from onward.commands.base import directories_of
from onward.commands.controller import carry_out
from onward.commands.model_change import ModelChange
from onward.commands.restart import add_limits, limits_of
from onward.errors import DONE, USAGE
from onward.model.bundle_edit import with_options
from onward.survey.options import environment_wish
from onward.survey.recorded import only_model
from onward.survey.restart import survey_restart


class Config(ModelChange):
    """Set options of an application, or of one unit of it; only units that it concerns are restarted."""

    def get_parser(self, prog_name: str) -> Any:
        """Add where, and what."""
        parser = super().get_parser(prog_name)
        parser.add_argument("where", metavar="APPLICATION[/UNIT]", help="keystone, or keystone/1 for this unit alone")
        parser.add_argument(
            "settings", nargs="+", type=setting, metavar="OPTION=VALUE", help="token.expiration=600; empty: the default"
        )
        parser.add_argument(
            "--defer", action="store_true", help="leave units running, and their restart to `onward restart --owed`"
        )
        add_limits(parser, batch=None)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        where, settings = parsed_args.where, dict(parsed_args.settings)
        defer = ["--defer"] if parsed_args.defer else ["--batch", parsed_args.batch] if parsed_args.batch else []
        typed = ["config", where, *(f"{name}={value}" for name, value in settings.items()), *defer]
        edit = partial(with_options, where=where, settings=settings)
        if parsed_args.defer and parsed_args.batch:
            print("onward: --defer leaves for later what --batch does now", file=self.app.stderr)
            return USAGE
        put_off = bool(parsed_args.defer or parsed_args.batch)
        status = self.change(parsed_args, edit, typed, defer=put_off)
        if status != DONE or parsed_args.defer or not parsed_args.batch or parsed_args.dry_run:
            return status
        return self._restart(parsed_args)

    def _restart(self, parsed_args: Any) -> int:
        """Restart those of them that owe it, in batches."""
        directories, application = directories_of(self), parsed_args.where.partition("/")[0]
        model = only_model(directories, parsed_args.model)
        plan = survey_restart(
            directories,
            model,
            (application,),
            limits_of(parsed_args),
            environment_wish(parsed_args),
            self.tell,
            owed=True,
        )
        return carry_out(self.app, directories, plan, report_directory=None) if plan.steps else DONE


def setting(text: str) -> tuple[str, str]:
    """An option and its value. Raises argparse.ArgumentTypeError."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"expected OPTION=VALUE, not {text!r}")
    return name, value
