"""Where units are put, at which addresses, and what the plan says of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.errors import BundleInvalid
from onward.model.bundle import parse_bundle
from onward.model.machine import ssh_address
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.placement import addresses_of, given_addresses, placed
from onward.plan.step import Step

BUNDLE = """\
machines:
  "0": {}
  "1": {address: "ssh://root@10.0.0.1"}
  b: {address: "ssh://deploy@10.0.0.2:2222", addresses: [10.0.0.21, 10.0.0.22]}
applications:
  mariadb: {to: ["1"]}
  keystone: {num_units: 3, to: [b, "lxd:1", "0"]}
  memcached: {num_units: 3, to: [keystone, keystone/1, new]}
  haproxy: {to: [mariadb/0]}
"""


def test_units_are_on_the_machines_that_the_bundle_names() -> None:
    bundle = parse_bundle(BUNDLE, "cloud.yaml")
    assert placed(bundle, unit_numbers(bundle, {}), {}, ()) == {
        "mariadb/0": "1",
        "keystone/0": "b",
        "keystone/1": "1",
        "memcached/0": "b",
        "memcached/1": "1",
        "haproxy/0": "1",
    }


def test_a_unit_stays_where_it_is() -> None:
    bundle = parse_bundle(BUNDLE.replace('mariadb: {to: ["1"]}', "mariadb: {to: [b]}"), "cloud.yaml")
    numbers = unit_numbers(bundle, {})
    assert placed(bundle, numbers, {"mariadb/0": "1"}, ["mariadb/0"])["mariadb/0"] == "1"
    assert placed(bundle, numbers, {"mariadb/0": "1"}, [])["mariadb/0"] == "b"
    assert placed(bundle, numbers, {"old/3": "b"}, ["old/3"])["old/3"] == "b"
    assert "haproxy/0" not in placed(bundle, numbers, {}, ["haproxy/0"])  # it was begun on this machine


def test_addresses_of_a_machine_are_its_own_or_those_that_are_named() -> None:
    bundle = parse_bundle(BUNDLE, "cloud.yaml")
    assert addresses_of(bundle, "1") == ("10.0.0.1",)
    assert addresses_of(bundle, "b") == ("10.0.0.21", "10.0.0.22")


@given(
    wanted=st.dictionaries(
        st.text("abcd", min_size=1, max_size=3),
        st.tuples(st.sampled_from(["x", "y"]), st.frozensets(st.integers(1, 4), min_size=1)),
    )
)
def test_two_that_share_a_port_never_share_an_address(wanted: dict[str, tuple[str, frozenset[int]]]) -> None:
    allowed = {"x": ("10.0.0.1", "10.0.0.2"), "y": ("10.0.0.3",)}
    given_here, without = given_addresses(wanted, allowed, {})
    assert set(given_here) | set(without) == set(wanted)
    for name, address in given_here.items():
        assert address in allowed[wanted[name][0]]
        for other, its in given_here.items():
            assert other == name or its != address or not wanted[name][1] & wanted[other][1]
    again, _ = given_addresses({name: wanted[name] for name in given_here}, allowed, given_here)
    assert again == given_here


@pytest.mark.parametrize(
    "address", ["ssh://", "ssh://root:word@host", "ssh://host/path", "http://host", "ssh://host:99999", "ssh://a b"]
)
def test_an_address_that_says_too_much_or_too_little_is_refused_with_its_line(address: str, tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid) as raised:
        parse_bundle(f"applications: {{memcached: }}\nmachines:\n  '1':\n    address: '{address}'\n", "cloud.yaml")
    assert raised.value.evidence.startswith("cloud.yaml:4: machines.1.address")


def test_an_address_has_a_user_and_a_port() -> None:
    assert str(ssh_address("ssh://host")) == "ssh://root@host:22"
    assert str(ssh_address("ssh://deploy@10.0.0.1:2222")) == "ssh://deploy@10.0.0.1:2222"


def test_a_plan_that_names_no_machine_is_what_it_was() -> None:
    step = Step(id="a", action="unit.start", target="a/0", reason="why", phase="deploy")
    assert "machine" not in step.model_dump(mode="json")
    away = step.model_copy(update={"machine": "1"})
    assert Step.model_validate(away.model_dump(mode="json")) == away
