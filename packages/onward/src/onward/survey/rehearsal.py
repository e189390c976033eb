"""Everything a rehearsal's plan is computed from. Bad input is refused here, before anything is touched."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from onward.catalog.load import recipe, series_list
from onward.catalog.series import Series
from onward.errors import DumpCorrupt, InvalidCloudFile, PasswordOnCommandLine, UnreadableConfig
from onward.hosts.interpreters import find_interpreters, longest_path
from onward.hosts.state import Directories
from onward.observe.configuration import read_configuration
from onward.observe.database import shown
from onward.observe.dump import scan_dump
from onward.observe.machine import require_disk
from onward.plan.plan import Plan
from onward.plan.rehearsal import CopySource, DemoSource, DumpSource, RehearsalWish, Source, plan_rehearsal
from onward.survey.cloud import load_cloud
from onward.survey.database import DatabaseFacts, look_at, series_of_schema, source_url
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish

ENVIRONMENT_BYTES = 150_000_000
"""Disk that the environment of one Keystone release takes, measured; shared files are counted once by the cache."""
RUN_BYTES = 200_000_000
"""Disk for logs, evidence and checkpoints of a run, beside its copy."""


@dataclass(frozen=True)
class RehearsalRequest:
    """What was typed."""

    demo: bool
    dump: str | None
    copy_of: str | None
    cloud_file: Path
    service: str
    source: str | None
    target: str | None
    slurp: bool
    scratch: str
    size: str
    keep: bool
    environments: EnvironmentWish


@dataclass(frozen=True)
class Found:
    """What is to be copied, and where it stands."""

    cloud: str
    source: Source
    series: str
    is_sqlite: bool
    bytes: int
    facts: dict[str, JsonValue]


def survey_rehearsal(directories: Directories, request: RehearsalRequest) -> Plan:
    """The plan of the rehearsal that was asked for. Raises an error of the Refused kind for bad input."""
    recipe(request.service)
    interpreters = find_interpreters()
    if request.demo:
        path = _demo_path(request, longest_path(series_list(), interpreters, request.service))
        found = Found("demo", DemoSource(size=_size(request.size)), path[0].id, True, 0, {"source": path[0].id})
    else:
        found = _look(directories, request)
        target = request.target or list(series_list())[-1].id
        path = series_list().path(found.series, target, slurp=request.slurp)
    choices = choose_environments(directories, request.service, path, interpreters, request.environments)
    missing = sum(1 for series in path if not (directories.environments.is_dir() and any(
        directories.environments.glob(f"{request.service}-{series.id}-*"))))
    require_disk(directories.state, found.bytes * 3 + RUN_BYTES, "the copy and the run's evidence")
    require_disk(directories.cache, missing * ENVIRONMENT_BYTES, f"{missing} environments")
    return plan_rehearsal(
        RehearsalWish(
            cloud=found.cloud,
            service=request.service,
            path=tuple(series.id for series in path),
            source=found.source,
            backend=_backend(request, found),
            scratch_url=_scratch_url(request.scratch),
            environments=choices,
            facts=found.facts,
            parallel=request.environments.parallel,
            keep=request.keep,
        )
    )


def _demo_path(request: RehearsalRequest, longest: tuple[Series, ...]) -> tuple[Series, ...]:
    """The longest path the interpreters allow, cut to what was asked for."""
    source = request.source or next((each.id for each in longest if each.slurp or not request.slurp), longest[0].id)
    target = request.target or [each for each in longest if each.slurp or not request.slurp][-1].id
    return series_list().path(source, target, slurp=request.slurp)


def _size(word: str) -> str:
    return word


def _look(directories: Directories, request: RehearsalRequest) -> Found:
    """Look at the dump or the database."""
    if request.dump is not None:
        return _look_at_dump(request, request.dump)
    return _look_at_database(request)


def _look_at_dump(request: RehearsalRequest, words: str) -> Found:
    service, separator, file = words.partition("=")
    if not separator:
        service, file = request.service, words
    path = Path(file).absolute()
    facts = scan_dump(path, recipe(service))
    try:
        status = path.stat()
    except OSError as error:
        raise DumpCorrupt(f"{path} cannot be read.", evidence=str(error)) from None
    series = series_of_schema(facts.schema, service, request.source)
    return Found(
        cloud=path.name.split(".")[0],
        source=DumpSource(path=str(path), size=status.st_size, modified=status.st_mtime),
        series=series,
        is_sqlite=facts.kind == "sqlite",
        bytes=facts.bytes,
        facts={"source": series, "dump": str(path), "size": status.st_size},
    )
