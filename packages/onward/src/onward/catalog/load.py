"""Reads the catalogue that comes with Onward, and checks it."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TypeVar

from onward.catalog.charm import CharmProcess
from onward.catalog.database import DatabaseNeeds, OldestServers
from onward.catalog.endpoint_names import NameGone
from onward.catalog.online_migrations import OnlineMigration
from onward.catalog.series import Series, SeriesList
from onward.catalog.service import (
    AnswerChange,
    Application,
    CensusChange,
    Check,
    Command,
    Driver,
    ForwardRecipe,
    KnownFault,
    LeftOut,
    OptionNamespace,
    Policy,
    Recipe,
)
from onward.catalog.validation import facts, invalid, parsed, recipe_contradictions, validated
from onward.errors import ServiceNotMoved, ServiceWithoutPolicy, UnknownService

DATA = files("onward.catalog") / "data"

Dated = TypeVar(
    "Dated", Command, Check, Application, Driver, KnownFault, LeftOut, OnlineMigration, OptionNamespace, CharmProcess
)
Change = TypeVar("Change", AnswerChange, CensusChange)

FORWARD_KEYS = frozenset(ForwardRecipe.model_fields) - frozenset(Recipe.model_fields)
"""What a recipe's file has below ``forward``."""


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
    """The recipe of a service; a ForwardRecipe where Onward can take it forward.

    Raises UnknownService, InvalidCatalogue.
    """
    file = DATA / "services" / f"{service}.yaml"
    if not service.isidentifier() or not file.is_file():
        raise UnknownService(
            f"There is no recipe for a service called {service!r}.",
            evidence=f"known: {', '.join(services())}",
            next_command="onward series show 2026.2",
        )
    return read_recipe(f"services/{service}.yaml", file.read_text(encoding="utf-8"), series_list())


def forward_recipe(service: str) -> ForwardRecipe:
    """The recipe of a service that is to be taken forward. Raises UnknownService, ServiceNotMoved, InvalidCatalogue."""
    found = recipe(service)
    if not isinstance(found, ForwardRecipe):
        moved = [name for name in services() if isinstance(recipe(name), ForwardRecipe)]
        raise ServiceNotMoved(
            f"Onward does not know how to take {service} forward.",
            evidence=f"can be taken forward: {', '.join(moved)}",
            next_command=f"onward policy show {service}",
        )
    return found


def service_policy(service: str) -> Policy:
    """Where a service's policy is. Raises UnknownService, ServiceWithoutPolicy, InvalidCatalogue."""
    found = recipe(service).policy
    if found is None:
        raise ServiceWithoutPolicy(
            f"{service} has no policy of its own.",
            evidence=f"with one: {', '.join(services_with_policy())}",
            next_command="onward policy --help",
        )
    return found


def read_recipe(file: str, text: str, order: SeriesList) -> Recipe:
    """The recipe that a file's text describes; a ForwardRecipe if it has ``forward``. Raises InvalidCatalogue."""
    entries = parsed(file, text)
    if isinstance(entries, dict) and "forward" in entries:
        found = _forward(file, entries)
    else:
        found = facts(file, entries, Recipe)
    if wrong := recipe_contradictions(found, order):
        raise invalid(file, wrong)
    return found


def _forward(file: str, entries: dict[str, object]) -> Recipe:
    below = entries["forward"]
    if not isinstance(below, dict):
        raise invalid(file, [f"forward: below it are facts by name, not {below!r}"])
    common = {key: value for key, value in entries.items() if key != "forward"}
    known = set(Recipe.model_fields)
    misplaced = [f"forward.{key}: this does not stand below forward" for key in below if key in known]
    misplaced += [f"{key}: this stands below forward" for key in common if key in FORWARD_KEYS]
    if misplaced:
        raise invalid(file, misplaced)
    return facts(file, common | below, ForwardRecipe, below={"forward": {*FORWARD_KEYS, *below}})


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


@cache
def database_needs() -> DatabaseNeeds:
    """What releases need of the database server below them. Raises InvalidCatalogue."""
    file = "database-servers.yaml"
    needs = validated(file, (DATA / file).read_text(encoding="utf-8"), DatabaseNeeds)
    known = {name for entry in series_list() for name in (entry.id, entry.name)}
    named = [each.since for each in needs.versions] + [each.none_since for each in needs.triggers]
    if wrong := [f"there is no series {name}" for name in named if name not in known]:
        raise invalid(file, wrong)
    return needs


def oldest_servers(series: str) -> OldestServers | None:
    """The oldest servers that a series supports; None where nothing documents any. Raises UnknownSeries."""
    position = series_list().position
    fitting = [each for each in database_needs().versions if position(each.since) <= position(series)]
    return fitting[-1] if fitting else None


def may_create_triggers(service: str, series: Iterable[str]) -> bool:
    """Whether the migrations of these series may create a trigger: unless it is known that none does."""
    position = series_list().position
    since = next((each.none_since for each in database_needs().triggers if each.service == service), None)
    return since is None or any(position(each) < position(since) for each in series)


@cache
def endpoint_names() -> tuple[NameGone, ...]:
    """Names that Keystone has ceased to fill in the URLs of endpoints. Raises InvalidCatalogue."""
    file = "endpoint-names.yaml"
    names = validated(file, (DATA / file).read_text(encoding="utf-8"), tuple[NameGone, ...])
    known = {name for entry in series_list() for name in (entry.id, entry.name)}
    if wrong := [f"there is no series {each.gone_since}" for each in names if each.gone_since not in known]:
        raise invalid(file, wrong)
    return names


def endpoint_names_gone(series: str) -> dict[str, str]:
    """Those that a series does not know, by name the series that they went with. Raises UnknownSeries."""
    position = series_list().position
    return {each.name: each.gone_since for each in endpoint_names() if position(each.gone_since) <= position(series)}


def services() -> tuple[str, ...]:
    """Names of the services that have a recipe."""
    names = (file.name for file in (DATA / "services").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def services_with_policy() -> tuple[str, ...]:
    """Those of the services that have a policy of their own."""
    return tuple(service for service in services() if recipe(service).policy is not None)
