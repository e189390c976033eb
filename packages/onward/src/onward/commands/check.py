"""``onward check``: finds out whether a cloud is well and fit to move."""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from onward.checks.finding import Finding, in_order_of_gravity
from onward.checks.waiver import parse_waivers, require_all_used
from onward.commands.base import directories_of
from onward.commands.check_watch import Watch, add_watch_options, not_to_be_watched, rounds_for
from onward.commands.findings import FindingsLister
from onward.commands.plan import DEFAULT_CLOUD_FILE
from onward.errors import DONE, USAGE, CheckFailed
from onward.survey.check import CheckWish, survey_check
from onward.survey.checks.check import CHECK_SECONDS
from onward.survey.checks.kept_runners import KeptRunners
from onward.survey.checks.lending import lending
from onward.survey.cloud import load_cloud
from onward.survey.model_cloud import cloud_of_model, environments_of_model
from onward.survey.options import add_environment_options, environment_wish
from onward.views.check_rounds import Round, Rounds, TerminalRounds
from onward.views.findings import print_findings

PIPE_COLUMNS = 100
"""How wide the table is where there is no terminal whose width could be asked for."""


class Check(FindingsLister):
    """Check whether a cloud is well, and fit to be taken to a series: infrastructure, services and a site's own checks.

    Nothing is changed. Exit status 0: nothing stands in the way, though there may be warnings, which are named. 4:
    something failed or could not be told.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add what is checked."""
        parser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        which.add_argument("--model", metavar="NAME", help="instead of a cloud file: a model that was deployed here")
        add_check_options(parser)
        add_environment_options(parser)
        add_watch_options(parser)
        return parser

    def run(self, parsed_args: Any) -> int:
        """Once, or until somebody has seen enough."""
        if parsed_args.watch is None:
            return super().run(parsed_args)
        if why := not_to_be_watched(parsed_args):
            print(f"onward: {why}", file=self.app.stderr)
            return USAGE
        rounds = rounds_for(parsed_args.formatter, self.app.stdout, self.app.stderr)
        with KeptRunners(parsed_args.keep_memory) as kept, lending(directories_of(self).state, kept):
            watch = Watch(
                lambda tell: in_order_of_gravity(self._look(parsed_args, tell, kept)),
                rounds,
                show_first=partial(self._show_first, parsed_args, rounds),
                status_of=lambda findings: CheckFailed.exit_status if any(each.stops for each in findings) else DONE,
            )
            typed = self.app.stdin if self.app.stdin.isatty() and isinstance(rounds, TerminalRounds) else None
            return watch.until_interrupted(parsed_args.watch, typed, self.tell)

    def find(self, parsed_args: Any) -> list[Finding]:
        """Look at everything."""
        return self._look(parsed_args, self.tell)

    def tell(self, text: str) -> None:
        """Say on standard error what is being done."""
        print(text, file=self.app.stderr)

    def _look(self, parsed_args: Any, tell: Callable[[str], None], kept: KeptRunners | None = None) -> list[Finding]:
        directories, model, environments = directories_of(self), parsed_args.model, environment_wish(parsed_args)
        if model is not None:
            environments = environments_of_model(directories, model, environments)
        return survey_check(
            directories,
            cloud_of_model(directories, model) if model is not None else load_cloud(parsed_args.cloud),
            check_wish(parsed_args),
            environments,
            progress=tell,
            kept=kept,
        )

    def _show_first(self, parsed_args: Any, rounds: Rounds, first: Round) -> None:
        """To people as without --watch. A waiver that waives nothing is refused now; later, that was hoped for."""
        if parsed_args.formatter == "json":
            rounds.show(first)
            require_all_used(first.findings, self.waivers(parsed_args))
            return
        self._findings = list(first.findings)
        print_findings(first.findings, self.app.stdout)
        self.app.stdout.flush()
        require_all_used(first.findings, self.waivers(parsed_args))
        self.conclude(parsed_args)

    def subject(self, parsed_args: Any) -> tuple[str, str]:
        """By what was asked for."""
        return subject_of(parsed_args)

    def waivers(self, parsed_args: Any) -> Mapping[str, str]:
        """As they were given."""
        return parse_waivers(parsed_args.waive)


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``onward check`` and ``openstack upgrade check`` share."""
    parser.add_argument("service", nargs="*", help="services to check (default: all of the cloud file)")
    parser.add_argument("--from", dest="source", metavar="SERIES", help="where the databases alone cannot tell")
    parser.add_argument(
        "--to",
        dest="target",
        metavar="SERIES",
        help="also whether they can be taken there (default: health only)",
    )
    parser.add_argument("--slurp", action="store_true", help="go only through the SLURP releases")
    add_waive_option(parser)
    parser.add_argument(
        "--check-timeout",
        type=float,
        default=CHECK_SECONDS,
        metavar="SECONDS",
        help="a site's own check that takes longer could not tell (default: %(default)g)",
    )


def add_waive_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--waive``."""
    parser.add_argument(
        "--waive",
        action="append",
        default=[],
        metavar="NAME=REASON",
        help="let what this check found stop nothing, and record why; NAME@ABOUT=REASON for one node, service or series"
        " alone; may be repeated",
    )


def check_wish(parsed_args: Any) -> CheckWish:
    """What the options say. Raises WaiverUnclear."""
    return CheckWish(
        services=tuple(parsed_args.service),
        target=parsed_args.target,
        source=parsed_args.source,
        slurp=parsed_args.slurp,
        timeout_seconds=parsed_args.check_timeout,
        waivers=parse_waivers(parsed_args.waive),
    )


def subject_of(parsed_args: Any) -> tuple[str, str]:
    """What is said of what was checked when it is in order, and when it is not."""
    who = ", ".join(parsed_args.service) or "The cloud"
    if parsed_args.target is None:
        return f"{who}: nothing stands out.", f"{who}: not everything is in order."
    return f"{who}: fit to be taken to {parsed_args.target}.", f"{who}: not fit to be taken to {parsed_args.target}."
