"""The checks of a run: the same as those of ``onward check``, with the run's own runners."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onward.actions.check_cloud import Gate, GateRequest
from onward.catalog.load import series_list
from onward.catalog.series import Series
from onward.checks.finding import Finding
from onward.errors import OptionsNotListed
from onward.hosts.constraints import AS_OF_RELEASE
from onward.hosts.runner import Runner
from onward.hosts.state import Directories
from onward.model.cloud import Cloud
from onward.survey.check import CheckWish, check_cloud
from onward.survey.checks.context import CheckContext
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments

PARALLEL = 4
"""Releases that are asked at once: their code is imported already."""


class _RunnersOfRun:
    """The warm runners that the run has anyway."""

    parallel = PARALLEL

    def __init__(self, request: GateRequest) -> None:
        self._request = request

    @contextmanager
    def runner(self, service: str, series: Series) -> Iterator[Runner]:
        """The run's own; it stays warm for the migration."""
        yield self._request.runner(service, series.id)

    def environment(self, service: str, series: Series) -> Path:
        """The run's own; it has none of a source whose code it does not need."""
        if (service, series.id) not in self._request.environments:
            raise OptionsNotListed(
                f"The run has no environment of {service} {series.id}.",
                next_command=f"onward check {service} --from {series.id} --to {self._request.ways[service][-1]}",
            )
        return self._request.environments[service, series.id].path


def _place(series: Series) -> int:
    return series_list().position(series.id)


def gate_of(directories: Directories) -> Gate:
    """How a run that keeps its state in these directories is checked."""

    def gate(request: GateRequest) -> list[Finding]:
        with CheckContext(
            directories,
            Cloud.model_validate(request.cloud),
            tuple(request.ways),
            target=max((series_list().find(path[-1]) for path in request.ways.values()), key=_place),
            ways=request.ways,
            secrets=request.secrets,
        ) as context:
            return check_cloud(
                context,
                CheckWish(waivers=request.waivers),
                None,
                _RunnersOfRun(request),
                PolicyEnvironments(
                    directories,
                    EnvironmentWish(AS_OF_RELEASE, PARALLEL),
                    request.progress,
                    interpreters=context.interpreters,
                    known=request.environments,
                ),
                request.progress,
                request.cancelled,
            )

    return gate
