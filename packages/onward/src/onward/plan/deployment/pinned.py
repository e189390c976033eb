"""Defaults that a cloud was deployed with, and that it keeps when its releases have others. Pure."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from onward.catalog.charm import Charm
from onward.catalog.pinned_options import PinnedOption
from onward.model.bundle import OptionValue
from onward.model.described import Described
from onward.model.options import ReleaseOptions
from onward.plan.deployment.unit import place_of, written


class Differing(Described):
    """An option whose default is another one now. ``now`` is None where the release has the option no more."""

    was: str
    now: str | None


class Pinned(Described):
    """What an application was deployed with. Remembered with the model."""

    of: str = Field(description="The series that it was deployed at first")
    options: dict[str, str] | None = Field(
        default=None, description="The defaults of that release, once another one has been deployed"
    )
    differ: dict[str, Differing] = Field(
        default_factory=dict, description="Those that the release has otherwise that is deployed now"
    )

    @property
    def kept(self) -> dict[str, str]:
        """What has to be written into its files, so that it stays what it was."""
        return {name: each.was for name, each in self.differ.items() if each.now is not None}


def defaults(release: ReleaseOptions, options: Iterable[PinnedOption]) -> dict[str, str]:
    """The values that a release has by itself, of those options that it has."""
    found = {}
    for each in options:
        known = release.current(*place_of(each.option))
        if known is not None and isinstance(known.default, OptionValue):
            found[each.option] = written(known.default)
    return found


def pinned(
    first: Pinned, release: ReleaseOptions, charm: Charm, given: Iterable[str], options: Iterable[PinnedOption]
) -> Pinned:
    """What of the first release's defaults is another one in this release.

    Not those that the operator has set (``given``), who has decided, nor those that the charm sets for every release.
    """
    now = defaults(release, options)
    decided = {*given, *_set_by(charm)}
    gone = {each.option: each.gone for each in options}
    differ = {
        name: Differing(was=was, now=now.get(name))
        for name, was in (first.options or {}).items()
        if name not in decided and was != now.get(name, gone.get(name))
    }
    return first.model_copy(update={"differ": differ})


def said(model: str, application: str, series: str, found: Pinned) -> tuple[str, ...]:
    """For people: what is kept and how to switch it, and what cannot be kept."""
    lines = []
    for name, each in found.differ.items():
        if each.now is None:
            lines.append(
                f"{application} was deployed with {name} = {each.was} ({found.of}); {series} has that option no more"
            )
            continue
        lines.append(
            f"{application} keeps {name} = {each.was}, as it was deployed ({found.of}); {series} has {each.now}. "
            f"To switch: onward config {application} {name}={each.now} --model {model}"
        )
    return tuple(lines)


def _set_by(charm: Charm) -> Iterable[str]:
    for file in charm.files:
        for section, values in file.sections.items():
            for name in values:
                yield name if section == "DEFAULT" else f"{section}.{name}"


def with_kept(options: Mapping[str, OptionValue], found: Pinned) -> dict[str, OptionValue]:
    """An application's options, and what is kept beside them."""
    return {**found.kept, **options}
