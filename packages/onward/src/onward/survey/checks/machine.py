"""The machine that Onward runs on, which is mostly one that the services run on."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from onward.catalog.load import recipe
from onward.catalog.service import ForwardRecipe
from onward.checks.finding import Finding
from onward.checks.machine import MachineNeeds, machine_findings
from onward.errors import OnwardError
from onward.observe.machine import observe_machine
from onward.survey.checks.context import CheckContext
from onward.survey.machine import RELEASE_BYTES


def machine(context: CheckContext) -> Iterator[Finding]:
    """Whether it has room on its disks and in memory."""
    directories = context.directories
    places = [("runs", directories.state), ("environments", directories.cache), *_logs(context)]
    yield from machine_findings(observe_machine(places), _needs(context))


def _logs(context: CheckContext) -> Iterator[tuple[str, Path]]:
    """Where the services' logs are, as far as their configuration says it. What fills a disk are mostly these."""
    for service in context.services if context.cloud is not None else ():
        # Another check says what is wrong with the configuration.
        with suppress(OnwardError):
            settings = context.settings(service)
            directory = Path(settings.text("DEFAULT", "log_dir", formerly=[("DEFAULT", "logdir")]) or "")
            file = Path(settings.text("DEFAULT", "log_file", formerly=[("DEFAULT", "logfile")]) or "")
            path = directory / file.parent
            if path.is_absolute() and path.is_dir():
                yield f"logs of {service}", path


def _needs(context: CheckContext) -> MachineNeeds:
    releases, largest = 1, 0
    for service in context.services if context.target is not None else ():
        # The check of the way says what stands in it.
        with suppress(OnwardError):
            if isinstance(recipe(service), ForwardRecipe):
                releases = 0 if context.prepared else max(releases, len(context.path(service)) - 1)
                largest = max(largest, context.found(service).bytes)
    return MachineNeeds(releases, RELEASE_BYTES, largest)
