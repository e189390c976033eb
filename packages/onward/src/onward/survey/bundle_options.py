"""Whether the options that a bundle sets exist: asked of the release itself, before anything is deployed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from onward.catalog.charm import Charm
from onward.catalog.load import recipe
from onward.checks.options import refused
from onward.errors import OptionUnknown
from onward.hosts.state import Directories
from onward.model.bundle import BundleApplication
from onward.model.options import ReleaseOptions, SetOption
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.unit import place_of, written
from onward.plan.forward import EnvironmentChoice
from onward.survey.images import options_of

MOST_NEAR = 3


def require_options(
    found: Topology,
    choices: Mapping[str, EnvironmentChoice],
    directories: Directories,
    progress: Callable[[str], None],
) -> dict[str, frozenset[str]]:
    """Those options that are mutable, by application, when every one that the bundle sets is one.

    Raises OptionUnknown, which names all that are not.
    A release can only be asked in its environment, which is built in the cache where it is not there yet.
    """
    wrong: list[str] = []
    mutable: dict[str, frozenset[str]] = {}
    for name, charm in found.charms.items():
        own = _of_service(found.applications[name], charm)
        if not own:
            continue
        if charm.service is None or not recipe(charm.service).options:
            wrong += [f"{name}: {option}: {_near(option, charm.options)}" for option, _ in own]
            continue
        choice = choices[name]
        release = options_of(charm.service, choice, directories, progress)
        wrong += [f"{name}: {each}" for each in _wrong(own, charm, release)]
        mutable[name] = frozenset(option for option, _ in own if _is_mutable(option, release))
    if wrong:
        raise OptionUnknown(
            "The bundle sets options that there are not, or to what they cannot be.",
            evidence="\n".join(dict.fromkeys(wrong)),
            next_command="onward deploy --help",
        )
    return mutable


def _is_mutable(name: str, release: ReleaseOptions) -> bool:
    option = release.current(*place_of(name))
    return option is not None and option.mutable


def _of_service(entry: BundleApplication, charm: Charm) -> list[tuple[str, str]]:
    """Options that are not the charm's own, with their values, for all units and for single ones."""
    layers = [entry.options, *entry.unit_options.values()]
    return [(name, written(value)) for layer in layers for name, value in layer.items() if name not in charm.options]


def _wrong(own: list[tuple[str, str]], charm: Charm, release: ReleaseOptions) -> Iterator[str]:
    names = [
        *(option.name if option.group == "DEFAULT" else f"{option.group}.{option.name}" for option in release.options),
        *charm.options,
    ]
    as_set = {
        name: SetOption(group=place_of(name)[0], name=place_of(name)[1], value=value, file=Path("bundle"))
        for name, value in own
    }
    unknown, impossible = release.unknown(as_set.values()), refused(release, as_set.values())
    for name, option in as_set.items():
        if option in unknown:
            yield f"{name}: {_near(name, names)}"
        elif option in impossible:
            yield f"{name}: {release.series} does not take {option.value!r} for it"


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=MOST_NEAR)
    return f"there is no such option; near it: {', '.join(near)}" if near else "there is no such option"
