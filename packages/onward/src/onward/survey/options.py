"""The options with which every planning command says how environments are to be built."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onward.catalog.service import Driver
from onward.plan.deployment.untouched import BUDGET_SECONDS


@dataclass(frozen=True)
class EnvironmentWish:
    """How environments are to be built, as the operator said it."""

    constraints: str
    """``official``, ``as-of-release``, or a path or URL in which ``{series}`` stands for the series."""
    parallel: int
    """How many environments are built, and runners warmed, at once."""
    also: Mapping[str, tuple[Driver, ...]] = field(default_factory=dict)
    """Further packages by service, such as the client of a cache that its configuration names."""


BATCH = 5
"""Computes that are restarted at once: their servers run on, and only what is asked of them waits."""


def add_environment_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--constraints`` and ``--parallel``."""
    parser.add_argument(
        "--constraints",
        default="as-of-release",
        metavar="SOURCE",
        help="the tested dependency sets: 'official' (fetched from releases.openstack.org), a FILE or URL in which"
        " {series} is replaced, or 'as-of-release': what was current at the release date (default: %(default)s)",
    )
    parser.add_argument(
        "--parallel",
        type=int,
        default=min(os.cpu_count() or 2, 8),
        metavar="N",
        help="environments built, and runners warmed, at once (default: one for each processor, at most 8)",
    )


def environment_wish(parsed_args: Any) -> EnvironmentWish:
    """What the options say."""
    return EnvironmentWish(constraints=parsed_args.constraints, parallel=max(1, parsed_args.parallel))


def default_environment_wish() -> EnvironmentWish:
    """What a command wishes for that is given no option."""
    parser = argparse.ArgumentParser()
    add_environment_options(parser)
    return environment_wish(parser.parse_args([]))


def add_rolling_options(parser: argparse.ArgumentParser, way: Any = None) -> None:
    """Add ``--rolling``, to what it cannot be said together with, and ``--batch``."""
    (way or parser).add_argument(
        "--rolling",
        action="store_true",
        help="one unit after the other behind the load balancer, release by release, while all services serve",
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=BATCH,
        metavar="N",
        help="with --rolling: computes that begin anew at once (default: %(default)s)",
    )


def add_move_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--drop-option`` and ``--data-plane-budget``."""
    parser.add_argument(
        "--drop-option",
        action="append",
        default=[],
        metavar="APPLICATION:OPTION",
        help="leave out an option that the release does not read any more (may be repeated)",
    )
    parser.add_argument(
        "--data-plane-budget",
        type=float,
        default=BUDGET_SECONDS,
        metavar="SECONDS",
        help="while services go to another release: for how long pings may go unanswered (default: %(default)s)",
    )


def rolling_of(parsed_args: Any) -> int:
    """So many units at once, of those that go in batches; 0 where services shall go in one outage."""
    return max(1, parsed_args.batch) if parsed_args.rolling else 0
