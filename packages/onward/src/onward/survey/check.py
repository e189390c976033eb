"""Finds out whether a cloud is well and fit to move. Only reads; environments are built in the cache."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from onward.catalog.load import recipe, series_list, services
from onward.checks.finding import Finding
from onward.checks.waiver import waived
from onward.hosts.state import Directories
from onward.model.cloud import Cloud
from onward.observe.cloud_api import CloudApi
from onward.survey.checks.check import CHECK_SECONDS, Check
from onward.survey.checks.context import CheckContext
from onward.survey.checks.kept_runners import KeptRunners, RunnersOfRound
from onward.survey.checks.lending import BorrowedRunners
from onward.survey.checks.options import configuration_options
from onward.survey.checks.plugins import plugins
from onward.survey.checks.policy import policy
from onward.survey.checks.readiness import way
from onward.survey.checks.runner import run_checks
from onward.survey.checks.service_owned import NewRunners, Runners, service_owned
from onward.survey.checks.table import BUILT_IN
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments


@dataclass(frozen=True)
class CheckWish:
    """What somebody wants to know."""

    services: tuple[str, ...] = ()
    """None named: all of the cloud file."""
    target: str | None = None
    """The series to move to; None: health as things are."""
    source: str | None = None
    """The series that the services are at, where their databases alone do not tell."""
    slurp: bool = False
    timeout_seconds: float = CHECK_SECONDS
    """For each check of a site's own; those of Onward's have times in their table."""
    waivers: Mapping[str, str] = field(default_factory=dict)


def survey_check(
    directories: Directories,
    cloud: Cloud | None,
    wish: CheckWish,
    environments: EnvironmentWish,
    *,
    progress: Callable[[str], None],
    api: Callable[[], CloudApi] | None = None,
    kept: KeptRunners | None = None,
) -> list[Finding]:
    """All findings, in the order of the checks; those that are waived say so.

    Without a cloud only what ``api`` can be asked is looked at. Nothing that was seen is remembered, but of
    ``kept`` the releases' code, for the next call. Raises only for a wish that makes no sense:
    UnknownSeries, UnknownService.
    """
    target = None if wish.target is None else series_list().find(wish.target)
    chosen = _chosen(cloud, wish.services)
    with (
        CheckContext(directories, cloud, chosen, target=target, said=wish.source, slurp=wish.slurp, api=api) as context,
        _runners(kept, context, environments, progress) as runners,
    ):
        policies = PolicyEnvironments(directories, environments, progress, interpreters=context.interpreters)
        return check_cloud(context, wish, environments, runners, policies, progress)


def check_cloud(
    context: CheckContext,
    wish: CheckWish,
    environments: EnvironmentWish | None,
    runners: Runners,
    policies: PolicyEnvironments,
    progress: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Finding]:
    """Run all checks that there are, side by side. ``environments`` is None where they have been built already."""
    checks = checks_of(wish, environments, runners, policies, progress)
    return waived(run_checks(checks, context, cancelled=cancelled), wish.waivers)


def checks_of(
    wish: CheckWish,
    environments: EnvironmentWish | None,
    runners: Runners,
    policies: PolicyEnvironments,
    progress: Callable[[str], None],
) -> list[Check]:
    """All checks that there are."""
    return [
        *BUILT_IN,
        way(environments),
        configuration_options(runners),
        policy(policies, runners.parallel, may_build=environments is not None),
        service_owned(runners, progress),
        *plugins(wish.timeout_seconds),
    ]


def _runners(
    kept: KeptRunners | None, context: CheckContext, wish: EnvironmentWish, progress: Callable[[str], None]
) -> NewRunners:
    if kept is None:
        return BorrowedRunners(context.directories.state, context, wish, progress)
    return RunnersOfRound(kept, context, wish, progress)


def _chosen(cloud: Cloud | None, named: Iterable[str]) -> tuple[str, ...]:
    """The services to check. Raises UnknownService for a named one that the catalogue or the cloud file has not."""
    chosen = tuple(dict.fromkeys(named))
    for service in chosen:
        recipe(service)
        if cloud is not None:
            cloud.service(service)
    if chosen or cloud is None:
        return chosen
    known = services()
    return tuple(name for name in cloud.services if name in known)
