"""Changes of what is deployed: another bundle of one, and units that keep their numbers."""

import pytest
from bundles import KEYSTONE
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.charms import charms
from onward.errors import BundleInvalid, BundleUnsatisfied, UnitNeeded
from onward.hosts.supervisor import ProcessState
from onward.model.bundle import Bundle, parse_bundle
from onward.model.bundle_edit import related, unrelated, with_options, with_units, without_units
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.topology import topology
from onward.survey.departure import require_departure

BUNDLE = parse_bundle(KEYSTONE.format(name="demo"), "cloud.yaml")


def memcached(units: int) -> Bundle:
    return parse_bundle(f"applications: {{memcached: {{num_units: {units}}}}}", "cloud.yaml")


def test_a_unit_that_stays_keeps_its_number_when_another_is_removed() -> None:
    left = without_units(BUNDLE, ["keystone/0"])
    assert left.applications["keystone"].num_units == 1
    assert unit_numbers(left, {"keystone": (0, 1)}, {"keystone/0"})["keystone"] == (1,)


def test_a_unit_that_is_added_has_the_lowest_number_that_is_free() -> None:
    assert unit_numbers(memcached(3), {"memcached": (0, 2)})["memcached"] == (0, 1, 2)


def test_the_number_of_a_unit_that_is_still_going_is_not_free() -> None:
    numbers = unit_numbers(memcached(3), {"memcached": (0, 2)}, present={"memcached/1"})
    assert numbers["memcached"] == (0, 2, 3)


@given(
    before=st.sets(st.integers(0, 30)),
    leaving=st.sets(st.integers(0, 30)),
    present=st.sets(st.integers(0, 30)),
    wanted=st.integers(0, 40),
)
def test_there_are_as_many_units_as_the_bundle_says_and_those_that_can_stay_do(
    before: set[int], leaving: set[int], present: set[int], wanted: int
) -> None:
    def named(numbers: set[int]) -> set[str]:
        return {f"memcached/{number}" for number in numbers}

    found = unit_numbers(memcached(wanted), {"memcached": sorted(before)}, named(leaving), named(present))["memcached"]
    assert len(set(found)) == len(found) == wanted
    assert not set(found) & leaving & before
    staying = sorted(before - leaving)[:wanted]
    assert set(staying) <= set(found)
    assert not (set(found) - set(staying)) & (before | present)


def test_what_was_said_of_a_unit_alone_goes_with_it() -> None:
    changed = with_options(BUNDLE, "keystone/1", {"debug": "true"})
    assert changed.applications["keystone"].unit_options == {"1": {"debug": True}}
    assert without_units(changed, ["keystone/1"]).applications["keystone"].unit_options == {}


def test_an_option_that_is_set_back_stands_where_it_stood() -> None:
    """Files are written in the order of the bundle: another order would be another file, and a restart."""
    changed = with_options(BUNDLE, "keystone", {"workers": "2"})
    assert list(with_options(changed, "keystone", {"workers": "1"}).applications["keystone"].options.items()) == list(
        BUNDLE.applications["keystone"].options.items()
    )


def test_units_added_and_removed_leave_the_bundle_as_it_was() -> None:
    assert without_units(with_units(BUNDLE, "keystone", 2), ["keystone/2", "keystone/3"]) == BUNDLE


def test_a_relation_that_is_there_is_not_said_twice() -> None:
    assert related(BUNDLE, "memcached", "keystone") == BUNDLE


@pytest.mark.parametrize("end", ["keystone", "keystone:cache"])
def test_a_relation_is_ended_by_its_applications_or_its_endpoints(end: str) -> None:
    left = unrelated(BUNDLE, "memcached", end)
    assert left.relations == (("keystone:shared-db", "mariadb:shared-db"), ("haproxy", "keystone"))
    assert related(left, "keystone", "memcached").relations[-1] == ("keystone", "memcached")


def test_a_relation_that_is_not_there_cannot_be_ended() -> None:
    with pytest.raises(BundleInvalid, match="not related") as raised:
        unrelated(BUNDLE, "haproxy", "mariadb")
    assert "keystone:shared-db - mariadb:shared-db" in raised.value.evidence


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("mariadb/0", "mariadb has no unit, and keystone needs it"),
        ("memcached/0", "memcached has no unit, and keystone needs it"),
        ("haproxy/0", "haproxy has no unit, and keystone needs it"),
    ],
)
def test_the_last_unit_of_what_others_use_stays(unit: str, said: str) -> None:
    left = without_units(BUNDLE, [unit])
    with pytest.raises(BundleUnsatisfied) as raised:
        topology(left, charms(), "the bundle", numbers=unit_numbers(left, {}))
    assert said in raised.value.evidence


def refusal(units: int, leaving: list[str], running: list[str]) -> str:
    bundle = parse_bundle(f"applications: {{mariadb: {{num_units: {units}}}}}", "cloud.yaml")
    left = without_units(bundle, leaving)
    found = topology(left, charms(), "", numbers=unit_numbers(left, {"mariadb": range(units)}, leaving))
    states = {unit: [ProcessState(unit, "mariadbd", "RUNNING", 1, 9, "")] for unit in running}
    try:
        require_departure(found, leaving, states)
    except UnitNeeded as refused:
        return refused.evidence
    return ""


ALL = ["mariadb/0", "mariadb/1", "mariadb/2"]


def test_a_node_leaves_a_cluster_whose_others_run() -> None:
    assert refusal(3, ["mariadb/1"], ALL) == ""
    assert refusal(3, ["mariadb/1"], ["mariadb/0", "mariadb/2"]) == "", "the one that goes need not run"
    assert refusal(3, ALL, []) == "", "all may go"


def test_a_node_does_not_leave_when_one_that_has_the_data_is_down() -> None:
    assert refusal(3, ["mariadb/1"], ["mariadb/0", "mariadb/1"]) == (
        "mariadb/1 would go, and mariadb/2, which stays, does not run"
    )


def test_a_cluster_is_not_taken_back_to_a_single_server() -> None:
    assert "left with mariadb/2 alone" in refusal(3, ["mariadb/0", "mariadb/1"], ALL)
