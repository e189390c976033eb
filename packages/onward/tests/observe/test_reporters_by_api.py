"""Processes that report, as the APIs of Nova, Cinder and Neutron list them to those who cannot read the database."""

from datetime import UTC, datetime, timedelta

import pytest

from onward.catalog.load import recipe
from onward.checks.heartbeats import reporter_findings
from onward.model.heartbeats import Reporters
from onward.observe.heartbeats import reporters_of

NOW = datetime(2026, 11, 26, 1, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000000")


# As the APIs of 2025.1 answer, with other times.
ANSWERS = {
    "nova": [
        {
            "id": "6d1a0d5c-3f5c-4b3e-9d0c-1d6f3f6f0f01",
            "binary": "nova-compute",
            "host": "compute-1",
            "zone": "nova",
            "status": "enabled",
            "state": "up",
            "updated_at": ago(4),
            "disabled_reason": None,
            "forced_down": False,
        },
        {
            "id": "6d1a0d5c-3f5c-4b3e-9d0c-1d6f3f6f0f02",
            "binary": "nova-compute",
            "host": "compute-2",
            "zone": "nova",
            "status": "disabled",
            "state": "down",
            "updated_at": ago(9000),
            "disabled_reason": "new memory",
            "forced_down": False,
        },
        {
            "id": "6d1a0d5c-3f5c-4b3e-9d0c-1d6f3f6f0f03",
            "binary": "nova-scheduler",
            "host": "gone",
            "zone": "internal",
            "status": "enabled",
            "state": "down",
            "updated_at": ago(40 * 86400),
            "disabled_reason": None,
            "forced_down": False,
        },
    ],
    "cinder": [
        {
            "binary": "cinder-scheduler",
            "host": "one",
            "zone": "nova",
            "status": "enabled",
            "state": "down",
            "updated_at": ago(600),
            "disabled_reason": None,
        }
    ],
    "neutron": [
        {
            "id": "b1f1a3b4-0000-4000-8000-000000000001",
            "agent_type": "Open vSwitch agent",
            "binary": "neutron-openvswitch-agent",
            "host": "compute-1",
            "admin_state_up": True,
            "alive": True,
            "heartbeat_timestamp": ago(20).replace("T", " ").partition(".")[0],
        }
    ],
}


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ("nova", {"services reporting", "disabled services", "stale services"}),
        ("cinder", {"services down"}),
        ("neutron", {"services reporting"}),
    ],
)
def test_who_lives_is_down_or_was_left_behind_is_told_apart(service: str, found: set[str]) -> None:
    facts = recipe(service).heartbeats
    assert facts is not None
    assert facts.api is not None
    rows = reporters_of(ANSWERS[service], facts, facts.api, NOW)
    findings = list(reporter_findings(service, [Reporters("", rows)], facts.remove, once=facts.once))
    assert {each.name for each in findings} == found, findings
    stale = [each for each in findings if each.name == "stale services"]
    assert all("6d1a0d5c-3f5c-4b3e-9d0c-1d6f3f6f0f03" in each.way_out for each in stale)
