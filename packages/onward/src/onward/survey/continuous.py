"""What the upgrade of one service, stand-alone and from nothing, is computed from."""

from collections.abc import Mapping
from pathlib import Path

from onward.catalog.load import in_force, recipe, series_list, services
from onward.catalog.migrations import finishing_commands, schema_charm, waits
from onward.catalog.service import ForwardRecipe
from onward.errors import InvalidCloudFile, ServiceNotMoved
from onward.hosts.interpreters import find_interpreters
from onward.hosts.state import Directories
from onward.model.reproducer import ServiceTrial
from onward.plan.cloud_rehearsal import CloudRehearsalWish, LaneWish, plan_cloud_rehearsal
from onward.plan.plan import Plan
from onward.survey.environments import choose_environments
from onward.survey.machine import require_room, require_tools
from onward.survey.options import EnvironmentWish
from onward.survey.rehearsal import RehearsalRequest, survey_rehearsal

COPY_BYTES = 200_000_000
"""Disk for new databases of one service and their checkpoint; measured 60 MB (placement) to 110 MB (nova)."""


def services_tried() -> tuple[str, ...]:
    """The services that can be taken from release to release stand-alone, Keystone first."""
    able = [name for name in services() if isinstance(recipe(name), ForwardRecipe) or _from_nothing(name)]
    return tuple(sorted(able, key=lambda name: name != "keystone"))


def survey_service_trial(
    directories: Directories, wish: ServiceTrial, seeds: Path | None, environments: EnvironmentWish
) -> Plan:
    """The plan of it. Raises UnknownService, ServiceNotMoved, UnknownSeries, TargetNotAhead, InterpreterMissing.

    ``seeds`` is the directory that the wish's ``seed`` is in.
    """
    known = recipe(wish.service)
    if isinstance(known, ForwardRecipe):
        return survey_rehearsal(directories, _demonstration(wish, environments))
    if not _from_nothing(wish.service):
        raise ServiceNotMoved(
            f"Onward does not know how to take {wish.service} forward.",
            evidence=f"can be tried: {', '.join(services_tried())}",
            next_command="onward ci services --help",
        )
    require_tools("mariadb", copying=False)
    path = series_list().path(wish.source, wish.target, slurp=wish.slurp)
    choices = choose_environments(directories, wish.service, path, find_interpreters(), environments)
    require_room(directories, wish.service, choices, COPY_BYTES)
    seed = _seed(seeds, wish.seed)
    facts: Mapping[str, str] = {"source": path[0].id, **({"seed": wish.seed} if wish.seed else {})}
    return plan_cloud_rehearsal(
        CloudRehearsalWish(
            cloud=f"ci-{wish.service}",
            lanes=(
                LaneWish(
                    service=wish.service,
                    path=tuple(series.id for series in path),
                    seed=str(seed or ""),
                    seed_bytes=seed.stat().st_size if seed is not None else 0,
                    environments=choices,
                    asked=False,
                    finishes=bool(in_force(finishing_commands(known), path[0].id)),
                    waits=waits(known, path[-1].id),
                ),
            ),
            facts=dict(facts),
            parallel=environments.parallel,
        )
    )


def _from_nothing(service: str) -> bool:
    return bool(recipe(service).connections) and schema_charm(service) is not None


def _seed(directory: Path | None, name: str) -> Path | None:
    if not name or directory is None:
        return None
    file = (directory / name).absolute()
    if not file.is_file():
        raise InvalidCloudFile(f"{file} is no file.", next_command="name a file of SQL: --seed SERVICE=FILE")
    return file


def _demonstration(wish: ServiceTrial, environments: EnvironmentWish) -> RehearsalRequest:
    if wish.seed:
        raise InvalidCloudFile(
            f"A new {wish.service} is filled through its API, and takes no file of SQL.",
            next_command=f"onward rehearse --dump {wish.service}=FILE",
        )
    return RehearsalRequest(
        demo=True,
        dump=None,
        copy_of=None,
        cloud_file=Path("cloud.yaml"),
        service=wish.service,
        source=wish.source,
        target=wish.target,
        slurp=wish.slurp,
        scratch="mariadb",
        size="small",
        keep=False,
        environments=environments,
    )
