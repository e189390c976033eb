"""Whether the release that a service is to run reads all that its configuration files say."""

from collections.abc import Iterator, Sequence
from functools import partial

from onward.catalog.load import recipe
from onward.catalog.series import Series
from onward.checks.finding import Finding, finding_of
from onward.checks.options import VALUES, option_findings, refused
from onward.errors import OnwardError
from onward.hosts.options import release_options
from onward.model.options import ReleaseOptions, SetOption
from onward.observe.settings import Settings
from onward.survey.checks.check import Check
from onward.survey.checks.context import NOT_OSLO_CONFIG, CheckContext
from onward.survey.checks.service_owned import Runners
from onward.survey.checks.side_by_side import side_by_side


def configuration_options(runners: Runners) -> Check:
    """The check. It keeps to times of its own: a release has one to answer in."""

    def look(context: CheckContext) -> Iterator[Finding]:
        works = [partial(_of_service, runners, context, service) for service in context.services]
        for findings in side_by_side(works, runners.parallel):
            yield from findings

    return Check("configuration options", look, timeout_seconds=None)


def _of_service(runners: Runners, context: CheckContext, service: str) -> list[Finding]:
    """What is to be said of one service. Raises nothing but bugs."""
    if not recipe(service).options:
        return [Finding(VALUES, "not-checked", NOT_OSLO_CONFIG, about=service)]
    try:
        path, options = context.path(service), set_options(context.settings(service), service)
        target = _listed(runners, service, path[-1])
    except OnwardError as error:
        return [finding_of(VALUES, error, about=service)]
    earlier, unasked = _before(runners, service, path, target, options)
    return list(option_findings(service, options, [*earlier, target], unasked, moves=len(path) > 1))


def _before(
    runners: Runners, service: str, path: Sequence[Series], target: ReleaseOptions, options: Sequence[SetOption]
) -> tuple[list[ReleaseOptions], dict[str, str]]:
    """What the releases before the target list, as far as it matters, and by series why one could not be asked.

    To ask a release takes seconds, and to build it minutes: nothing has gone of what the target reads, and what the
    source does not list is nothing that a release after it would.
    """
    unknown, earlier, unasked = target.unknown(options), list[ReleaseOptions](), dict[str, str]()
    for series in path[:-1] if unknown or refused(target, options) else ():
        if earlier and not unasked and not any(earlier[0].reads(each) for each in unknown):
            break
        try:
            earlier.append(_listed(runners, service, series))
        except OnwardError as error:
            unasked[series.id] = f"{error.code}: {error.what}"
    return earlier, unasked


def _listed(runners: Runners, service: str, series: Series) -> ReleaseOptions:
    return release_options(runners.environment(service, series), recipe(service), series.id)


def set_options(settings: Settings, service: str) -> list[SetOption]:
    """All that the files of a service set."""
    sections = _named_sections(settings, service)
    return [
        SetOption(
            group=group,
            name=name,
            value=settings.text(group, name) or "",
            file=settings.set_in(group, name),
            takes=sections.get(group, ()),
        )
        for group in settings.groups()
        for name in settings.options(group)
    ]


def _named_sections(settings: Settings, service: str) -> dict[str, tuple[str, ...]]:
    """Groups whose options the sections take that the operator has named."""
    found: dict[str, tuple[str, ...]] = {}
    for each in recipe(service).named_sections:
        names = (word.partition(":")[0].strip() for word in settings.listed(*each.option))
        found |= dict.fromkeys((*names, *each.always), each.takes)
    return found
