"""The checks that services bring along, run with the code of every series on the way, all side by side."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from signal import SIGKILL
from threading import Lock
from typing import Protocol

from onward.actions.build_environment import specification
from onward.actions.check_upgrade import ask_release
from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.series import Series
from onward.checks.finding import Finding, finding_of
from onward.checks.service_owned import NOT_YET, none_of_its_own, told_all_the_same
from onward.errors import OnwardError, RunnerDied
from onward.hosts.environments import Environment, EnvironmentSpec, build
from onward.hosts.lent_runner import ReleaseCommands
from onward.hosts.runner import Runner, warm_runner
from onward.observe.database import count_rows
from onward.survey.checks.check import Check, Look
from onward.survey.checks.context import CheckContext
from onward.survey.checks.heartbeats import ignoring, old_ones_ignored
from onward.survey.checks.side_by_side import side_by_side
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish

NAME = "service-owned"
COMMAND_SECONDS = 300.0
"""A check of a service that takes longer than this could not tell."""


class Runners(Protocol):
    """Where warm runners come from: made for the purpose, or those of a run."""

    parallel: int
    """How many may be at work at once."""

    def runner(self, service: str, series: Series) -> AbstractContextManager[ReleaseCommands]:
        """A runner with the code of a series. Entering it raises an OnwardError where it cannot be had."""
        ...

    def environment(self, service: str, series: Series) -> Path:
        """The directory of a series' environment. Raises an OnwardError where it cannot be had."""
        ...


class NewRunners:
    """Runners that are started for the checks and ended after them, so that memory holds no more than are at work.

    When its context is left early, by Ctrl-C, those at work are killed: their checks end, and no other begins.
    """

    def __init__(self, context: CheckContext, wish: EnvironmentWish, progress: Callable[[str], None]) -> None:
        self.parallel = wish.parallel
        self._context = context
        self._wish = wish
        self._progress = progress
        self._at_work: set[int] = set()
        self._over = False
        self._lock = Lock()

    def __enter__(self) -> "NewRunners":
        return self

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._over = True
            for pid in self._at_work:
                with suppress(ProcessLookupError):  # It may have ended by itself.
                    os.kill(pid, SIGKILL)

    @contextmanager
    def runner(self, service: str, series: Series) -> Iterator[ReleaseCommands]:
        """Build the environment unless it is there, and import the code."""
        with self.imported(service, series) as runner:
            with self._lock:
                if self._over:
                    raise RunnerDied("The checks were ended before this one began.")
                if isinstance(runner, Runner):  # Another process's is not to be killed from here.
                    self._at_work.add(runner.pid)
            try:
                yield runner
            finally:
                with self._lock:
                    self._at_work.discard(runner.pid)

    @contextmanager
    def imported(self, service: str, series: Series) -> Iterator[ReleaseCommands]:
        """A runner that has imported the code, until the context is left."""
        with self.started(service, series) as runner:
            yield runner

    @contextmanager
    def started(self, service: str, series: Series) -> Iterator[Runner]:
        """Build the environment unless it is there, and import the code: a runner until the context is left."""
        environment = self._built(service, series, "building and importing it")
        known = recipe(service)
        with (
            tempfile.TemporaryDirectory(prefix="onward-check-") as logs,
            warm_runner(environment.python, known.warm_modules, Path(logs) / "runner.log", known.variables) as runner,
        ):
            yield runner

    def environment(self, service: str, series: Series) -> Path:
        """Build it unless it is there."""
        return self._built(service, series, "asking for its options").path

    def _built(self, service: str, series: Series, doing: str) -> Environment:
        specified = self._specified(service, series)
        self._progress(f"{service} {series.id}: {doing}")
        return build(specified, self._context.directories)

    def _specified(self, service: str, series: Series) -> EnvironmentSpec:
        directories, interpreters = self._context.directories, self._context.interpreters()
        choice = choose_environments(directories, service, (series,), interpreters, self._wish)[series.id]
        return specification(service, choice)


def service_owned(runners: Runners, progress: Callable[[str], None]) -> Check:
    """The check that runs them. It keeps to times of its own: each command has one."""
    return Check(NAME, _look(runners, progress), timeout_seconds=None)


def _look(runners: Runners, progress: Callable[[str], None]) -> Look:
    def look(context: CheckContext) -> Iterator[Finding]:
        wanted: list[tuple[str, Series]] = []
        for service in context.services:
            try:
                path = context.path(service)
            except OnwardError as error:
                yield finding_of("upgrade-check", error, about=service)
                continue
            wanted += [(service, series) for series in (path[1:] if context.target is not None else path)]
        for findings in side_by_side(
            [partial(_ask, runners, context, service, series, progress) for service, series in wanted],
            runners.parallel,
        ):
            yield from findings

    return look


def _ask(
    runners: Runners, context: CheckContext, service: str, series: Series, progress: Callable[[str], None]
) -> list[Finding]:
    """What one release says. Raises nothing but bugs."""
    about = f"{service} {series.id}"
    known = recipe(service)
    if not in_force(known.checks, series.id):
        return [none_of_its_own("upgrade-check", about, known.checks_not_run)]
    try:
        # Its password may stand in what a release prints.
        context.database_url(service)
        with (
            runners.runner(service, series) as runner,
            tempfile.TemporaryDirectory(prefix="onward-check-") as logs,
        ):
            _, findings = ask_release(
                service,
                series.id,
                runner,
                [Path(path) for path in context.entry(service).configuration],
                log_of=lambda check: Path(logs) / f"{check}.log",
                rows=lambda query: count_rows(context.read_only(service), query),
                progress=progress,
                timeout_seconds=COMMAND_SECONDS,
                older_schema=_older(context.source(service), series),
            )
    except OnwardError as error:
        return [finding_of("upgrade-check", error, about=about)]
    if known.heartbeats is not None and old_ones_ignored(context, service):
        name, option = known.heartbeats.oldest_check, ignoring(known.heartbeats)
        findings = [told_all_the_same(finding, name, option) for finding in findings]
    return [_with_way_out(finding, context, service) for finding in findings]


def _older(schema: Series, series: Series) -> str:
    """The series of the schema, where it is before another one."""
    position = series_list().position
    return schema.id if position(schema.id) < position(series.id) else ""


def _with_way_out(finding: Finding, context: CheckContext, service: str) -> Finding:
    """A release further on may not be able to read a database that has not been taken there; a rehearsal takes one."""
    unknown = finding.result == "could-not-tell" or finding.details.startswith(NOT_YET)
    if not unknown or finding.way_out or context.target is None or context.cloud is None:
        return finding
    way_out = f"onward rehearse --service {service} --to {context.target.id}"
    if context.directories.model_store(context.cloud.cloud).exists:
        way_out = f"onward rehearse --model {context.cloud.cloud} --service {service} --to {context.target.id}"
    return replace(finding, way_out=way_out)
