"""What units push is collected, whatever else is sent there; and what was wrong at night is named in the morning."""

import json
import socket
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.history import episodes
from onward.diagnosis.observation import Observation
from onward.diagnosis.places import Places
from onward.diagnosis.sighting import FROM_A_LOG, Sighting
from onward.hosts.health_history import HealthHistory
from onward.observe.health_datagrams import DatagramRefused, Receiver, opened
from onward.survey.health_collector import MOST_OF_A_UNIT, HealthCollector
from onward_service import answers
from onward_service.judgement import Component
from onward_service.observation import Status
from onward_service.push import Pusher, signed

KEY = b"0123456789abcdef"
GRAPH = Dependencies(
    units={"mariadb": ("mariadb/0",), "keystone": ("keystone/0", "keystone/1"), "glance": ("glance/0",)},
    uses={"mariadb": (), "keystone": ("mariadb",), "glance": ("mariadb", "keystone")},
)
PLACES = Places({"10.0.0.1:3306": "mariadb/0"}, {"identity": "keystone"}, {})
UNITS = [unit for units in GRAPH.units.values() for unit in units]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
)
ANSWERS = st.fixed_dictionaries(
    {"status": st.sampled_from(["pass", "warn", "fail"]) | JSON},
    optional={
        "checks": st.dictionaries(
            st.sampled_from(["sql:10.0.0.1:3306/keystone", "service:identity", "rpc:x", ":", ""]) | st.text(),
            st.fixed_dictionaries(
                {"status": st.sampled_from(["pass", "warn", "fail"]) | JSON},
                optional=dict.fromkeys(("age_seconds", "latency_ms", "usual_ms", "uses", "losses", "output"), JSON),
            )
            | JSON,
        )
        | JSON,
        "notes": JSON,
        "time": JSON | st.just("2026-01-01T00:00:00+00:00"),
    },
)


def said(status: Status, note: str = "") -> bytes:
    now = time.time()
    component = Component("sql:10.0.0.1:3306/keystone", status, now, 0.0, 0.002, 0.002, 9, 0, 1, note)
    return answers.details(status, "keystone", [component], (), now)


@given(st.binary() | st.binary().map(lambda body: b"onward-health-1 glance/0 \n" + body))
def test_whatever_is_sent_is_a_datagram_or_refused(content: bytes) -> None:
    try:
        found = opened(content, b"")
    except DatagramRefused:
        return
    assert isinstance(found.told, dict)


@given(JSON)
def test_what_is_sealed_with_another_key_or_with_none_is_refused(told: Any) -> None:
    body = json.dumps(told).encode()
    for key in (b"", b"another-key-of-16-bytes"):
        with pytest.raises(DatagramRefused, match=r"another key|no datagram"):
            opened(signed(b"glance/0", body, key), KEY)


def test_what_is_nested_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(DatagramRefused):
        opened(b"onward-health-1 glance/0 \n" + b"[" * 50_000, b"")


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([*UNITS, "nobody/7", ""]), ANSWERS | JSON), max_size=5))
def test_whatever_units_tell_is_taken_or_refused(told: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as directory, closing(HealthHistory(Path(directory) / "health.sqlite")) as history:
        collector = HealthCollector(UNITS, PLACES, history, 60.0)
        for unit, answer in told:
            collector.told(unit, answer)
        collector.keep()
        assert collector.taken + collector.refused == len(told)
        assert {each.user for each in history.since(0.0)} <= {*UNITS, "onward"}


def test_a_unit_that_speaks_of_ever_others_takes_no_more_room(tmp_path: Path) -> None:
    many = Places({f"10.0.0.1:{port}": f"other/{port}" for port in range(1000)}, {}, {})
    with closing(HealthHistory(tmp_path / "health.sqlite")) as history:
        collector = HealthCollector(UNITS, many, history, 60.0)
        for port in range(1000):
            check = {"status": "pass", "age_seconds": 0}
            collector.told("glance/0", {"status": "pass", "checks": {f"sql:10.0.0.1:{port}/x": check}})
        collector.keep()
        assert history.rows() == MOST_OF_A_UNIT


def test_what_a_unit_pushes_is_kept_when_it_changes_and_named_when_it_is_over(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "health.sock")
    words = {unit: said(Status.PASS) for unit in ("keystone/0", "keystone/1")}
    pushers = {
        unit: Pusher(f"unix:{tmp_path}/health.sock", unit, "", lambda unit=unit: words[unit])  # type: ignore[misc]
        for unit in words
    }
    with closing(HealthHistory(tmp_path / "health.sqlite")) as history:
        collector = HealthCollector(UNITS, PLACES, history, 3600.0)
        for changes, status, note in (
            (0, Status.PASS, ""),
            (1, Status.FAIL, "OperationalError 2003"),
            (2, Status.PASS, ""),
        ):
            for unit, pusher in pushers.items():
                words[unit] = said(status, note)
                pusher.tell(changes)
                pusher.tell(changes)
            for each in receiver.received(0.2):
                collector.told(each.unit, each.told)
        receiver.close()
        assert (collector.taken, collector.refused) == (6, 0), "said once, and again when it changed"
        assert collector.keep() == 6
        assert [each.saw for each in history.since(0.0) if each.user == "keystone/0"] == ["ok", "failed", "ok"]


def test_over_the_network_only_who_has_the_key_is_heard(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    receiver = Receiver(tmp_path / "health.sock", ("127.0.0.1", port), KEY)
    for name, key in (("right", KEY), ("wrong", b"another-key-of-16-bytes")):
        (tmp_path / name).write_bytes(key)
        Pusher(f"udp:127.0.0.1:{port}", "glance/0", str(tmp_path / name), lambda: said(Status.PASS)).tell(0)
    assert [each.unit for each in receiver.received(0.3)] == ["glance/0"]
    assert receiver.refused == 1
    receiver.close()


def changes(*told: tuple[float, str, str, str]) -> list[Observation]:
    return [Observation(user, about, saw, at, times=1) for at, user, about, saw in told]  # type: ignore[arg-type]


def test_what_was_wrong_is_named_with_when_it_began_and_ended() -> None:
    before = changes(*((0.0, unit, "mariadb/0", "ok") for unit in ("keystone/0", "keystone/1", "glance/0")))
    lost = changes(*((100.0 + n, unit, "mariadb/0", "refused") for n, unit in enumerate(("keystone/0", "keystone/1"))))
    back = changes(*((160.0 + n, unit, "mariadb/0", "ok") for n, unit in enumerate(("keystone/0", "keystone/1"))))
    (found,) = episodes([*before, *lost, *back], GRAPH)
    assert (found.cause.kind, found.cause.subject, found.began) == ("down", "mariadb/0", 100.0)
    assert found.ended == 160.0
    (still,) = episodes([*before, *lost], GRAPH)
    assert still.ended is None


def test_what_lasted_for_a_moment_is_no_episode() -> None:
    moment = changes((100.0, "glance/0", "mariadb/0", "refused"), (100.5, "glance/0", "mariadb/0", "ok"))
    assert episodes(moment, GRAPH) == ()


def test_the_history_forgets_what_is_old_and_keeps_what_each_said_last(tmp_path: Path) -> None:
    with closing(HealthHistory(tmp_path / "health.sqlite")) as history:
        history.add(changes(*((float(at), "glance/0", "mariadb/0", "ok" if at % 2 else "slow") for at in range(100))))
        history.add(changes((1.0, "keystone/0", "mariadb/0", "ok")))
        history.prune(90.0, 1000)
        assert history.rows() == 10
        history.prune(0.0, 4)
        assert history.rows() == 5
        assert {each.user for each in history.since(1000.0)} == {"glance/0", "keystone/0"}
    assert (tmp_path / "health.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_only_a_look_tells_is_over_where_the_next_one_does_not_tell_it(tmp_path: Path) -> None:
    with closing(HealthHistory(tmp_path / "history.sqlite")) as history:
        collector = HealthCollector(UNITS, PLACES, history, keep_seconds=3600)
        held = Observation("glance/0", "glance/0", "held", 100.0, detail="somebody holds its process 7 (state T)")
        logged = Observation(
            "glance/0", "mariadb/0", "refused", 100.0, detail=f"{FROM_A_LOG}/units/glance-0/log/api.log"
        )
        for at, seen in ((100.0, (held, logged)), (130.0, (held, logged)), (160.0, ())):
            collector.seen(Sighting(at, seen, ()))
        collector.keep()
        kept = [(each.user, each.about, each.saw, each.since) for each in history.since(0)]
    assert kept == [
        ("glance/0", "glance/0", "held", 100.0),
        ("glance/0", "mariadb/0", "refused", 100.0),
        ("glance/0", "glance/0", "ok", 160.0),
    ]
