"""Reads the catalogue that comes with Onward, and checks it."""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import TypeVar

import yaml

from onward.catalog.fact import Fact
from onward.catalog.series import Series, SeriesList
from onward.catalog.service import Application, Check, Command, ForwardRecipe, KnownFault, OptionNamespace, Recipe
from onward.errors import ServiceNotMoved, UnknownService

DATA = files("onward.catalog") / "data"

Dated = TypeVar("Dated", Command, Check, Application, KnownFault, OptionNamespace)


@cache
def series_list() -> SeriesList:
    """All series of the catalogue, the oldest first."""
    entries = yaml.safe_load((DATA / "series.yaml").read_text(encoding="utf-8"))
    return SeriesList(tuple(Series.model_validate(entry) for entry in entries))


@cache
def recipe(service: str) -> Recipe:
    """The recipe of a service; a ForwardRecipe where Onward can take it forward. Raises UnknownService."""
    file = DATA / "services" / f"{service}.yaml"
    if not service.isidentifier() or not file.is_file():
        raise UnknownService(
            f"There is no recipe for a service called {service!r}.",
            evidence=f"known: {', '.join(services())}",
            next_command="onward series show 2026.2",
        )
    return recipe_from(yaml.safe_load(file.read_text(encoding="utf-8")))


def forward_recipe(service: str) -> ForwardRecipe:
    """The recipe of a service that is to be taken forward. Raises UnknownService, ServiceNotMoved."""
    found = recipe(service)
    if not isinstance(found, ForwardRecipe):
        moved = [name for name in services() if isinstance(recipe(name), ForwardRecipe)]
        raise ServiceNotMoved(
            f"Onward does not know how to take {service} forward.",
            evidence=f"can be taken forward: {', '.join(moved)}",
            next_command=f"onward policy show {service}",
        )
    return found


def recipe_from(entries: dict[str, object]) -> Recipe:
    """The recipe that a catalogue's file describes.

    Raises ValueError for one that is incomplete, has a key it should not have, or contradicts itself.
    """
    common = {key: value for key, value in entries.items() if key != "forward"}
    forward = entries.get("forward", {})
    if not isinstance(forward, dict):
        raise ValueError(f"{entries.get('service')}: what stands below forward are facts by name, not {forward!r}")
    kind = ForwardRecipe if "forward" in entries else Recipe
    found = kind.model_validate(common | forward)
    if wrong := contradictions(found):
        raise ValueError(f"{found.service}: {'; '.join(wrong)}")
    return found


def contradictions(found: Recipe) -> list[str]:
    """What cannot be true of a recipe, one sentence each; empty for a good one.

    Facts hold from one known series to a later one or the same, and in no series are there two checks of one name.
    """
    known = series_list()
    wrong = []
    for fact in _facts_in(found):
        ends = [end for end in (getattr(fact, "since", None), getattr(fact, "until", None)) if end is not None]
        wrong += [f"there is no series {end!r}" for end in ends if end not in {series.id for series in known}]
        if not wrong and sorted(ends, key=known.position) != ends:
            wrong.append(f"nothing holds since {ends[0]} until {ends[1]}")
    if wrong:
        return wrong
    for series in known:
        names = [check.name for check in in_force(found.checks, series.id)]
        wrong += [f"{series.id} has two checks called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    return wrong


def _facts_in(value: object) -> Iterator[Fact]:
    """The facts inside a fact, and it itself."""
    if isinstance(value, Fact):
        yield value
        for name in type(value).model_fields:
            yield from _facts_in(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _facts_in(each)


def in_force(facts: Iterable[Dated], series: str) -> tuple[Dated, ...]:
    """Those of the facts that hold for a series, in their order. Raises UnknownSeries."""
    order = series_list()
    place = order.position(series)
    return tuple(
        fact
        for fact in facts
        if (fact.since is None or order.position(fact.since) <= place)
        and (fact.until is None or place <= order.position(fact.until))
    )


def services() -> tuple[str, ...]:
    """Names of the services that have a recipe."""
    names = (file.name for file in (DATA / "services").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))
