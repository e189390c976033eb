"""The gate before a model's outage: everything that ``onward check`` looks at, with the run's own releases."""

from typing import Any

from pydantic import TypeAdapter

from onward.actions.build_environment import environment_of
from onward.actions.check_cloud import Gate, gate_request, passed
from onward.actions.deployment.application_initialise import environment_evidence
from onward.actions.deployment.application_migrate import ReleaseCode, release_runner
from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.hosts.runner import Runner
from onward.hosts.state import Directories

_CODES = TypeAdapter(tuple[ReleaseCode, ...])


class CheckModel:
    """``model.check``: run all checks before anything of a model is stopped, and stop unless nothing stands out.

    Arguments: ``cloud``, the model as a cloud file would describe it; ``ways``, the series of each service that moves;
    ``codes``, the releases on the way as ``application.warm`` has them. Evidence: ``findings``, each a Finding as data,
    the waived ones with their reason. Reads only, so that it may be repeated.
    """

    name = "model.check"

    def __init__(self, gate: Gate, directories: Directories) -> None:
        self._gate = gate
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Check. Raises CheckFailed, WaiverMatchesNothing."""
        arguments: Any = context.step.arguments
        codes = {(each.service, each.series): each for each in _CODES.validate_python(arguments["codes"])}
        store = store_of(self._directories, context)

        def runner(service: str, series: str) -> Runner:
            return release_runner(context, codes[service, series], self._directories)

        request = gate_request(
            context,
            arguments["cloud"],
            {service: tuple(path) for service, path in arguments["ways"].items()},
            {
                release: environment_of(environment_evidence(context, each.environment, store))
                for release, each in codes.items()
            },
            runner,
        )
        return passed(context, self._gate(request), f"{context.plan.cloud} is not fit to be taken forward.")
