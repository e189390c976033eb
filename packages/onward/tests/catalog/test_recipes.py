"""Recipes: those of the catalogue are whole, and one that says something impossible is refused when it is read."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from onward.catalog.load import DATA, forward_recipe, in_force, read_recipe, recipe, series_list, services
from onward.errors import InvalidCatalogue, ServiceNotMoved, UnknownService

SINCE_2023_1 = tuple(series.id for series in series_list().path("2023.1", "2026.2"))


def file_of(service: str) -> dict[str, Any]:
    """The recipe's file, to be changed."""
    entries = yaml.safe_load((DATA / "services" / f"{service}.yaml").read_text(encoding="utf-8"))
    assert isinstance(entries, dict)
    return entries


@pytest.mark.parametrize("service", services())
def test_every_recipe_of_the_catalogue_is_read_and_has_a_release_to_build_in_every_series(service: str) -> None:
    known = recipe(service)
    assert known.service == service
    for series in SINCE_2023_1:
        newest = series_list().find(series).newest(service)
        assert newest.published is not None, f"nothing can be built of {service} {newest.version}"
    directory = {"horizon": "openstack-dashboard"}.get(service, service)
    assert all(path.startswith(f"/etc/{directory}/") for path in known.configuration)
    assert len({option.name for option in known.options}) == len(known.options)


@pytest.mark.parametrize("service", [service for service in services() if not recipe(service).checks_not_run])
def test_every_service_has_its_own_checks_in_every_series_since_2023_1(service: str) -> None:
    for series in SINCE_2023_1:
        checks = in_force(recipe(service).checks, series)
        assert "upgrade-check" in [check.name for check in checks]
        assert all({1, 2} <= set(check.meanings) for check in checks if check.prints != "symptoms")


def test_it_is_known_of_every_series_how_old_nova_computes_may_be() -> None:
    facts = recipe("nova").heartbeats
    assert facts is not None
    assert [each.series for each in facts.oldest] == list(SINCE_2023_1)
    versions = [each.version for each in facts.oldest]
    assert versions == sorted(versions)


def test_a_check_asks_for_json_only_where_the_release_prints_it() -> None:
    for service in services():
        for check in recipe(service).checks:
            assert ("--json" in check.argv) == (check.prints == "json"), f"{service} {check.name}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda file: file.update(colour="red"), "colour: Extra inputs are not permitted"),
        (lambda file: file["checks"][0].update(colour="red"), "checks[upgrade-check].colour: Extra inputs"),
        (lambda file: file.pop("policy"), "policy: Field required"),
        (lambda file: file.update(processes=[]), "processes: Extra inputs are not permitted"),
        (lambda file: file.update(forward={"processes": []}), "forward.enter_next: Field required"),
        (lambda file: file.update(forward=None), "forward: below it are facts by name, not None"),
        (lambda file: file["checks"][0].update(since="2030.1"), "There is no series called '2030.1'"),
        (lambda file: file["checks"][0].update(since="2025.1", until="2024.1"), "2024.1 is before 2025.1"),
        (lambda file: file["checks"].append(file["checks"][0]), "has two that are called upgrade-check"),
        (
            lambda file: file["online_migrations"]["functions"][0].update(since="2030.1"),
            "online_migrations.functions[migrate_quota_limits_to_api_db].since: There is no series called '2030.1'",
        ),
        (lambda file: file["online_migrations"]["functions"][0].pop("where"), "either table and where, or count"),
        (lambda file: file["heartbeats"]["oldest"][0].update(series="2030.1"), "heartbeats.oldest: There is no series"),
        (lambda file: file["heartbeats"].update(colour="red"), "heartbeats.colour: Extra inputs are not permitted"),
        (
            lambda file: file["options"].append({"name": "oslo.db", "until": "2029.1"}),
            "options[oslo.db].until: There is no series called '2029.1'",
        ),
    ],
)
def test_a_recipe_that_cannot_be_true_is_refused(change: Callable[[dict[str, Any]], object], expected: str) -> None:
    file = file_of("nova")
    assert read_recipe("nova.yaml", yaml.safe_dump(file), series_list()).service == "nova"
    change(file)
    with pytest.raises(InvalidCatalogue) as refused:
        read_recipe("nova.yaml", yaml.safe_dump(file), series_list())
    assert expected in refused.value.evidence


def test_a_service_that_is_only_checked_is_refused_by_what_would_move_it() -> None:
    assert forward_recipe("keystone").enter_next.name == "db_sync-check"
    with pytest.raises(ServiceNotMoved) as caught:
        forward_recipe("nova")
    assert caught.value.exit_status == 4
    assert "nova" in caught.value.what
    assert "keystone" in caught.value.evidence
    with pytest.raises(UnknownService, match="telescope"):
        forward_recipe("telescope")
