"""Finds out whether a service is fit to be taken to a series. Only reads; environments are built in the cache."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from onward.actions.build_environment import specification
from onward.actions.check_upgrade import run_check
from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.series import Series
from onward.checks.finding import Finding
from onward.checks.readiness import Readiness
from onward.errors import OnwardError
from onward.hosts.environments import build
from onward.hosts.interpreters import find_interpreters
from onward.hosts.runner import warm_runner
from onward.hosts.state import Directories
from onward.model.cloud import Service
from onward.observe.database import shown, writable
from onward.plan.forward import EnvironmentChoice
from onward.survey.cloud import load_cloud
from onward.survey.database import DatabaseFound, look_at, named_database
from onward.survey.environments import choose_environments
from onward.survey.machine import require_room
from onward.survey.options import EnvironmentWish
from onward.survey.upgrade import BACKUP_FACTOR, require_no_fault

CHECK_SECONDS = 300.0
"""A check of a service that takes longer than this could not tell."""


def survey_check(
    directories: Directories,
    cloud_file: Path,
    service: str,
    *,
    target: str,
    source: str | None,
    slurp: bool,
    environments: EnvironmentWish,
    progress: Callable[[str], None],
) -> list[Finding]:
    """All findings, Onward's own first. Raises only for a wish that makes no sense: unknown series or service."""
    recipe(service)
    entry = load_cloud(cloud_file).service(service)
    series_list().find(target)
    readiness = Readiness()
    found = readiness.look(
        "database",
        lambda: _look(entry, service, source),
        lambda seen: f"{shown(seen.url)} is at {seen.series}",
    )
    if found is None:
        return readiness.findings
    readiness.look("database accepts writes", lambda: writable(found.url))
    path = series_list().path(found.series, target, slurp=slurp)
    readiness.look("path", lambda: path, lambda seen: " -> ".join(series.id for series in seen))
    readiness.look("known faults", lambda: require_no_fault(entry, service, path[1:]))
    choices = readiness.look(
        "interpreters and constraints",
        lambda: choose_environments(directories, service, path[1:], find_interpreters(), environments),
        _interpreters,
    )
    if choices is None:
        return readiness.findings
    readiness.look("disk", lambda: require_room(directories, service, choices, found.bytes * BACKUP_FACTOR))
    checked = _service_checks(directories, entry, service, path[-1], choices[path[-1].id], progress)
    return [*readiness.findings, *checked]


def _look(entry: Service, service: str, said: str | None) -> DatabaseFound:
    url, configuration = named_database("config:" + ",".join(entry.configuration), service)
    return look_at(url, configuration, service, said or entry.series)


def _interpreters(choices: dict[str, EnvironmentChoice]) -> str:
    versions = dict.fromkeys(choice.python_version for choice in choices.values())
    return f"Python {', '.join(versions)} for {len(choices)} series"


def _service_checks(
    directories: Directories,
    entry: Service,
    service: str,
    target: Series,
    choice: EnvironmentChoice,
    progress: Callable[[str], None],
) -> list[Finding]:
    """The target release's own checks, run with its own code against the cloud's database."""
    known = recipe(service)
    checks = in_force(known.checks, target.id)
    if not checks:
        return [Finding(f"{service} {target.id}", "could-not-tell", "the release has no checks of its own")]
    files = [Path(path) for path in entry.configuration]
    progress(f"building and importing {service} of {target.id}")
    findings: list[Finding] = []
    try:
        environment = build(specification(service, choice), directories)
        with (
            tempfile.TemporaryDirectory(prefix="onward-check-") as logs,
            warm_runner(environment.python, known.warm_modules, Path(logs) / "runner.log", known.variables) as runner,
        ):
            for check in checks:
                findings += run_check(runner, check, files, Path(logs) / f"{check.name}.log", CHECK_SECONDS)[1]
    except OnwardError as error:
        findings.append(Finding(f"{service} {target.id}", "could-not-tell", error.what, error.next_command))
    return findings
