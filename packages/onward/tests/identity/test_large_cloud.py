"""A cloud with more users than the service lists at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from material.large_keystone import enlarge
from onward.observe.identity import LONGEST_LIST
from onward.observe.identity_listings import SAMPLE

if TYPE_CHECKING:
    from conftest import Rehearsal

pytestmark = [pytest.mark.environments, pytest.mark.mariadb, pytest.mark.timeout(900)]

ROWS = 100_000
"""With twice as many users as are listed, so that it matters which of them a list leaves out."""


def test_a_cloud_too_large_to_be_listed_is_compared_by_a_sample(begin: "Callable[..., Rehearsal]") -> None:
    # On MariaDB, where the lists of releases before 2025.1 are wrong as soon as they are cut off.
    rehearsal = begin("2024.2", "2025.1", backend="mariadb")
    rehearsal.do("scratch", "configure", "seed")
    counts = enlarge(rehearsal.url, ROWS)
    assert counts["user"] > 2 * LONGEST_LIST
    remembered = rehearsal.do("remember")
    assert set(remembered["sampled"]) == {"users", "role_assignments", "memberships"}
    assert remembered["counts"]["users"] == SAMPLE
    rehearsal.migrate()
    checks = {check["name"]: check for check in rehearsal.do("prove")["checks"]}
    assert checks["users are the same"]["total"] == SAMPLE
    projects_and_domains = checks["projects are the same"]["total"] + checks["domains are the same"]["total"]
    assert projects_and_domains == counts["project"] - 1  # without the root of all domains
    assert checks["limits are the same"]["total"] == counts["limit"]
    assert checks["role assignments are the same"]["total"] > 2 * SAMPLE
    assert all(check["passed"] == check["total"] for check in checks.values())
