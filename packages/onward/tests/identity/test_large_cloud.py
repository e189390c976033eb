"""A cloud with more users than the service lists at once."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from material.large_keystone import enlarge
from onward.observe.identity import LONGEST_LIST
from onward.observe.identity_listings import SAMPLE

if TYPE_CHECKING:
    from conftest import Rehearsal

pytestmark = [pytest.mark.full, pytest.mark.environments, pytest.mark.timeout(900)]

ROWS = 60_000
"""With more users than are listed, so that it matters which of them a list leaves out."""


def test_a_cloud_too_large_to_be_listed_is_compared_by_a_sample(begin: "Callable[..., Rehearsal]") -> None:
    rehearsal = begin("2024.2", "2025.1")
    rehearsal.do("scratch", "configure", "seed")
    counts = enlarge(rehearsal.url, ROWS)
    assert counts["user"] > LONGEST_LIST
    remembered = rehearsal.do("remember")
    assert set(remembered["sampled"]) == {"users", "role_assignments", "memberships"}
    assert remembered["counts"]["users"] == SAMPLE
    assert shown_with_options(rehearsal) == users_with_options(rehearsal)
    rehearsal.migrate()
    checks = {check["name"]: check for check in rehearsal.do("prove")["checks"]}
    assert checks["users are the same"]["total"] == SAMPLE
    projects_and_domains = checks["projects are the same"]["total"] + checks["domains are the same"]["total"]
    assert projects_and_domains == counts["project"] - 1  # without the root of all domains
    assert checks["limits are the same"]["total"] == counts["limit"]
    assert checks["role assignments are the same"]["total"] > 2 * SAMPLE
    assert all(check["passed"] == check["total"] for check in checks.values())


def sample(rehearsal: "Rehearsal") -> dict[str, Any]:
    """The users that were remembered, by identifier."""
    remembered = json.loads((rehearsal.workspace / "remembered.json").read_text())
    found: dict[str, Any] = remembered["listings"]["users"]["items"]
    return found


def shown_with_options(rehearsal: "Rehearsal") -> set[str]:
    return {identifier for identifier, user in sample(rehearsal).items() if user["options"]}


def users_with_options(rehearsal: "Rehearsal") -> set[str]:
    """Those of the sample that have some. Cut off lists of releases before 2025.1 leave out those of many."""
    with closing(sqlite3.connect(rehearsal.database)) as connection:
        everybody = {str(row[0]) for row in connection.execute("SELECT user_id FROM user_option")}
    return everybody & set(sample(rehearsal))
