"""``onward relate`` and ``onward unrelate``: which applications of a model use which."""

from functools import partial
from typing import Any

from onward.commands.model_change import ModelChange
from onward.model.bundle_edit import related, unrelated


class Relate(ModelChange):
    """Relate two applications: each gets what it needs of the other, and only what that concerns is changed."""

    def get_parser(self, prog_name: str) -> Any:
        """Add both ends."""
        return _with_ends(super().get_parser(prog_name))

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        ends = (parsed_args.first, parsed_args.second)
        return self.change(parsed_args, partial(related, first=ends[0], second=ends[1]))


class Unrelate(ModelChange):
    """End the relations between two applications. What one of them cannot be without is refused."""

    def get_parser(self, prog_name: str) -> Any:
        """Add both ends."""
        return _with_ends(super().get_parser(prog_name))

    def take_action(self, parsed_args: Any) -> int:
        """Change what is remembered of the bundle, and bring the model to it."""
        ends = (parsed_args.first, parsed_args.second)
        return self.change(parsed_args, partial(unrelated, first=ends[0], second=ends[1]))


def _with_ends(parser: Any) -> Any:
    for name in ("first", "second"):
        parser.add_argument(name, metavar="APPLICATION[:ENDPOINT]", help="keystone, or keystone:cache")
    return parser
