"""What the catalogue says that releases need of a database server."""

import pytest

from onward.catalog.load import database_needs, may_create_triggers, oldest_servers, recipe, services


@pytest.mark.parametrize(("series", "mariadb"), [("victoria", None), ("wallaby", "10.0"), ("2026.2", "10.0")])
def test_a_bound_holds_from_the_series_on_that_documents_it(series: str, mariadb: str | None) -> None:
    oldest = oldest_servers(series)
    assert (oldest.mariadb if oldest else None) == mariadb


@pytest.mark.parametrize(
    ("service", "series", "may"),
    [
        ("keystone", ["queens", "rocky"], False),
        ("heat", ["2023.1", "2023.2"], False),
        ("heat", ["zed", "2023.1"], True),
        ("a-service-of-somebody", ["2026.1"], True),
    ],
)
def test_a_migration_may_create_triggers_unless_it_is_known_that_none_does(
    service: str, series: list[str], may: bool
) -> None:
    assert may_create_triggers(service, series) is may


def test_every_service_with_a_database_has_its_fact_and_every_fact_its_source() -> None:
    facts = database_needs()
    assert {each.service for each in facts.triggers} == {each for each in services() if recipe(each).connections}
    assert all(each.source for each in [*facts.versions, *facts.triggers])
