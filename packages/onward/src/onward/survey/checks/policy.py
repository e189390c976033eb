"""The policy of each service: what ``onward policy check`` finds, as one of the checks."""

from collections.abc import Iterator
from functools import partial

from onward.catalog.load import recipe, series_list
from onward.checks.finding import Finding, finding_of, unclear
from onward.checks.policy import shortened
from onward.checks.service_owned import NONE_OF_ITS_OWN
from onward.errors import OnwardError
from onward.survey.checks.check import Check, Look
from onward.survey.checks.context import CheckContext
from onward.survey.checks.side_by_side import side_by_side
from onward.survey.policies import PolicyEnvironments
from onward.survey.policy_check import place_of_unit, policy_of


def policy(environments: PolicyEnvironments, parallel: int, *, may_build: bool) -> Check:
    """The check of all chosen services, ``parallel`` at a time. It keeps to times of its own: each release has one.

    Where nothing may be built, only releases that are installed already are asked.
    """
    return Check("policy", _look(environments, parallel, may_build), timeout_seconds=None)


def _look(environments: PolicyEnvironments, parallel: int, may_build: bool) -> Look:
    def look(context: CheckContext) -> Iterator[Finding]:
        for findings in side_by_side(
            [partial(_of, environments, context, service, may_build) for service in context.services], parallel
        ):
            yield from findings

    return look


def _of(environments: PolicyEnvironments, context: CheckContext, service: str, may_build: bool) -> list[Finding]:
    """The findings on one service. Raises nothing but bugs."""
    if recipe(service).policy is None:
        return [Finding("policy", "not-checked", NONE_OF_ITS_OWN, about=service)]
    entry, apart = context.entry(service), ""
    try:
        path = [series.id for series in context.path(service)]
    except OnwardError as error:
        # What is wrong with its database, or with the wish, is said by others. Its files can be looked at all the same.
        told = context.target.id if context.target is not None else context.said or entry.series
        if told is None:
            return [finding_of("policy", error, about=service)]
        path, apart = [series_list().find(told).id], error.what
    source, target = path[0], path[-1]
    command = f"onward policy check {service} --from {source}" + (f" --to {target}" if source != target else "")
    if not may_build and not environments.there(service, target):
        return [unclear("policy", f"{service} of {target} is not installed here to be asked", command, service)]
    # Without those on the way it is not known when something went; without the first, not who gets in after the move.
    way = [each for each in path if each == target or _can_be_asked(environments, service, each, may_build)]
    findings = shortened(policy_of(environments, place_of_unit(service, entry), way), command)
    if source not in way:
        apart = f"{service} of {source} cannot be asked here"
    if apart and context.target is not None:
        why = f"who gets in after the move is not compared: {apart}"
        findings.append(Finding("policy after the move", "not-checked", why, command, service))
    return findings


def _can_be_asked(environments: PolicyEnvironments, service: str, series: str, may_build: bool) -> bool:
    if not may_build:
        return environments.there(service, series)
    try:
        environments.environment(service, series)
    except OnwardError:
        return False
    return True
