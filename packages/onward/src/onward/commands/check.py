"""``onward check``: finds out whether a cloud is fit to move."""

from pathlib import Path
from typing import Any

from onward.commands.base import Lister, directories_of
from onward.commands.plan import DEFAULT_CLOUD_FILE
from onward.errors import CheckFailed
from onward.survey.check import survey_check
from onward.survey.options import add_environment_options, environment_wish
from onward.views.terminal import print_error

PIPE_COLUMNS = 100
"""How wide the table is where there is no terminal whose width could be asked for."""


class Check(Lister):
    """Check whether a service can be taken to a series: Onward's own checks and those of the target release."""

    def get_parser(self, prog_name: str) -> Any:
        """Add what is checked."""
        parser = super().get_parser(prog_name)
        parser.add_argument("service", nargs="?", default="keystone", help="service to check (default: %(default)s)")
        parser.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        parser.add_argument("--from", dest="source", metavar="SERIES", help="where the database alone cannot tell")
        parser.add_argument("--to", dest="target", metavar="SERIES", required=True, help="series to end at")
        parser.add_argument("--slurp", action="store_true", help="go only through the SLURP releases")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        self._findings = survey_check(
            directories_of(self),
            parsed_args.cloud,
            parsed_args.service,
            target=parsed_args.target,
            source=parsed_args.source,
            slurp=parsed_args.slurp,
            environments=environment_wish(parsed_args),
            progress=lambda text: print(text, file=self.app.stderr),
        )
        rows: list[tuple[object, ...]] = [
            (each.name, each.result, each.details, each.way_out) for each in self._findings
        ]
        return ("Check", "Result", "Details", "Way out"), rows

    def run(self, parsed_args: Any) -> int:
        """Show the table; exit with 4 when anything failed or could not be told."""
        if parsed_args.max_width == 0 and not self.app.stdout.isatty():
            parsed_args.max_width = PIPE_COLUMNS
        super().run(parsed_args)
        bad = [finding for finding in self._findings if finding.result in ("fail", "could-not-tell")]
        if not bad:
            return 0
        failed = any(finding.result == "fail" for finding in bad)
        wish = f"{parsed_args.service} is {'not ' if failed else ''}fit to be taken to {parsed_args.target}"
        error = CheckFailed(
            f"{wish}." if failed else f"It could not be told whether {wish}.",
            evidence="\n".join(f"{each.name}: {each.result}: {each.details}" for each in bad),
            next_command=next((each.way_out for each in bad if each.way_out), ""),
        )
        print_error(error, self.app.stderr)
        return error.exit_status
