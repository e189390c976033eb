"""Everything a rehearsal's plan is computed from. Bad input is refused here, before anything is touched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from onward.actions.scratch import SCRATCH_PASSWORD
from onward.catalog.load import forward_recipe, series_list
from onward.catalog.series import Series
from onward.errors import InvalidCloudFile, UnknownSeries
from onward.hosts.interpreters import Interpreter, find_interpreters, longest_path
from onward.hosts.state import Directories
from onward.model.cloud import Cloud
from onward.observe.database import shown
from onward.observe.dump import scan_dump
from onward.plan.plan import Plan
from onward.plan.rehearsal import CopySource, DemoSource, DumpSource, RehearsalWish, Source, plan_rehearsal
from onward.survey.cloud import load_cloud
from onward.survey.cloud_rehearsal import rehearsable, survey_cloud_rehearsal
from onward.survey.database import checked_url, look_at, named_database, series_at
from onward.survey.environments import choose_environments
from onward.survey.extraction import extraction_of, survey_extraction
from onward.survey.machine import require_room, require_tools
from onward.survey.model_cloud import cloud_of_model, environments_of_model
from onward.survey.options import EnvironmentWish

AUTO = "auto"
_BACKENDS: dict[str, Literal["sqlite", "mariadb"]] = {"sqlite": "sqlite", "mariadb": "mariadb"}
COPY_FACTOR = 3
"""A migration may hold a table twice, and its checkpoint once more."""


@dataclass(frozen=True)
class RehearsalRequest:
    """What was typed."""

    demo: bool
    dump: str | None
    copy_of: str | None
    cloud_file: Path
    service: str | None
    """None: Keystone; of a cloud file or a model, all services that have databases."""
    source: str | None
    target: str | None
    slurp: bool
    scratch: str
    size: Literal["demo", "small"]
    keep: bool
    environments: EnvironmentWish
    model: str | None = None


@dataclass(frozen=True)
class Found:
    """What is to be copied, and where it stands."""

    cloud: str
    source: Source
    path: tuple[Series, ...]
    backend: Literal["sqlite", "mariadb"]
    bytes: int
    facts: dict[str, JsonValue]


def survey_rehearsal(directories: Directories, request: RehearsalRequest) -> Plan:
    """The plan of the rehearsal that was asked for. Raises a Refused error for bad input."""
    described = _described(directories, request)
    if described is not None:
        services = (request.service,) if request.service is not None else rehearsable(described)
        if services != ("keystone",):
            return survey_cloud_rehearsal(
                directories,
                described,
                _on_mariadb(request, services),
                source=request.source,
                target=request.target,
                slurp=request.slurp,
                environments=request.environments
                if request.model is None
                else environments_of_model(directories, request.model, request.environments),
                keep=request.keep,
                facts={} if request.model is None else {"model": request.model},
            )
    service, dump = _service_and_dump(request)
    if dump is not None and extraction_of(service) is not None:
        return survey_extraction(
            directories,
            service,
            dump,
            source=request.source,
            target=request.target,
            environments=request.environments,
            keep=request.keep,
        )
    forward_recipe(service)
    interpreters = find_interpreters()
    if request.demo:
        found = _demo(request, service, interpreters)
    elif dump is not None:
        found = _dump(request, service, dump)
    else:
        found = _database(described, request, service)
    backend, scratch_url = _scratch(request, found)
    environments = choose_environments(directories, service, found.path, interpreters, request.environments)
    require_tools(backend, copying=isinstance(found.source, CopySource))
    require_room(directories, service, environments, found.bytes * COPY_FACTOR)
    return plan_rehearsal(
        RehearsalWish(
            cloud=found.cloud,
            service=service,
            path=tuple(series.id for series in found.path),
            source=found.source,
            backend=backend,
            scratch_url=scratch_url,
            environments=environments,
            facts={"source": found.path[0].id, **found.facts},
            parallel=request.environments.parallel,
            keep=request.keep,
        )
    )


def _service_and_dump(request: RehearsalRequest) -> tuple[str, Path | None]:
    """``--dump keystone=FILE`` names the service as well."""
    usual = request.service or "keystone"
    if request.dump is None:
        return usual, None
    service, separator, file = request.dump.partition("=")
    return (service, Path(file).absolute()) if separator else (usual, Path(request.dump).absolute())


def _demo(request: RehearsalRequest, service: str, interpreters: tuple[Interpreter, ...]) -> Found:
    """A demonstration takes the longest path that the interpreters and the releases themselves can carry."""
    oldest = series_list().position(forward_recipe(service).demonstration_from)
    longest = [
        series
        for series in longest_path(series_list(), interpreters, service)
        if series_list().position(series.id) >= oldest
    ]
    ends = [series.id for series in longest if series.slurp or not request.slurp]
    if len(ends) < 2 and not (request.source and request.target):
        raise UnknownSeries(
            "There are not two series that this demonstration could go between.",
            evidence=f"the interpreters here can carry {', '.join(series.id for series in longest)}",
            next_command="onward series list",
        )
    path = series_list().path(request.source or ends[0], request.target or ends[-1], slurp=request.slurp)
    return Found("demo", DemoSource(size=request.size), path, "sqlite", 50_000_000, {})


def _dump(request: RehearsalRequest, service: str, file: Path) -> Found:
    facts = scan_dump(file, forward_recipe(service))
    series = series_at(facts.schema, service, request.source)
    status = file.stat()
    return Found(
        cloud=file.name.split(".")[0] or service,
        source=DumpSource(path=str(file), size=status.st_size, modified=status.st_mtime),
        path=_path(request, series),
        backend="sqlite" if facts.kind == "sqlite" else "mariadb",
        bytes=facts.bytes,
        facts={"dump": str(file), "size": status.st_size},
    )


def _on_mariadb(request: RehearsalRequest, services: tuple[str, ...]) -> tuple[str, ...]:
    """The services, unless another place was named for their copies. Raises InvalidCloudFile."""
    if request.scratch not in (AUTO, "mariadb"):
        raise InvalidCloudFile(
            "Copies of several databases are held by a private MariaDB server for each service.",
            evidence=f"--scratch {request.scratch}, and to be rehearsed are {', '.join(services)}",
            next_command="leave out --scratch, or say --service keystone",
        )
    return services


def _described(directories: Directories, request: RehearsalRequest) -> Cloud | None:
    """The model, or the cloud of the cloud file; None where something else was named. Raises InvalidCloudFile."""
    if request.demo or request.dump is not None or request.copy_of is not None:
        return None
    if request.model is not None:
        return cloud_of_model(directories, request.model)
    if not request.cloud_file.exists():
        raise InvalidCloudFile(
            "Nothing was said of what is to be rehearsed.",
            evidence=f"there is no {request.cloud_file}, and nothing of --demo, --dump, --copy-of, --model",
            next_command="onward rehearse --demo\nonward init --from-config /etc/keystone/keystone.conf",
        )
    return load_cloud(request.cloud_file)


def _database(described: Cloud | None, request: RehearsalRequest, service: str) -> Found:
    """The database that was named, that of a deployed model, or that of the cloud file."""
    if described is None:
        url, configuration = named_database(str(request.copy_of), service)
        cloud, said = f"{service}-at-{url.host or 'localhost'}", request.source
    else:
        entry = described.service(service)
        url, configuration = named_database("config:" + ",".join(entry.configuration), service)
        cloud, said = described.cloud, request.source or entry.series
    found = look_at(url, configuration, service, said)
    return Found(
        cloud=cloud,
        source=CopySource(shown=shown(url), configuration=configuration),
        path=_path(request, found.series),
        backend="sqlite" if url.get_backend_name() == "sqlite" else "mariadb",
        bytes=found.bytes,
        facts={"database": shown(url), **({"model": request.model} if request.model is not None else {})},
    )


def _path(request: RehearsalRequest, series: str) -> tuple[Series, ...]:
    known = series_list()
    newest = next(each.id for each in reversed(list(known)) if each.slurp or not request.slurp)
    return known.path(series, request.target or newest, slurp=request.slurp)


def _scratch(request: RehearsalRequest, found: Found) -> tuple[Literal["sqlite", "mariadb", "named"], str | None]:
    """Which database holds the copy. A dump in SQL needs MariaDB; an SQLite file stays SQLite."""
    if request.scratch == AUTO:
        return found.backend, None
    if request.scratch in _BACKENDS:
        if request.scratch != found.backend and not isinstance(found.source, DemoSource):
            raise InvalidCloudFile(
                f"A copy of this source cannot be held by {request.scratch}.",
                evidence=f"the source is {found.backend}, and a rehearsal does not translate between databases",
                next_command="leave out --scratch",
            )
        return _BACKENDS[request.scratch], None
    return "named", checked_url(request.scratch, SCRATCH_PASSWORD)._replace(password=None).render_as_string()
