"""The catalogue of series: true to itself, and refused when it is not."""

import re
from datetime import date

import pytest

from onward.catalog.load import series_list
from onward.catalog.series import Release, Series, SeriesList, contradictions


def series(name: str, released: date, versions: tuple[str, ...] = (), *, slurp: bool = False) -> Series:
    services = {"keystone": tuple(Release(version=version) for version in versions)} if versions else {}
    return Series(id=name, name=f"name-{name}", released=released, slurp=slurp, python=("3.11",), services=services)


def test_knows_every_series_from_pike_to_2026_2() -> None:
    known = [entry.id for entry in series_list()]
    assert known[0] == "pike"
    assert known[-1] == "2026.2"
    assert len(known) == 19
    assert series_list().find("Caracal").id == "2024.1"


def test_the_version_of_keystone_that_would_be_built_has_a_date_in_every_series() -> None:
    for entry in series_list():
        newest = entry.newest("keystone")
        assert newest.published is not None
        # Pike's files were put on the index only with its third version, all others with the release or after it.
        assert newest.published >= entry.released


def test_skip_level_upgrades_go_from_the_first_release_of_a_year_to_the_next() -> None:
    assert [entry.id for entry in series_list() if entry.slurp] == ["2023.1", "2024.1", "2025.1", "2026.1"]
    assert [entry.id for entry in series_list().path("2023.1", "2026.1", slurp=True)] == [
        "2023.1",
        "2024.1",
        "2025.1",
        "2026.1",
    ]


def test_everything_since_2023_1_runs_on_python_3_11_so_that_one_interpreter_carries_the_demo() -> None:
    for entry in series_list().path("2023.1", "2026.2"):
        assert entry.python[0] == "3.11"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((series("a", date(2020, 1, 1)), series("b", date(2020, 1, 1))), "b stands after a and was not released"),
        ((series("a", date(2020, 1, 1)), series("a", date(2020, 6, 1))), "a is the name of two series"),
        ((series("2024.2", date(2024, 10, 2), slurp=True),), "2024.2 cannot have slurp: true"),
        ((series("2024.1", date(2024, 4, 3)),), "2024.1 cannot have slurp: false"),
        ((series("a", date(2020, 1, 1), ("9.0.10", "9.0.9")),), "keystone 9.0.9 of a stands after 9.0.10"),
        (
            (series("a", date(2020, 1, 1), ("9.0.0",)), series("b", date(2020, 6, 1), ("9.0.0",))),
            "keystone 9.0.0 of b stands after 9.0.0",
        ),
    ],
)
def test_data_that_contradicts_itself_is_refused_on_load(entries: tuple[Series, ...], expected: str) -> None:
    assert any(expected in line for line in contradictions(entries))
    with pytest.raises(ValueError, match=re.escape(expected)):
        SeriesList(entries)


def test_a_version_is_later_by_its_numbers_and_not_by_its_letters() -> None:
    assert not contradictions((series("a", date(2020, 1, 1), ("9.0.9", "9.0.10")),))
