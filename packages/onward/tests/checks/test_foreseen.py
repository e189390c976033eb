"""Faults of releases that a database URL will meet are seen before anything is migrated, without showing the URL."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.load import recipe, series_list
from onward.checks.foreseen import foreseen_faults

KEYSTONE = recipe("keystone")
ESCAPED = "mysql+pymysql://keystone:Gr8%2FSecret@db/keystone"
PLAIN = "mysql+pymysql://keystone:Gr8Secret@db/keystone"


@pytest.mark.parametrize(
    ("source", "target", "slurp", "stopped_at"),
    [
        ("queens", "yoga", False, []),
        ("yoga", "2023.1", False, ["zed", "2023.1"]),
        ("2023.1", "2026.1", True, ["2024.1", "2025.1", "2026.1"]),
        ("2026.1", "2026.2", False, []),
    ],
)
def test_a_percent_sign_in_the_url_stops_the_releases_from_zed_to_2026_1(
    source: str, target: str, slurp: bool, stopped_at: list[str]
) -> None:
    _, *ahead = series_list().path(source, target, slurp=slurp)
    found = foreseen_faults(KEYSTONE, ahead, ESCAPED)
    assert [series for series, _ in found] == stopped_at
    assert foreseen_faults(KEYSTONE, ahead, PLAIN) == []
    for _, fault in found:
        assert "Gr8" not in fault.model_dump_json()
        assert fault.way_out


@given(st.text(min_size=1))
def test_a_password_stops_an_upgrade_exactly_when_it_has_to_be_escaped(password: str) -> None:
    written = quote(password, safe="")
    ahead = series_list().path("2023.1", "2024.1")[1:]
    found = foreseen_faults(KEYSTONE, ahead, f"mysql+pymysql://keystone:{written}@db/keystone")
    assert bool(found) == (written != password)
