"""The policy of any release: its environment is built where it is missing, and the release is asked."""

from collections.abc import Callable, Iterable
from functools import cached_property

from onward.actions.build_environment import specification
from onward.catalog.load import recipe, series_list
from onward.hosts.environments import Environment, build
from onward.hosts.interpreters import Interpreter, find_interpreters
from onward.hosts.policies import PolicySources, policy_in_force, registered_policy
from onward.hosts.state import Directories
from onward.policy.in_force import InForce
from onward.policy.personas import Case
from onward.policy.registered import RegisteredPolicy
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish


class PolicyEnvironments:
    """Releases of services by series, each built at most once."""

    def __init__(self, directories: Directories, wish: EnvironmentWish, progress: Callable[[str], None]) -> None:
        self._directories = directories
        self._wish = wish
        self._progress = progress
        self._built: dict[tuple[str, str], Environment] = {}

    def registered(self, service: str, series: str) -> RegisteredPolicy:
        """The rules that a release registers.

        Raises UnknownService, UnknownSeries, InterpreterMissing, EnvironmentBuildFailed, PolicyNotLoaded.
        """
        environment = self.environment(service, series)
        version = series_list().find(series).newest(service).version
        return registered_policy(environment, recipe(service), series, version)

    def in_force(self, service: str, series: str, sources: PolicySources, cases: Iterable[Case] = ()) -> InForce:
        """What a release enforces with these files. Raises as ``registered`` does."""
        environment = self.environment(service, series)
        return policy_in_force(environment, recipe(service), series, sources, tuple(cases))

    @cached_property
    def _interpreters(self) -> tuple[Interpreter, ...]:
        return find_interpreters()

    def environment(self, service: str, series: str) -> Environment:
        """Where a release is installed. Raises as ``registered`` does."""
        found = self._built.get((service, series))
        if found is None:
            path = (series_list().find(series),)
            choices = choose_environments(self._directories, service, path, self._interpreters, self._wish)
            wanted = specification(service, choices[path[0].id])
            found = build(wanted, self._directories, lambda line: self._progress(f"{series}: {line}"))
            self._built[service, series] = found
        return found
