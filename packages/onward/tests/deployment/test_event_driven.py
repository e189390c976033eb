"""The model of a deployment by events, which Onward is measured against, follows the rules: counted by hand."""

from event_driven import hooks
from executions import planned, resolved
from onward.catalog.charms import charms
from onward.model.bundle import parse_bundle
from onward.plan.deployment.topology import topology


def counted(text: str) -> dict[str, int]:
    return dict(hooks(topology(parse_bundle(text, "bundle"), charms(), "bundle")))


def test_two_related_applications() -> None:
    """mariadb/0, keystone/0 and keystone/1.

    Each unit has its four own hooks (keystone/1 does not lead) and relation-created for the relation; mariadb/0 has it
    for its peers as well, of whom there are none. mariadb/0 sees two units join, keystone/0 and keystone/1 one each;
    each of these four is followed by relation-changed. Then mariadb/0 knows what is asked for, and answers: both units
    of Keystone have relation-changed again.
    """
    found = counted(
        "applications: {mariadb: , keystone: {num_units: 2}}\nrelations: [[keystone:shared-db, mariadb:shared-db]]"
    )
    assert found == {
        "install": 3,
        "relation-created": 3 + 1,
        "leader-elected": 2,
        "leader-settings-changed": 1,
        "config-changed": 3,
        "start": 3,
        "relation-joined": 4,
        "relation-changed": 4 + 2,
    }


def test_peers_tell_one_another_when_they_know_all_the_others() -> None:
    """Three units: each sees two join, with relation-changed; when each knows two, it says so to two."""
    found = counted("applications: {rabbitmq-server: {num_units: 3}}")
    assert (found["relation-created"], found["relation-joined"], found["relation-changed"]) == (3, 6, 6 + 6)


def test_a_unit_alone_has_no_peers() -> None:
    found = counted("applications: {rabbitmq-server: }")
    assert found == {"install": 1, "relation-created": 1, "leader-elected": 1, "config-changed": 1, "start": 1}


def test_onward_configures_each_unit_once() -> None:
    found = resolved(10)
    assert planned(found)[0] == sum(len(found.units(name)) for name in found.applications) == 23
