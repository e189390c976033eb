"""Builds the environment that one release of a service runs in."""

from pathlib import Path
from typing import Any

from onward.catalog.load import in_force, recipe, series_list
from onward.engine.action import Evidence, StepContext
from onward.hosts.constraints import Constraints
from onward.hosts.environments import Environment, EnvironmentSpec, build
from onward.hosts.state import Directories
from onward.plan.forward import EnvironmentChoice


def specification(service: str, choice: EnvironmentChoice) -> EnvironmentSpec:
    """The environment that a plan chose, with what the catalogue knows of the service.

    Raises UnknownService, UnknownSeries.
    """
    known = recipe(service)
    drivers = in_force((*known.drivers, *choice.also), choice.series)
    series = series_list().find(choice.series)
    release = next(each for each in series.services[service] if each.version == choice.version)
    return EnvironmentSpec(
        service=service,
        package=known.package,
        series=series,
        release=release,
        python=Path(choice.python),
        python_version=choice.python_version,
        drivers=tuple(driver.package for driver in drivers),
        modules=(known.module, *(driver.module for driver in drivers)),
        constraints=Constraints.model_validate(choice.constraints),
    )


class BuildEnvironment:
    """Action ``environment.build``.

    Arguments: ``service``, the fields of an EnvironmentChoice, and perhaps ``environment``, where it will be.
    """

    name = "environment.build"
    anywhere = True

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Build it, or take the one that is there.

        Evidence: ``environment`` and ``python`` (paths), ``cached``, ``packages`` (a count), ``seconds`` that building
        took at the time, ``log`` (path of the installer's output).
        Raises EnvironmentBuildFailed, NoDiskSpace, ConstraintsUnavailable, InterpreterMissing.
        """
        arguments = dict(context.step.arguments)
        service = str(arguments.pop("service"))
        arguments.pop("environment", None)
        choice = EnvironmentChoice.model_validate(arguments)
        return evidence_of(build(specification(service, choice), self._directories, context.progress))


def evidence_of(environment: Environment) -> Evidence:
    """What the following steps, and the report, need to know of an environment."""
    return {
        "environment": str(environment.path),
        "python": str(environment.python),
        "cached": environment.cached,
        "packages": environment.packages,
        "seconds": environment.seconds,
        "log": str(environment.log),
    }


def environment_of(evidence: Evidence) -> Environment:
    """The environment that such evidence is of."""
    told: Any = evidence
    return Environment(
        path=Path(told["environment"]),
        python=Path(told["python"]),
        packages=told["packages"],
        seconds=told["seconds"],
        cached=told["cached"],
        log=Path(told["log"]),
    )
