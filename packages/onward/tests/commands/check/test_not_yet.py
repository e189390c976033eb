"""What a release's own check says of a database that is not at that release, and of rows that are in order."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from real_services import RealService, ago, real_service

SOURCE, TARGET = "2023.1", "2023.2"

pytestmark = [pytest.mark.full, pytest.mark.environments]


def found(onward: Callable[..., Any], service: RealService, name: str) -> dict[str, str]:
    """The finding of that name of the target's own check."""
    service.describe()
    words = ("check", service.service, "--cloud", service.cloud_file, "--to", TARGET)
    findings = json.loads(onward(*words, "-f", "json").out)
    (finding,) = (each for each in findings if (each["Check"], each["About"]) == (name, f"{service.service} {TARGET}"))
    return dict(finding)


def test_a_check_that_needs_the_schema_of_its_own_release_cannot_tell_yet(
    onward: Callable[..., Any], service_environment: Callable[[str, str], Path], tmp_path: Path
) -> None:
    with real_service("nova", SOURCE, tmp_path, service_environment) as nova:
        early = found(onward, nova, "upgrade-check")
    assert early["Result"] == "warn"
    assert f"cannot be told yet: it looks for what the schema of {SOURCE} has not" in early["Details"]
    assert "instances.compute_id" in early["Details"]
    assert early["Way out"] == f"onward rehearse --service nova --to {TARGET}"


def test_volumes_that_were_never_made_need_no_service_and_others_do(
    onward: Callable[..., Any], service_environment: Callable[[str, str], Path], tmp_path: Path
) -> None:
    with real_service("cinder", SOURCE, tmp_path, service_environment) as cinder:
        ((kind,),) = cinder.rows("cinder", "SELECT id FROM volume_types LIMIT 1")
        volume = {"deleted": 0, "volume_type_id": kind, "use_quota": 1}
        cinder.plant("cinder", "volumes", id="failed", status="error", **volume)
        nothing = found(onward, cinder, "Service UUIDs")
        cinder.plant("cinder", "volumes", id="made", status="available", host="a@b#c", launched_at=ago(60), **volume)
        something = found(onward, cinder, "Service UUIDs")
    assert nothing["Result"] == "warn"
    assert "were never made" in nothing["Details"]
    assert something["Result"] == "fail"
