"""The picture of a model's dependencies: everybody in it, users above what they use, the cause marked in words."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from onward.diagnosis.causes import Cause
from onward.diagnosis.dependencies import Dependencies
from onward.model.status import UnitStatus
from onward.views.graph import HEIGHT, WIDTH, boxes_of, picture_of, table_of

GRAPH = Dependencies(
    units={"haproxy": ("haproxy/0",), "keystone": ("keystone/0", "keystone/1"), "mariadb": ("mariadb/0",)},
    uses={"haproxy": ("keystone", "mariadb"), "keystone": ("mariadb",)},
)
UNITS = [UnitStatus(name, "active", "", (), "") for name in ("haproxy/0", "keystone/0", "mariadb/0")]
CAUSE = (Cause("down", "mariadb/0", "nobody listens", 3, ()), "down")
NAMES = st.lists(st.text("abc<>&\"'\x1b", min_size=1, max_size=30), min_size=1, max_size=12, unique=True)


def test_the_cause_is_marked_in_words_and_its_users_are_led_to_it() -> None:
    boxes = {each.name: each for each in boxes_of(GRAPH, UNITS, [CAUSE])}
    assert boxes["mariadb"].words == "CAUSE: down"
    assert boxes["keystone"].words == "1 of 2 active"
    assert (boxes["keystone"].hurt, boxes["haproxy"].hurt, boxes["mariadb"].hurt) == (True, True, False)
    assert boxes["haproxy"].y < boxes["keystone"].y < boxes["mariadb"].y
    picture = str(picture_of(GRAPH, boxes.values()))
    assert 'aria-label="Who uses whom; the cause is marked: mariadb (down)"' in picture
    assert ">CAUSE<" in picture


def test_a_cause_between_two_is_at_both_and_a_network_at_none() -> None:
    login = Cause("credentials", "keystone > mariadb", "", 1, ())
    boxes = {each.name: each.cause for each in boxes_of(GRAPH, UNITS, [(login, "login refused")])}
    assert boxes == {"haproxy": "", "keystone": "login refused", "mariadb": "login refused"}
    network = Cause("network", "machine-1 > machine-2", "", 1, ())
    assert not any(each.cause for each in boxes_of(GRAPH, UNITS, [(network, "network")]))


@given(names=NAMES, data=st.data())
def test_everybody_is_in_the_picture_once_whatever_they_are_called(names: list[str], data: st.DataObject) -> None:
    uses = {name: tuple(data.draw(st.lists(st.sampled_from(names), max_size=4, unique=True))) for name in names}
    graph = Dependencies(units={name: (f"{name}/0",) for name in names}, uses=uses)
    boxes = boxes_of(graph, (), [(Cause("down", f"{names[0]}/0", "", 1, ()), "down")])
    assert sorted(each.name for each in boxes) == sorted(names)
    assert [each.name for each in boxes if each.cause] == [names[0]]
    for one in boxes:
        for other in boxes:
            apart = abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
            assert one.name == other.name or apart
    root = ElementTree.fromstring(str(picture_of(graph, boxes)))  # noqa: S314 - made here
    assert len(root.findall("g")) == len(names)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for each in boxes:
        assert left <= each.x
        assert each.x + WIDTH <= left + width
        assert top <= each.y
        assert each.y + HEIGHT <= height
    assert set(table_of(graph)) == set(names)
