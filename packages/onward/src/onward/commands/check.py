"""``onward check``: finds out whether a cloud is well and fit to move."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onward.checks.finding import Finding
from onward.checks.waiver import parse_waivers
from onward.commands.base import directories_of
from onward.commands.findings import FindingsLister
from onward.commands.plan import DEFAULT_CLOUD_FILE
from onward.survey.check import CheckWish, survey_check
from onward.survey.checks.check import CHECK_SECONDS
from onward.survey.options import add_environment_options, environment_wish

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
        parser.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        add_check_options(parser)
        add_environment_options(parser)
        return parser

    def find(self, parsed_args: Any) -> list[Finding]:
        """Look at everything."""
        return survey_check(
            directories_of(self),
            parsed_args.cloud,
            check_wish(parsed_args),
            environment_wish(parsed_args),
            progress=lambda text: print(text, file=self.app.stderr),
        )

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
