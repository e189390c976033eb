"""What the bundle's options are called at the releases that a model goes to, asked of the releases themselves."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from onward.catalog.charm import Charm
from onward.catalog.load import recipe
from onward.errors import OptionUndecided
from onward.hosts.state import Directories
from onward.model.bundle import Bundle, BundleApplication
from onward.model.options import ReleaseOptions
from onward.plan.deployment.carried import carried, own_options, said, translated, unread
from onward.plan.deployment.topology import Topology
from onward.plan.forward import EnvironmentChoice
from onward.survey.images import options_of
from onward.survey.pinned import Choose


class CarriedOptions:
    """The options of a model's bundle on their way through releases."""

    def __init__(self, directories: Directories, choose: Choose, progress: Callable[[str], None]) -> None:
        self._directories = directories
        self._choose = choose
        self._progress = progress
        self._given: Mapping[str, BundleApplication] = {}
        self._translated: Mapping[str, BundleApplication] = {}

    def to_target(
        self,
        bundle: Bundle,
        found: Topology,
        choices: Mapping[str, EnvironmentChoice],
        series: Mapping[str, str],
        dropped: Collection[str],
    ) -> Bundle:
        """The bundle with the names that its options have at the releases of ``choices``.

        ``series`` says at which release each service is now; ``dropped`` names options, as APPLICATION:OPTION, that the
        operator has decided to leave out where the release does not read them. Raises OptionUndecided for others that
        it does not read any more.
        """
        applications, undecided = dict(bundle.applications), list[tuple[str, str, str]]()
        for name, choice in choices.items():
            charm, entry = found.charms[name], bundle.applications[name]
            options = own_options(entry, charm.options)
            if not options or not recipe(charm.service or "").options:
                continue
            target, source = self._listed(charm, choice), None
            if unread(options, target) and series.get(charm.service or "", choice.series) != choice.series:
                source = self._listed(charm, self._choose(name, series[charm.service or ""]))
            result = carried(options, target, source)
            decided = {option for option in result.gone if f"{name}:{option}" in dropped}
            for line in said(name, choice.series, result, decided):
                self._progress(line)
            undecided += [(name, option, why) for option, why in result.gone.items() if option not in decided]
            applications[name] = translated(entry, result.renamed, decided)
        if undecided:
            raise _undecided(undecided)
        self._given, self._translated = bundle.applications, applications
        return bundle.model_copy(update={"applications": applications})

    def at(self, found: Topology, names: Collection[str], series: str) -> Topology:
        """The model as it is at a release on the way, which may know an option by its older name alone, or not yet.

        ``found`` is the model at the target, with what it keeps besides the bundle's options.
        """
        applications = dict(found.applications)
        for name in names:
            charm, entry, target = found.charms[name], found.applications[name], self._translated[name]
            kept = {option: value for option, value in entry.options.items() if option not in target.options}
            given = self._given[name].model_copy(update={"options": {**kept, **self._given[name].options}})
            options = own_options(given, charm.options)
            if options and recipe(charm.service or "").options:
                release = self._listed(charm, self._choose(name, series))
                result = carried(options, release, None)
                applications[name] = translated(given, result.renamed, unread(options, release))
        return replace(found, applications=applications)

    def _listed(self, charm: Charm, choice: EnvironmentChoice) -> ReleaseOptions:
        """What a release knows; it is built in the cache where it is not there yet."""
        return options_of(charm.service or "", choice, self._directories, self._progress)


def _undecided(options: Collection[tuple[str, str, str]]) -> OptionUndecided:
    return OptionUndecided(
        "The bundle sets options that the target does not read any more.",
        evidence="\n".join(f"{name}: {option} ({why})" for name, option, why in options),
        next_command="\n".join(
            ["to leave them out, the same command with"]
            + [f"  --drop-option {name}:{option}" for name, option, _ in options]
            + ["or take them out of the bundle"]
        ),
    )
