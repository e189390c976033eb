"""``onward config``: change options of an application or of one unit of what is deployed."""

import argparse
from functools import partial
from typing import Any

from onward.commands.model_change import ModelChange
from onward.model.bundle_edit import with_options


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
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        where, settings = parsed_args.where, dict(parsed_args.settings)
        defer = ["--defer"] if parsed_args.defer else []
        typed = ["config", where, *(f"{name}={value}" for name, value in settings.items()), *defer]
        edit = partial(with_options, where=where, settings=settings)
        return self.change(parsed_args, edit, typed, defer=parsed_args.defer)


def setting(text: str) -> tuple[str, str]:
    """An option and its value. Raises argparse.ArgumentTypeError."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"expected OPTION=VALUE, not {text!r}")
    return name, value
