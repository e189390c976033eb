"""Turns the text of a catalogue file into facts, or says which file and which key of it is wrong."""

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from onward.catalog.series import SeriesList
from onward.catalog.service import Recipe
from onward.errors import InvalidCatalogue, UnknownSeries

Kind = TypeVar("Kind")
_NAMES = ("id", "name", "series", "requirement", "pattern")
"""Keys that tell an entry of a list from the others, for those who look for it in the file."""


class _EachKeyOnce(yaml.SafeLoader):
    """YAML in which a key stands once: the later of two would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def validated(file: str, text: str, kind: type[Kind]) -> Kind:
    """The facts that a file holds. Raises InvalidCatalogue, which names every key that is wrong."""
    try:
        data = yaml.load(text, _EachKeyOnce)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise invalid(file, [f"no YAML that can be used: {' '.join(str(error).split())}"]) from None
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        raise invalid(file, [f"{_place(data, each['loc'])}: {each['msg']}" for each in error.errors()]) from None


def invalid(file: str, wrong: Iterable[str]) -> InvalidCatalogue:
    """The error for a file in which these things are wrong."""
    return InvalidCatalogue(
        f"The catalogue's file {file} cannot be used.",
        evidence="\n".join(f"{file}: {each}" for each in wrong),
        next_command="install Onward again, or mend the file where it is your own",
    )


def recipe_contradictions(recipe: Recipe, series_list: SeriesList) -> list[str]:
    """What cannot be true of a recipe, beginning with the key; empty for good data. Pure.

    Series are known and in their order, a schema is of one migration tool, its revisions have a place in the history,
    and regular expressions are such.
    """
    wrong = []
    for key, series in _series_named(recipe):
        try:
            series_list.find(series)
        except UnknownSeries as error:
            wrong.append(f"{key}: {error.what} ({error.evidence})")
    if wrong:
        return wrong
    wrong += [
        f"{key}.until: {fact.until} is before {fact.since}, where it begins"
        for key, fact in _dated(recipe)
        if fact.since and fact.until and series_list.position(fact.until) < series_list.position(fact.since)
    ]
    places = [series_list.position(revision.series) for revision in recipe.database.revisions]
    if places != sorted(set(places)):
        wrong.append("database.revisions: each series has one entry, in the order of the releases")
    wrong += _contradicting_revisions(recipe)
    for number, fault in enumerate(recipe.known_faults):
        for name, expression in (("pattern", fault.pattern), ("connection", fault.connection)):
            try:
                re.compile(expression or "")
            except re.error as error:
                wrong.append(f"known_faults[{number}].{name}: no regular expression: {error}")
    return wrong


def _contradicting_revisions(recipe: Recipe) -> Iterable[str]:
    history = recipe.database.history
    for revision in recipe.database.revisions:
        key = f"database.revisions[{revision.series}]"
        if bool(revision.migrate) == bool(revision.expand) or bool(revision.expand) != bool(revision.contract):
            yield f"{key}: a schema has either migrate, or both expand and contract"
        for branch, head, known in (
            ("expand", revision.expand, history.expand),
            ("contract", revision.contract, history.contract),
        ):
            if head is not None and head not in known:
                yield f"{key}.{branch}: {head} is not in database.history.{branch}"


def _dated(recipe: Recipe) -> Iterable[tuple[str, Any]]:
    """Everything that holds for some series only, with its key."""
    groups: dict[str, Sequence[Any]] = {
        "offline": recipe.offline,
        "online": recipe.online,
        "checks": recipe.checks,
        "bootstrap": recipe.bootstrap,
        "known_faults": recipe.known_faults,
    }
    for process in recipe.processes:
        groups[f"processes[{process.name}].applications"] = process.applications
    for key, facts in groups.items():
        yield from ((f"{key}[{getattr(fact, 'name', number)}]", fact) for number, fact in enumerate(facts))
    yield "enter_next", recipe.enter_next


def _series_named(recipe: Recipe) -> Iterable[tuple[str, str]]:
    """Every series that the recipe names, with its key."""
    for key, fact in _dated(recipe):
        yield from ((f"{key}.{name}", value) for name in ("since", "until") if (value := getattr(fact, name)))
    for place, change in enumerate(recipe.database.census_changes):
        yield f"database.census_changes[{place}].series", change.series
    for place, revision in enumerate(recipe.database.revisions):
        yield f"database.revisions[{place}].series", revision.series
    yield "demonstration_from", recipe.demonstration_from


def _place(data: Any, path: Sequence[str | int]) -> str:
    """Where a value stands in the file: [2024.1].services.keystone[0].version."""
    words = ""
    for part in path:
        data = data[part] if _has(data, part) else None
        if isinstance(part, int):
            named = [data[name] for name in _NAMES if isinstance(data, dict) and isinstance(data.get(name), str)]
            words += f"[{named[0] if named else part}]"
        else:
            words += f".{part}" if words else part
    return words or "the whole file"


def _has(data: Any, part: str | int) -> bool:
    return part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
