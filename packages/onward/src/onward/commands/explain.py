"""``onward explain``: the page of an error code, on the terminal."""

import inspect
from typing import Any

from onward.commands.base import Command
from onward.errors import OnwardError, by_code


class Explain(Command):
    """Explain an error code: what it means, what usually causes it, how to go on."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the code."""
        parser = super().get_parser(prog_name)
        parser.add_argument("code", nargs="?", help="such as OW201; without it, all codes are listed")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Print one page, or the list of all."""
        known = by_code()
        if parsed_args.code is None:
            for code, kind in known.items():
                print(f"{code}  {_title(kind)}", file=self.app.stdout)
            return 0
        found = known.get(parsed_args.code.upper())
        if found is None:
            print(
                f"onward: there is no error code {parsed_args.code!r}; `onward explain` lists all", file=self.app.stderr
            )
            return 2
        print(f"{found.code} {found.__name__} (exit status {found.exit_status})\n", file=self.app.stdout)
        print(_page(found), file=self.app.stdout)
        return 0


def _title(kind: type[OnwardError]) -> str:
    return _page(kind).splitlines()[0]


def _page(kind: type[OnwardError]) -> str:
    return (inspect.getdoc(kind) or kind.__name__).replace("``", "`")
