"""Changes of a bundle that is deployed: each makes another bundle of one. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from onward.errors import BundleInvalid
from onward.model.bundle import Bundle, parse_bundle

Data = dict[str, Any]


def as_data(bundle: Bundle) -> Data:
    """The bundle as a file would have it, without what is as usual: so it is kept with its model."""
    return bundle.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def with_options(bundle: Bundle, where: str, settings: Mapping[str, str]) -> Bundle:
    """These options set: of an application, or of one unit; an empty value takes one back. Raises BundleInvalid."""
    application, slash, number = where.partition("/")
    data = as_data(bundle)
    entry = _application(data, application)
    options = entry.setdefault("unit-options", {}).setdefault(number, {}) if slash else entry.setdefault("options", {})
    for name, value in settings.items():
        if value:
            # In its place: what is set back is again, to the letter, what it was, and restarts nobody.
            options[name] = yaml.safe_load(value) if is_plain(value) else value
        else:
            options.pop(name, None)
    # What was taken back leaves nothing, so that the bundle is again what it was before.
    if slash and not options:
        del entry["unit-options"][number]
    return _bundle(data)


def with_channels(bundle: Bundle, channels: Mapping[str, str]) -> Bundle:
    """Applications at other releases; ``channels`` has the series by application. A channel's risk stays as it is.

    Raises BundleInvalid.
    """
    data = as_data(bundle)
    for application, series in channels.items():
        entry = _application(data, application)
        _, slash, risk = str(entry.get("channel", "")).partition("/")
        entry["channel"] = series + slash + risk
    return _bundle(data)


def is_plain(value: str) -> bool:
    """Whether a value means the same in a bundle: a number, true or false."""
    try:
        return isinstance(yaml.safe_load(value), bool | int | float)
    except (yaml.YAMLError, ValueError):
        return False


def with_units(bundle: Bundle, application: str, more: int) -> Bundle:
    """So many units more of an application. Raises BundleInvalid."""
    data = as_data(bundle)
    entry = _application(data, application)
    entry["num_units"] = bundle.applications[application].num_units + more
    return _bundle(data)


def without_units(bundle: Bundle, leaving: Iterable[str]) -> Bundle:
    """Without these units, and without what was said of them alone. The application stays, be it without a unit.

    Raises BundleInvalid.
    """
    data = as_data(bundle)
    for unit in leaving:
        application, _, number = unit.partition("/")
        entry = _application(data, application)
        left = entry.get("num_units", 1) - 1
        entry["num_units"] = left
        entry.get("unit-options", {}).pop(number, None)
        if "to" in entry:
            entry["to"] = entry["to"][:left]
    return _bundle(data)


def related(bundle: Bundle, first: str, second: str) -> Bundle:
    """With a relation between two endpoints more; the same where it has this one. Raises BundleInvalid."""
    data = as_data(bundle)
    if not any(set(ends) == {first, second} for ends in bundle.relations):
        data.setdefault("relations", []).append([first, second])
    return _bundle(data)


def unrelated(bundle: Bundle, first: str, second: str) -> Bundle:
    """Without the relations between two ends: endpoints, or applications for all between them. Raises BundleInvalid."""
    data = as_data(bundle)
    kept = [ends for ends in bundle.relations if not _between(ends, first, second)]
    if len(kept) == len(bundle.relations):
        raise BundleInvalid(
            f"{first} and {second} are not related.",
            evidence="\n".join(["relations:", *(" - ".join(ends) for ends in bundle.relations)]),
        )
    data["relations"] = [list(ends) for ends in kept]
    return _bundle(data)


def _between(ends: tuple[str, ...], first: str, second: str) -> bool:
    return any(_means(one, first) and _means(other, second) for one, other in (tuple(ends), tuple(reversed(ends))))


def _means(end: str, named: str) -> bool:
    """Whether a relation's end is the named one: where one of both names the application alone, it is any of its."""
    application, _, endpoint = end.partition(":")
    wanted, _, wanted_endpoint = named.partition(":")
    return application == wanted and (not endpoint or not wanted_endpoint or endpoint == wanted_endpoint)


def _application(data: Data, name: str) -> Data:
    if name not in data["applications"]:
        raise BundleInvalid(
            f"There is no application called {name!r}.",
            evidence=f"there are: {', '.join(data['applications'])}",
            next_command="onward status",
        )
    found: Data = data["applications"][name]
    return found


def _bundle(data: Data) -> Bundle:
    return parse_bundle(yaml.safe_dump(data, sort_keys=False), "the changed bundle")
