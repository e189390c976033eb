"""Reads the catalogue that comes with Onward, and checks it."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TypeVar

from onward.catalog.series import Series, SeriesList
from onward.catalog.service import AnswerChange, Application, CensusChange, Command, KnownFault, LeftOut, Recipe
from onward.catalog.validation import invalid, recipe_contradictions, validated
from onward.errors import UnknownService

DATA = files("onward.catalog") / "data"

Dated = TypeVar("Dated", Command, Application, KnownFault, LeftOut)
Change = TypeVar("Change", AnswerChange, CensusChange)


@cache
def series_list() -> SeriesList:
    """All series of the catalogue, the oldest first. Raises InvalidCatalogue."""
    return read_series("series.yaml", (DATA / "series.yaml").read_text(encoding="utf-8"))


def read_series(file: str, text: str) -> SeriesList:
    """The series that a file's text describes. Raises InvalidCatalogue."""
    series = validated(file, text, tuple[Series, ...])
    try:
        return SeriesList(series)
    except ValueError as error:
        raise invalid(file, str(error).split("; ")) from None


@cache
def recipe(service: str) -> Recipe:
    """The recipe of a service. Raises UnknownService, InvalidCatalogue."""
    file = DATA / "services" / f"{service}.yaml"
    if not service.isidentifier() or not file.is_file():
        raise UnknownService(
            f"There is no recipe for a service called {service!r}.",
            evidence=f"known: {', '.join(services())}",
            next_command="onward series show 2026.2",
        )
    return read_recipe(f"services/{service}.yaml", file.read_text(encoding="utf-8"), series_list())


def read_recipe(file: str, text: str, order: SeriesList) -> Recipe:
    """The recipe that a file's text describes. Raises InvalidCatalogue."""
    found = validated(file, text, Recipe)
    if wrong := recipe_contradictions(found, order):
        raise invalid(file, wrong)
    return found


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


def changes_between(changes: Iterable[Change], source: str, target: str) -> tuple[Change, ...]:
    """What the releases after ``source``, up to ``target``, are documented to change. Raises UnknownSeries."""
    position = series_list().position
    return tuple(change for change in changes if position(source) < position(change.series) <= position(target))


def services() -> tuple[str, ...]:
    """Names of the services that have a recipe."""
    names = (file.name for file in (DATA / "services").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))
