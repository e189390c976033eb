"""An API's unit keeps tokens in the cache that is put where it is; where none is, in all of them."""

import re
from pathlib import Path

import pytest
from bundles import wish

from onward.model.deployment import UnitState
from onward.plan.deployment.placement import seat
from onward.plan.deployment.planner import plan_deployment

HA = (Path(__file__).parents[4] / "examples" / "ha-cloud.yaml").read_text()
UNPLACED = re.sub(r", to: \[[0-9, ]*\]", "", HA)


def caches(text: str, unit: str) -> tuple[list[str], list[str]]:
    """Where a unit keeps tokens, and where oslo.cache keeps what it knows: units of memcached."""
    wanted = wish(text)
    plan = plan_deployment(wanted)
    names = {address: name for name, address in wanted.site.addresses.items()}
    state = UnitState.model_validate({**plan.step(f"configure/{unit}").arguments["state"], "processes": []})  # type: ignore[dict-item]
    text = "\n".join(file.text for file in state.files)
    tokens, others = (
        [
            names[server.partition(":")[0]]
            for found in re.findall(rf"^{option} = (.*)$", text, re.M)
            for server in found.split(",")
        ]
        for option in ("memcached_servers", "memcache_servers")
    )
    return tokens, others


@pytest.mark.parametrize(
    ("unit", "beside"),
    [("glance/0", 0), ("glance/1", 1), ("placement/1", 2), ("neutron-api/0", 2), ("nova-api/0", 1), ("barbican/0", 1)],
)
def test_tokens_are_kept_in_the_cache_beside_the_api(unit: str, beside: int) -> None:
    assert caches(HA, unit)[0] == [f"memcached/{beside}"]


def test_what_all_units_of_keystone_have_to_agree_on_is_in_all_caches() -> None:
    assert caches(HA, "keystone/1") == ([], ["memcached/0", "memcached/1", "memcached/2"])


def test_without_a_cache_beside_it_an_api_uses_all() -> None:
    assert caches(UNPLACED, "glance/1")[0] == ["memcached/0", "memcached/1", "memcached/2"]
    elsewhere = HA.replace("glance: {channel: *release, num_units: 2, to: [0, 1]}", "glance: {channel: *release}")
    assert len(caches(elsewhere, "glance/0")[0]) == 3


@pytest.mark.parametrize(
    ("directives", "seats"),
    [
        ({"a": ["0", "lxd:1"]}, {"a/0": "machine 0", "a/1": "machine 1", "a/2": "a/2"}),
        ({"a": ["0"], "b": ["a/0", "a"]}, {"b/0": "machine 0", "b/1": "a/1"}),
        ({"a": ["new", "b/0"], "b": ["lxd:new"]}, {"a/0": "a/0", "a/1": "b/0", "b/0": "b/0"}),
        # A circle, and one that is beside a unit which there is not.
        ({"a": ["b/0"], "b": ["a/0"]}, {}),
        ({"a": ["b/7"]}, {"a/0": "a/0"}),
    ],
)
def test_a_unit_is_on_a_machine_or_beside_another_unit(directives: dict[str, list[str]], seats: dict[str, str]) -> None:
    applications = wish("applications: {memcached: , mariadb: }").topology.applications
    entry = applications["memcached"]
    placed = {name: entry.model_copy(update={"to": tuple(directives.get(name, ()))}) for name in ("a", "b")}
    numbers = {"a": (0, 1, 2), "b": (0, 1)}
    found = {
        f"{name}/{number}": seat(placed, numbers, f"{name}/{number}") for name in numbers for number in numbers[name]
    }
    assert found.items() >= seats.items()
    assert set(found.values()) <= {"machine 0", "machine 1", *found}
