"""The policy of any release: its environment is built where it is missing, and the release is asked."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from threading import Lock

from onward.actions.build_environment import specification
from onward.catalog.load import recipe, series_list
from onward.errors import OnwardError
from onward.hosts.environments import Environment, EnvironmentSpec, build, built
from onward.hosts.interpreters import Interpreter, find_interpreters
from onward.hosts.policies import PolicySources, defaults_in_force, policy_in_force, registered_policy
from onward.hosts.state import Directories
from onward.policy.in_force import InForce
from onward.policy.personas import Case
from onward.policy.registered import RegisteredPolicy
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish


class PolicyEnvironments:
    """Releases of services by series, each built at most once."""

    def __init__(
        self,
        directories: Directories,
        wish: EnvironmentWish,
        progress: Callable[[str], None],
        *,
        interpreters: Callable[[], tuple[Interpreter, ...]] = find_interpreters,
        known: Mapping[tuple[str, str], Environment] | None = None,
    ) -> None:
        """``known`` are environments by service and series that are taken as they are."""
        self._directories = directories
        self._wish = wish
        self._progress = progress
        self._interpreters = cache(interpreters)
        self._built = dict(known or {})
        self._lock = Lock()

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

    def defaults_in_force(self, service: str, series: str, cases: Iterable[Case] = ()) -> InForce:
        """What a release enforces where nobody has configured anything. Raises as ``registered`` does."""
        environment = self.environment(service, series)
        return defaults_in_force(environment, recipe(service), series, tuple(cases))

    def environment(self, service: str, series: str) -> Environment:
        """Where a release is installed. Raises as ``registered`` does."""
        with self._lock:
            found = self._built.get((service, series))
        if found is None:
            specified = self._specified(service, series)
            found = build(specified, self._directories, lambda line: self._progress(f"{series}: {line}"))
            with self._lock:
                self._built[service, series] = found
        return found

    def there(self, service: str, series: str) -> bool:
        """Whether a release can be asked without anything being built."""
        try:
            known = (service, series) in self._built
            return known or built(self._specified(service, series), self._directories) is not None
        except OnwardError:
            return False

    def _specified(self, service: str, series: str) -> EnvironmentSpec:
        path = (series_list().find(series),)
        choices = choose_environments(self._directories, service, path, self._interpreters(), self._wish)
        return specification(service, choices[series_list().find(series).id])
