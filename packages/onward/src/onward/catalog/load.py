"""Reads the catalogue that comes with Onward, and checks it."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TypeVar

import yaml

from onward.catalog.series import Series, SeriesList
from onward.catalog.service import Application, Command, KnownFault, Recipe
from onward.errors import UnknownService

DATA = files("onward.catalog") / "data"

Dated = TypeVar("Dated", Command, Application, KnownFault)


@cache
def series_list() -> SeriesList:
    """All series of the catalogue, the oldest first."""
    entries = yaml.safe_load((DATA / "series.yaml").read_text(encoding="utf-8"))
    return SeriesList(tuple(Series.model_validate(entry) for entry in entries))


@cache
def recipe(service: str) -> Recipe:
    """The recipe of a service. Raises UnknownService."""
    file = DATA / "services" / f"{service}.yaml"
    if not service.isidentifier() or not file.is_file():
        raise UnknownService(
            f"There is no recipe for a service called {service!r}.",
            evidence=f"known: {', '.join(services())}",
            next_command="onward series show 2026.2",
        )
    return Recipe.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


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
