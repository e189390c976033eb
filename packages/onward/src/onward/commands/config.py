"""``onward config``: change options of an application or of one unit of what is deployed."""

import argparse
from typing import Any

from onward.commands.base import Command, directories_of
from onward.commands.controller import carry_out
from onward.survey.deployment import only_model, survey_deployment, with_options
from onward.survey.options import add_environment_options, environment_wish


class Config(Command):
    """Set options of an application, or of one unit of it; only units that it concerns are restarted."""

    def get_parser(self, prog_name: str) -> Any:
        """Add where, and what."""
        parser = super().get_parser(prog_name)
        parser.add_argument("where", metavar="APPLICATION[/UNIT]", help="keystone, or keystone/1 for this unit alone")
        parser.add_argument(
            "settings", nargs="+", type=setting, metavar="OPTION=VALUE", help="token.expiration=600; empty: the default"
        )
        parser.add_argument("--model", metavar="NAME", help="name of the model (default: the only one there is)")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        wanted = with_options(directories, model, parsed_args.where, dict(parsed_args.settings))
        plan = survey_deployment(directories, wanted, environment_wish(parsed_args), self.tell)
        if not plan.steps:
            print(f"{parsed_args.where} is so already. Nothing was changed.", file=self.app.stdout)
            return 0
        return carry_out(self.app, directories, plan, report_directory=None)


def setting(text: str) -> tuple[str, str]:
    """An option and its value. Raises argparse.ArgumentTypeError."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"expected OPTION=VALUE, not {text!r}")
    return name, value
