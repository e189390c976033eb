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
    def runner(self, _service: str, series: Series) -> Iterator[Runner]:
        """The run's own; it stays warm for the migration."""
        yield self._request.runner(series.id)

    def environment(self, service: str, series: Series) -> Path:
        """That of the run's own runner; the source has none, since a run needs no code of it."""
        if series.id == self._request.path[0]:
            raise OptionsNotListed(
                f"The run has no environment of {service} {series.id}.",
                next_command=f"onward check {service} --from {series.id} --to {self._request.path[-1]}",
            )
        return self._request.runner(series.id).environment


def gate_of(directories: Directories) -> Gate:
    """How a run that keeps its state in these directories is checked."""

    def gate(request: GateRequest) -> list[Finding]:
        with CheckContext(
            directories,
            Cloud.model_validate(request.cloud),
            (request.service,),
            target=series_list().find(request.path[-1]),
            said=request.path[0],
            ways={request.service: request.path},
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
                    known={(request.service, series): found for series, found in request.environments.items()},
                ),
                request.progress,
                request.cancelled,
            )

    return gate
