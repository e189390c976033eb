"""Which options another bundle sets otherwise: what ``onward config`` has set is in the model's, and in no file."""

from collections.abc import Iterator, Mapping

from onward.model.bundle import Bundle, OptionValue


def option_changes(before: Bundle, after: Bundle) -> list[str]:
    """A line for each option of an application or a unit of both. Pure; values may be secrets, and are not told."""
    old, new = _options(before), _options(after)
    both = [each for each in old if each in new]
    return [line for where in both for line in _changes(where, old[where], new[where])]


def _options(bundle: Bundle) -> dict[str, Mapping[str, OptionValue]]:
    found: dict[str, Mapping[str, OptionValue]] = {}
    for name, application in bundle.applications.items():
        found[name] = application.options
        for number in range(application.num_units):
            found[f"{name}/{number}"] = application.unit_options.get(str(number), {})
    return found


def _changes(where: str, before: Mapping[str, OptionValue], after: Mapping[str, OptionValue]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"{where}: {name} is not set any more"
        elif name not in before:
            yield f"{where}: {name} is set"
        elif before[name] != after[name]:
            yield f"{where}: {name} has another value"
