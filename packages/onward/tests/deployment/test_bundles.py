"""What a bundle may say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.charms import charms
from onward.errors import BundleInvalid, BundleUnsatisfied, MachineElsewhere
from onward.model.bundle import MOST_UNITS, parse_bundle, without_effect
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.topology import topology
from onward.survey.deployment import read_bundle

APPLICATIONS = """\
applications:
  mariadb:
  keystone: {num_units: 2}
  haproxy:
"""


def problem(text: str) -> str:
    with pytest.raises(BundleInvalid) as raised:
        topology(parse_bundle(text, "cloud.yaml"), charms(), "cloud.yaml")
    return raised.value.evidence


def test_an_application_is_of_the_charm_that_has_its_name() -> None:
    bundle = parse_bundle("applications: {db: {charm: mariadb}, keystone: }", "cloud.yaml")
    assert {name: entry.charm for name, entry in bundle.applications.items()} == {
        "db": "mariadb",
        "keystone": "keystone",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "applications:\n  keystone:\n    num_unit: 3\n",
            "cloud.yaml:3: applications.keystone.num_unit: there is no such key: num_units?",
        ),
        (
            "applications:\n  keystone:\n    channel: 2025.1\n",
            'cloud.yaml:3: applications.keystone.channel: YAML takes it for a number: write it in quotes, "2025.1"',
        ),
        ("aplications:\n  keystone:\n", "cloud.yaml:1: aplications: there is no such key: applications?"),
        (
            "applications:\n  mariadb:\n  keystone:\n    num_units: many\n",
            "cloud.yaml:4: applications.keystone.num_units: ",
        ),
        ("applications:\n  Keystone:\n", "cloud.yaml:2: applications.Keystone"),
        ("applications: {}\n", "cloud.yaml:1: applications: "),
        ("applications:\n  mariadb:\nrelations:\n  - [a, b, c]\n", "cloud.yaml:3: relations: "),
        (
            "applications:\n  mariadb:\n    unit-options:\n      '4': {debug: true}\n",
            "there is no unit 4 among mariadb/0",
        ),
        ("[1, 2", "expected ',' or ']'"),
        ("applications:\n  keystoen:\n", "did you mean keystone?"),
        (f"{APPLICATIONS}relations: [[keystone, mysql]]\n", "there is no mysql"),
        (
            "applications:\n  memcached:\n  haproxy:\nrelations: [[haproxy, memcached]]\n",
            "memcached requires nothing, provides cache",
        ),
        ("applications:\n  haproxy: {num_units: 2}\n", "at most 1"),
        ("applications:\n  mariadb:\nsaas:\n  keystone: {url: one}\n", "cloud.yaml:4: saas.keystone.url: "),
        ("applications:\n  mariadb:\nsaas: {mariadb: {url: a.b}}\n", "applications of the same name: mariadb"),
        (
            "applications:\n  mariadb:\n    offers: {database: {endpoints: [sql]}}\n",
            "applications.mariadb.offers.database.endpoints: sql; mariadb can offer: shared-db",
        ),
        ("applications:\n  mariadb: {offers: {db: {endpoints: []}}}\n", "applications.mariadb.offers.db.endpoints: "),
        (
            "applications: {a: &one {charm: mariadb, offers: {db: {endpoints: [shared-db]}}}, b: *one}",
            "several have the name db",
        ),
        (
            "applications:\n  mariadb:\n    num_units: 3\n    to: ['0',\n      '1']\nmachines: {'0': }\n",
            "cloud.yaml:5: applications.mariadb.to.1: there is no machine or application 1; machines: 0",
        ),
        ("applications:\n  mariadb: {to: ['lxd:3']}\n", "no machine or application lxd:3; machines: none"),
        ("applications:\n  mariadb: {to: [near:new]}\n", "no machine or application near:new"),
        ("applications:\n  mariadb: {to: [new, new]}\n", "cloud.yaml:2: applications.mariadb.to: 2 places for 1 unit"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_key(text: str, said: str) -> None:
    assert said in problem(text)


def test_a_relation_that_is_missing_is_named_before_anything_starts() -> None:
    with pytest.raises(BundleUnsatisfied) as raised:
        topology(parse_bundle(APPLICATIONS, "cloud.yaml"), charms(), "cloud.yaml")
    assert "keystone needs a relation of keystone:shared-db (interface mysql-shared)" in raised.value.evidence


def test_what_uses_an_application_without_units_can_never_come_up() -> None:
    text = "applications: {mariadb: {num_units: 0}, keystone: }\nrelations: [[keystone, mariadb]]"
    with pytest.raises(BundleUnsatisfied, match="never come up") as raised:
        topology(parse_bundle(text, "cloud.yaml"), charms(), "cloud.yaml")
    assert "mariadb has no unit" in raised.value.evidence


def test_keys_of_juju_that_mean_nothing_here_are_told() -> None:
    text = """\
default-base: ubuntu@24.04
applications:
  mariadb: {constraints: mem=4G, expose: true, bindings: {"": internal}, to: [lxd:0]}
  memcached: {to: [mariadb/0]}
machines: {0: {constraints: arch=amd64}}
"""
    assert without_effect(parse_bundle(text, "cloud.yaml")) == [
        "default-base",
        "applications.mariadb.constraints",
        "applications.mariadb.expose",
        "applications.mariadb.bindings",
        "machines.0.constraints",
    ]


def test_a_machine_that_is_not_this_one_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "cloud.yaml"
    file.write_text(
        "applications: {mariadb: {to: ['0']}}\n"
        "machines:\n"
        "  '0':\n    address: localhost\n"
        "  '1':\n    address: 192.0.2.1\n"
    )
    with pytest.raises(MachineElsewhere) as raised:
        read_bundle(file, None)
    assert (
        raised.value.evidence
        == f"{file}:6: machines.1.address: 192.0.2.1 is no address of this machine; ssh://... is another one"
    )


NAMES = st.lists(st.from_regex(r"[a-z]{1,8}/[0-9]{1,2}", fullmatch=True), unique=True, max_size=40)


@given(before=NAMES, after=NAMES)
def test_an_address_is_nobody_elses_and_stays(before: list[str], after: list[str]) -> None:
    first = with_addresses({}, before, 16)
    then = with_addresses(first, after, 16)
    assert sorted(then) == sorted(after)
    assert len(set(then.values())) == len(then)
    assert {name: then[name] for name in before if name in then} == {
        name: address for name, address in first.items() if name in then
    }


def test_there_are_addresses_for_as_many_units_as_a_bundle_may_have() -> None:
    given_addresses = with_addresses({}, [f"nova-compute/{number}" for number in range(MOST_UNITS)], 16)
    assert len(set(given_addresses.values())) == MOST_UNITS
    assert all(address.rpartition(".")[2] not in ("0", "255") for address in given_addresses.values())
