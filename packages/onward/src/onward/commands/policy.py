"""``onward policy``: what is in force, what is wrong with it, and what another release would make of it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cliff.columns import FormattableColumn

from onward.catalog.load import series_list, service_policy, services_with_policy
from onward.checks.finding import Finding
from onward.commands.base import HasApp, Lister, directories_of
from onward.commands.findings import FindingsLister
from onward.commands.plan import DEFAULT_CLOUD_FILE
from onward.errors import DIFFERENCES, PolicyAtFault
from onward.policy.difference import RuleChange, difference
from onward.survey.options import add_environment_options, environment_wish
from onward.survey.policies import PolicyEnvironments
from onward.survey.policy_check import places_of_cloud, places_of_directory, survey_policy
from onward.survey.policy_ends import OperatorPolicy, policy_ends
from onward.views.policy_report import render_difference, sentences_of
from onward.views.policy_words import change_words, enforcement_words, place_of, source_of
from onward.views.words import harmless

MOST_WARNINGS = 5
"""So many of a release's own warnings are shown; some releases warn of each of their rules."""


class Lines(FormattableColumn[list[str]]):
    """Several phrases: lines of a cell for people, a list for programs."""

    def human_readable(self) -> str:
        """One line each."""
        return "\n".join(self._value)


def add_operator_options(parser: argparse.ArgumentParser) -> None:
    """Add where the operator's policy is."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--policy-file",
        type=Path,
        metavar="FILE",
        help="the service's policy file (default: none, so that all is default). A policy.json is taken as what lies"
        " there from older times: read by a release only if it still falls back to it",
    )
    where.add_argument(
        "--config-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the service's configuration, which says where its policy is; may be repeated",
    )


def operator_policy(parsed_args: Any) -> OperatorPolicy:
    """What the options say."""
    return OperatorPolicy(parsed_args.policy_file, tuple(parsed_args.config_file))


def environments_of(command: HasApp, parsed_args: Any) -> PolicyEnvironments:
    """The releases that this call may ask."""
    return PolicyEnvironments(
        directories_of(command), environment_wish(parsed_args), lambda line: print(line, file=command.app.stderr)
    )


def print_warnings(command: HasApp, release: str, warnings: Sequence[str]) -> None:
    """What a release warned of while it read the policy, on standard error; only the first where there are many."""
    for warning in warnings[:MOST_WARNINGS]:
        print(f"{release} warns: {harmless(warning)}", file=command.app.stderr)
    if len(warnings) > MOST_WARNINGS:
        print(f"{release} warns {len(warnings) - MOST_WARNINGS} times more", file=command.app.stderr)


class PolicyShow(Lister):
    """Show the policy in force, rule by rule: the check, where it comes from, and the scopes it is for."""

    def get_parser(self, prog_name: str) -> Any:
        """Add which policy."""
        parser = super().get_parser(prog_name)
        parser.add_argument("service", help=f"one of {', '.join(services_with_policy())}")
        parser.add_argument("--series", required=True, help="release series that enforces it: 2024.1, caracal")
        add_operator_options(parser)
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        service_policy(parsed_args.service)
        series = series_list().find(parsed_args.series).id
        environments = environments_of(self, parsed_args)
        (end,) = policy_ends(environments, parsed_args.service, [series], operator_policy(parsed_args))
        release = f"{parsed_args.service} {end.registered.version} ({series})"
        print(f"{release}: {enforcement_words(end.real)}", file=self.app.stderr)
        print_warnings(self, release, end.real.warnings)
        rows: list[tuple[object, ...]] = []
        for name, real in end.real.rules.items():
            rule = end.policy.rules.get(name)
            registered = end.registered.rules.get(name)
            scopes = ", ".join(registered.scopes) if registered is not None else ""
            rows.append((name, real.check, source_of(rule) if rule is not None else "", scopes))
        return ("Rule", "Check", "From", "Scopes"), rows


class PolicyDiff(Lister):
    """Compare the policy in force in one release with what another makes of it, rule by rule and for each persona."""

    def get_parser(self, prog_name: str) -> Any:
        """Add what is compared."""
        parser = super().get_parser(prog_name)
        parser.add_argument("service", help=f"one of {', '.join(services_with_policy())}")
        parser.add_argument(
            "--from", dest="source", required=True, metavar="SERIES", help="series that is in force now"
        )
        parser.add_argument("--to", dest="target", required=True, metavar="SERIES", help="series to compare it with")
        parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page that stands alone as well")
        parser.add_argument("--exit-code", action="store_true", help="exit with 3 where there are differences")
        add_operator_options(parser)
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        service_policy(parsed_args.service)
        series = [series_list().find(each).id for each in (parsed_args.source, parsed_args.target)]
        environments = environments_of(self, parsed_args)
        old, new = policy_ends(environments, parsed_args.service, series, operator_policy(parsed_args))
        self._found = difference(old, new)
        for end in (old, new):
            release = f"{parsed_args.service} {end.registered.version} ({end.registered.series})"
            files = f"reads {', '.join(end.real.files)}" if end.real.files else "reads no policy file"
            print(f"{release}: {enforcement_words(end.real)}; {files}", file=self.app.stderr)
        for sentence in sentences_of(self._found):
            print(sentence, file=self.app.stderr)
        if parsed_args.html is not None:
            parsed_args.html.write_text(render_difference(self._found), encoding="utf-8")
            print(f"written: {parsed_args.html}", file=self.app.stderr)
        columns = ("Rule", "What changes", "Becomes allowed", "Becomes denied", "Was", "Is", "Overridden at")
        return columns, [self._row(change) for change in self._found.changes]

    def run(self, parsed_args: Any) -> int:
        """Show the table; exit with 3 for differences where that was asked for."""
        super().run(parsed_args)
        return DIFFERENCES if parsed_args.exit_code and self._found.changes else 0

    def _row(self, change: RuleChange) -> tuple[object, ...]:
        override = change.new or change.old
        return (
            change.name,
            Lines(change_words(change)),
            Lines(self._found.gained(change)),
            Lines(self._found.lost(change)),
            change.old.check if change.old is not None else "",
            change.new.check if change.new is not None else "",
            place_of(override) if override is not None else "",
        )


class PolicyCheck(FindingsLister):
    """Check the policy of services: stale files, unknown rules, circles, overrides that are lost or without effect."""

    refusal = PolicyAtFault

    def get_parser(self, prog_name: str) -> Any:
        """Add what is checked."""
        parser = super().get_parser(prog_name)
        parser.add_argument("service", nargs="*", help="services to check (default: all of the cloud file)")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        where.add_argument(
            "--policy-dir",
            type=Path,
            metavar="DIR",
            help="instead: a copy of the configuration directories, DIR/SERVICE, or DIR itself for one service",
        )
        parser.add_argument("--from", dest="source", metavar="SERIES", help="series of the installed code")
        parser.add_argument("--to", dest="target", metavar="SERIES", help="check for a move to this series as well")
        add_environment_options(parser)
        return parser

    def find(self, parsed_args: Any) -> list[Finding]:
        """Look at the files, and ask the releases."""
        if parsed_args.policy_dir is not None:
            places = places_of_directory(parsed_args.policy_dir, parsed_args.service)
        else:
            places = places_of_cloud(parsed_args.cloud, parsed_args.service)
        return survey_policy(
            environments_of(self, parsed_args),
            places,
            source=parsed_args.source,
            target=parsed_args.target,
            progress=lambda text: print(text, file=self.app.stderr),
        )

    def subject(self, parsed_args: Any) -> tuple[str, str]:
        """By what was asked for."""
        who = ", ".join(parsed_args.service) or "all services"
        return f"Policy of {who}: nothing stands out.", f"Policy of {who}: not everything is in order."
