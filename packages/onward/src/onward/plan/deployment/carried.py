"""Options of a bundle, as another release reads them: under which names, and which it does not read any more. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onward.model.bundle import BundleApplication, OptionValue
from onward.model.options import Option, ReleaseOptions, SetOption
from onward.plan.deployment.unit import place_of, written


@dataclass(frozen=True)
class Carried:
    """What becomes of the options that an application sets of its service's own."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """The names that they have now, by those that the bundle gives."""
    gone: Mapping[str, str] = field(default_factory=dict)
    """Those that no release reads after a certain one, with that and its reason."""


def carried(options: Mapping[str, OptionValue], target: ReleaseOptions, source: ReleaseOptions | None) -> Carried:
    """What the target makes of options of the service.

    ``source`` is the release that they were set for, where it was asked. What neither of them reads is not said to be
    gone: it may never have been there.
    """
    renamed, gone = {}, {}
    for name, value in options.items():
        option = target.reads(as_set(name, value))
        if option is not None:
            if (now := name_of(option)) != _usual(name):
                renamed[name] = now
        elif source is not None and (before := source.reads(as_set(name, value))) is not None:
            gone[name] = f"read up to {source.series}{f': {before.why}' if before.why else ''}"
    return Carried(renamed, gone)


def unread(options: Mapping[str, OptionValue], release: ReleaseOptions) -> tuple[str, ...]:
    """Those of the options that a release does not read under any name."""
    return tuple(name for name, value in options.items() if release.reads(as_set(name, value)) is None)


def translated(entry: BundleApplication, names: Mapping[str, str], without: Collection[str]) -> BundleApplication:
    """An application with the names that its options have now, and without some of them.

    Where an option is set under both names, that under the newer one holds, as oslo.config has it
    (https://docs.openstack.org/oslo.config/latest/reference/deprecating.html).
    """

    def of(options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        kept = {name: value for name, value in options.items() if name not in without}
        old = {names[name]: value for name, value in kept.items() if name in names}
        return {**old, **{name: value for name, value in kept.items() if name not in names}}

    units = {number: of(options) for number, options in entry.unit_options.items()}
    return entry.model_copy(
        update={
            "options": of(entry.options),
            "unit_options": {number: options for number, options in units.items() if options},
        }
    )


def own_options(entry: BundleApplication, of_charm: Iterable[str]) -> dict[str, OptionValue]:
    """What an application sets of its service's own options, for all units or for single ones."""
    layers = [entry.options, *entry.unit_options.values()]
    known = set(of_charm)
    return {name: value for layer in layers for name, value in layer.items() if name not in known}


def as_set(name: str, value: OptionValue) -> SetOption:
    """An option of a bundle as a file has it."""
    group, option = place_of(name)
    return SetOption(group=group, name=option, value=written(value), file=Path("bundle"))


def name_of(option: Option) -> str:
    """The name that a bundle gives to an option."""
    return option.name if option.group == "DEFAULT" else f"{option.group}.{option.name}"


def _usual(name: str) -> str:
    """A name as oslo.config spells it: a bundle may have hyphens."""
    group, option = place_of(name)
    option = option.replace("-", "_")
    return option if group == "DEFAULT" else f"{group}.{option}"


def said(application: str, series: str, found: Carried, dropped: Collection[str]) -> tuple[str, ...]:
    """For people: what is written under another name, and what is left out as was decided."""
    lines = [
        f"{application}: {old} is called {new} at {series}, and is written so" for old, new in found.renamed.items()
    ]
    lines += [
        f"{application}: {name} is left out at {series}, as was decided ({why})"
        for name, why in found.gone.items()
        if name in dropped
    ]
    return tuple(lines)
