"""A deployed model goes forward by a plan that is saved and reviewed: the same as by its bundle with other channels."""

import pytest
from bundles import EVERYTHING
from test_forward import moved

from onward.errors import UnknownSeries, UnknownService
from onward.model.bundle import parse_bundle
from onward.model.bundle_edit import with_channels
from onward.plan.deployment.drift import drift_of_model
from onward.survey.model_upgrade import ModelUpgrade, upgraded


def wish(target: str = "2026.1", **more: object) -> ModelUpgrade:
    return ModelUpgrade.model_validate(
        {"model": "demo", "target": target, "constraints": "as-of-release", "parallel": 2, **more}
    )


def test_all_services_get_the_channel_and_servers_get_none() -> None:
    channels = {name: entry.channel for name, entry in upgraded(BUNDLE, wish()).bundle.applications.items()}
    assert channels["keystone"] == channels["nova-compute"] == "2026.1"
    assert channels["mariadb"] == channels["haproxy"] is None


def test_named_services_go_alone_with_all_their_applications() -> None:
    found = upgraded(BUNDLE, wish(services=("nova",))).bundle.applications
    assert {name for name, entry in found.items() if entry.channel == "2026.1"} == {
        "nova-api",
        "nova-conductor",
        "nova-scheduler",
        "nova-compute",
    }


def test_a_channel_keeps_its_risk_and_a_series_may_be_called_by_its_name() -> None:
    edge = with_channels(BUNDLE, {"keystone": "2025.1/edge"})
    assert upgraded(edge, wish("Gazpacho")).bundle.applications["keystone"].channel == "2026.1/edge"


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(UnknownSeries):
        upgraded(BUNDLE, wish("2031.1"))
    with pytest.raises(UnknownService) as refused:
        upgraded(BUNDLE, wish(services=("swift",)))
    assert "keystone" in refused.value.evidence


def test_the_same_model_gives_no_drift() -> None:
    assert drift_of_model(moved("nova", "keystone"), moved("nova", "keystone")) == []


def test_what_was_done_since_and_what_has_to_be_done_besides_is_named() -> None:
    said = "\n".join(drift_of_model(moved("nova", "keystone"), moved("nova")))
    assert "planned, and done since: " in said
    assert "migrate/keystone/2026.1" in said
    said = "\n".join(drift_of_model(moved("nova"), moved("nova", "keystone")))
    assert "to be done now, and not planned: " in said


BUNDLE = parse_bundle(EVERYTHING, "cloud.yaml")


def test_a_plan_that_no_longer_fits_is_made_again_by_the_words_that_were_typed() -> None:
    assert wish().words() == ["plan", "upgrade", "--model", "demo", "--to", "2026.1"]
    asked = wish(services=("nova",), rolling=3, dropped=("nova-api:debug",), budget_seconds=2.5).words()
    assert asked[6:] == [
        *("--service", "nova", "--rolling", "--batch", "3"),
        *("--data-plane-budget", "2.5", "--drop-option", "nova-api:debug"),
    ]
