"""Turns the text of a catalogue file into facts, or says which file and which key of it is wrong."""

import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from onward.catalog.series import SeriesList
from onward.catalog.service import ForwardRecipe, KnownFault, Recipe
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


def parsed(file: str, text: str) -> Any:
    """What a file's YAML says. Raises InvalidCatalogue."""
    try:
        return yaml.load(text, _EachKeyOnce)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise invalid(file, [f"no YAML that can be used: {' '.join(str(error).split())}"]) from None


def validated(file: str, text: str, kind: type[Kind]) -> Kind:
    """The facts that a file's text is. Raises InvalidCatalogue, which names every key that is wrong."""
    return facts(file, parsed(file, text), kind)


def facts(file: str, data: Any, kind: type[Kind], below: Mapping[str, Collection[str]] | None = None) -> Kind:
    """The facts that a file's data are. Raises InvalidCatalogue, which names every key that is wrong.

    ``below`` names keys that the file has one level down, by the key that they stand below.
    """
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        upper = {key: f"{name}." for name, keys in (below or {}).items() for key in keys}
        wrong = [(each["loc"], each["msg"]) for each in error.errors()]
        raise invalid(
            file,
            [f"{upper.get(str(place[0]), '') if place else ''}{_place(data, place)}: {what}" for place, what in wrong],
        ) from None


def invalid(file: str, wrong: Iterable[str]) -> InvalidCatalogue:
    """The error for a file in which these things are wrong."""
    return InvalidCatalogue(
        f"The catalogue's file {file} cannot be used.",
        evidence="\n".join(f"{file}: {each}" for each in wrong),
        next_command="install Onward again, or mend the file where it is your own",
    )


def recipe_contradictions(recipe: Recipe, series_list: SeriesList) -> list[str]:
    """What cannot be true of a recipe, beginning with the key; empty for good data. Pure.

    Series are known and in their order, in no series are there two checks of one name, a schema is of one migration
    tool, its revisions have a place in the history, and regular expressions are such.
    """
    wrong = []
    for key, series in _series_named(recipe):
        try:
            series_list.find(series)
        except UnknownSeries as error:
            wrong.append(f"{key}: {error.what} ({error.evidence})")
    if wrong:
        return wrong
    position = series_list.position
    wrong += [
        f"{key}.until: {fact.until} is before {fact.since}, where it begins"
        for key, fact in _dated(recipe)
        if fact.since and fact.until and position(fact.until) < position(fact.since)
    ]
    wrong += _checks_of_one_name(recipe, series_list)
    if isinstance(recipe, ForwardRecipe):
        places = [position(revision.series) for revision in recipe.database.revisions]
        if places != sorted(set(places)):
            wrong.append("forward.database.revisions: each series has one entry, in the order of the releases")
        wrong += _contradicting_revisions(recipe)
    wrong += _no_expressions(recipe)
    return wrong


def _checks_of_one_name(recipe: Recipe, series_list: SeriesList) -> Iterable[str]:
    position = series_list.position
    for series in series_list:
        names = [
            check.name
            for check in recipe.checks
            if (check.since is None or position(check.since) <= position(series.id))
            and (check.until is None or position(series.id) <= position(check.until))
        ]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield f"checks: {series.id} has two that are called {twice[0]}"
            return


def _no_expressions(recipe: Recipe) -> Iterable[str]:
    for key, name, expression in _expressions(recipe):
        try:
            re.compile(expression or "")
        except re.error as error:
            yield f"{key}.{name}: no regular expression: {error}"


def _expressions(recipe: Recipe) -> Iterable[tuple[str, str, str | None]]:
    """Key of the fact, name of the field, and what is in it."""
    yield from ((f"checks[{number}]", "doubts", check.doubts) for number, check in enumerate(recipe.checks))
    for key, fault in _dated(recipe):
        if isinstance(fault, KnownFault):
            yield from ((key, "pattern", fault.pattern), (key, "connection", fault.connection))


def _contradicting_revisions(recipe: ForwardRecipe) -> Iterable[str]:
    history = recipe.database.history
    for revision in recipe.database.revisions:
        key = f"forward.database.revisions[{revision.series}]"
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
    groups: dict[str, Sequence[Any]] = {"checks": recipe.checks, "drivers": recipe.drivers, "options": recipe.options}
    groups |= {f"checks[{number}].known_faults": check.known_faults for number, check in enumerate(recipe.checks)}
    if recipe.online_migrations is not None:
        groups["online_migrations.functions"] = recipe.online_migrations.functions
    if isinstance(recipe, ForwardRecipe):
        groups |= {
            "forward.offline": recipe.offline,
            "forward.online": recipe.online,
            "forward.bootstrap": recipe.bootstrap,
            "forward.known_faults": recipe.known_faults,
            "forward.demonstration_without": recipe.demonstration_without,
        }
        for process in recipe.processes:
            groups[f"forward.processes[{process.name}].applications"] = process.applications
        yield "forward.enter_next", recipe.enter_next
    for key, dated in groups.items():
        yield from ((f"{key}[{getattr(fact, 'name', number)}]", fact) for number, fact in enumerate(dated))


def _series_named(recipe: Recipe) -> Iterable[tuple[str, str]]:
    """Every series that the recipe names, with its key."""
    for key, fact in _dated(recipe):
        yield from ((f"{key}.{name}", value) for name in ("since", "until") if (value := getattr(fact, name)))
    if recipe.heartbeats is not None:
        yield from (("heartbeats.oldest", each.series) for each in recipe.heartbeats.oldest)
    if recipe.extraction is not None:
        yield "extraction.until", recipe.extraction.until
        yield "extraction.taken_by", recipe.extraction.taken_by
    for place, census_change in enumerate(recipe.census.changes):
        yield f"census.changes[{place}].series", census_change.series
    if not isinstance(recipe, ForwardRecipe):
        return
    for place, answer_change in enumerate(recipe.answer_changes):
        yield f"forward.answer_changes[{place}].series", answer_change.series
    for place, revision in enumerate(recipe.database.revisions):
        yield f"forward.database.revisions[{place}].series", revision.series
    yield "forward.demonstration_from", recipe.demonstration_from


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
