"""What the rehearsal of a service's way out of another one's database is computed from."""

from pathlib import Path

from onward.catalog.load import recipe, series_list
from onward.catalog.service import Extraction
from onward.errors import DumpOfAnotherService, SourceSeriesUnclear
from onward.hosts.interpreters import find_interpreters
from onward.hosts.state import Directories
from onward.observe.dump import scan_dump
from onward.plan.extraction import ExtractionWish, plan_extraction
from onward.plan.plan import Plan
from onward.plan.rehearsal import DumpSource
from onward.survey.environments import choose_environments
from onward.survey.machine import require_room, require_tools
from onward.survey.options import EnvironmentWish

COPY_FACTOR = 3


def extraction_of(service: str) -> Extraction | None:
    """How a service got a database of its own; None where it always had one. Raises UnknownService."""
    return recipe(service).extraction


def survey_extraction(
    directories: Directories,
    service: str,
    file: Path,
    *,
    source: str | None,
    target: str | None,
    environments: EnvironmentWish,
    keep: bool,
) -> Plan:
    """The plan of it, from a dump of the other service's database.

    Raises SourceSeriesUnclear, DumpOfAnotherService, TargetNotAhead, InterpreterMissing.
    """
    known, order = recipe(service), series_list()
    extraction = known.extraction
    if extraction is None:
        raise DumpOfAnotherService(f"{service} always had a database of its own.")
    began = order.find(source).id if source is not None else None
    if began is None or order.position(began) > order.position(extraction.until):
        raise SourceSeriesUnclear(
            f"Which series of {extraction.owner} the dump is of has to be said: its tables do not tell.",
            evidence=f"{service} is taken out of {extraction.database} of {extraction.until} or the series before it"
            + (f", and --from says {source}" if source is not None else ""),
            next_command=f"onward rehearse --dump {service}={file} --from {extraction.until}",
        )
    facts = scan_dump(file, known, extraction.tables)
    status = file.stat()
    path = tuple(series.id for series in order.path(began, target or [each.id for each in order][-1]))
    used = tuple(order.find(each) for each in dict.fromkeys((extraction.taken_by, *path[1:])))
    choices = choose_environments(directories, service, used, find_interpreters(), environments)
    require_tools("mariadb", copying=True)
    require_room(directories, service, choices, facts.bytes * COPY_FACTOR)
    return plan_extraction(
        ExtractionWish(
            cloud=file.name.split(".")[0] or service,
            service=service,
            path=path,
            extraction=extraction,
            dump=DumpSource(path=str(file), size=status.st_size, modified=status.st_mtime),
            environments=choices,
            facts={"source": began, "dump": str(file), "size": status.st_size},
            parallel=environments.parallel,
            keep=keep,
        )
    )
