"""What a unit tells of an address is said of a unit, and means what its words mean."""

from dataclasses import replace

import pytest
from bundles import wish

from onward.diagnosis.causes import diagnose
from onward.diagnosis.dependencies import dependencies_of
from onward.diagnosis.observation import GIVEN_TIME, ONWARD, Observation
from onward.diagnosis.places import places_of
from onward.diagnosis.sighting import Sighting, observations
from onward.diagnosis.told import sight, told_by
from onward.model.health import ComponentHealth, UnitHealth
from onward.survey.sighting import of_tries

BUNDLE = """\
applications:
  mariadb: {num_units: 3}
  rabbitmq-server:
  keystone: {num_units: 2}
  glance: {num_units: 2}
  cinder-api:
  cinder-scheduler:
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [glance, mariadb]
  - [glance, keystone:identity-service]
  - [cinder-api, mariadb]
  - [cinder-api, rabbitmq-server]
  - [cinder-api, keystone:identity-service]
  - [cinder-scheduler, cinder-api]
  - [cinder-scheduler, mariadb]
  - [cinder-scheduler, rabbitmq-server]
  - [haproxy, mariadb]
  - [haproxy, keystone]
  - [haproxy, glance]
"""
WISH = wish(BUNDLE)
PLACES = places_of(WISH.topology, WISH.site)
ADDRESSES = WISH.site.addresses
WELL = ComponentHealth("service:identity", "pass", 1.0, 20.0, 20.0, 900, 0, "")


@pytest.mark.parametrize(
    ("component", "about"),
    [
        (f"sql:{ADDRESSES['haproxy internal']}:3306/glance", "mariadb"),
        (f"sql:{ADDRESSES['mariadb/1']}:3306/glance", "mariadb/1"),
        (f"messaging:{ADDRESSES['rabbitmq-server/0']}:5672", "rabbitmq-server/0"),
        ("service:identity", "keystone"),
        (f"service:{ADDRESSES['haproxy public']}:5000", "keystone"),
        ("rpc:cinder-scheduler", "cinder-scheduler/0"),
        ("service:dns", None),
        ("sql:192.0.2.1:3306/glance", None),
        ("sql:sqlite", None),
    ],
)
def test_an_address_is_a_unit_or_what_stands_behind_the_balancer(component: str, about: str | None) -> None:
    assert PLACES.named(component) == about


@pytest.mark.parametrize(
    ("note", "saw"),
    [
        ("OperationalError 1045", "login-refused"),
        ("OperationalError 1040", "too-many"),
        ("OperationalError 1114", "no-space"),
        ("OperationalError 2003 ConnectionRefusedError", "refused"),
        ("OperationalError 2003 TimeoutError", "timed-out"),
        ("OperationalError 2013", "failed"),
        ("ConnectionRefusedError; not used since, so it may be well again", "refused"),
        ("AccessRefused", "login-refused"),
        ("own credentials refused", "login-refused"),
        ("SSLFailure", "certificate"),
        ("ConnectFailure refused", "refused"),
        ("ConnectTimeout", "timed-out"),
        ("HTTP 503", "failed"),
        ("MessagingTimeout", "timed-out"),
    ],
)
def test_the_words_of_libraries_are_told_apart(note: str, saw: str) -> None:
    assert sight(replace(WELL, state="fail", note=note)) == saw


@pytest.mark.parametrize(
    ("latency", "usual", "saw"), [(5000.0, 200.0, "slow"), (5000.0, 4000.0, "ok"), (300.0, 10.0, "ok")]
)
def test_slow_is_what_is_slower_than_usual_and_noticed(latency: float, usual: float, saw: str) -> None:
    assert sight(replace(WELL, latency_ms=latency, usual_ms=usual)) == saw


def told(component: ComponentHealth, apart: float | None = 0.0) -> list[Observation]:
    return list(told_by([UnitHealth("glance/0", "glance", "warn", (component,), (), apart)], PLACES, 1000.0))


def test_what_was_used_long_ago_says_nothing_and_a_clock_that_is_apart_is_said() -> None:
    assert told(replace(WELL, age_seconds=500.0)) == []
    (found,) = told(WELL)
    assert (found.user, found.about, found.saw, found.since) == ("glance/0", "keystone", "ok", 999.0)
    clock, _ = told(WELL, apart=301.0)
    assert (clock.user, clock.about, clock.saw) == ("glance/0", "glance/0", "clock")


def test_a_unit_that_answers_slowly_and_uses_nothing_slow_is_slow_itself() -> None:
    own = replace(WELL, name="calls:own", latency_ms=4000.0)

    def saws(*components: ComponentHealth) -> list[tuple[str, str, str]]:
        units = [UnitHealth("glance/0", "glance", "pass", components)]
        return [(each.user, each.about, each.saw) for each in told_by(units, PLACES, 1000.0)]

    assert saws(own, WELL) == [("glance/0", "glance/0", "slow"), ("glance/0", "keystone", "ok")]
    assert saws(own, replace(WELL, latency_ms=4000.0)) == [("glance/0", "keystone", "slow")]


def test_a_first_loss_is_not_believed_as_a_failure_is() -> None:
    (warned,) = told(replace(WELL, state="warn", note="HTTP 503"))
    (failed,) = told(replace(WELL, state="fail", note="HTTP 503"))
    assert warned.times < failed.times


def test_a_log_has_words_for_what_the_class_of_an_error_does_not_tell() -> None:
    health = (UnitHealth("glance/0", "glance", "warn", (replace(WELL, state="fail", note="HTTP 500"),)),)
    said = Observation("glance/0", "keystone", "login-refused", 900.0, detail="in log")
    (found,) = observations(Sighting(1000.0, (said,), health), PLACES)
    assert found.saw == "login-refused"
    later = (UnitHealth("glance/0", "glance", "pass", (WELL,)),)
    (found,) = observations(Sighting(1000.0, (said,), later), PLACES)
    assert found.saw == "ok", "it has been used since, and was well"


@pytest.mark.parametrize(
    ("tries", "saw"),
    [
        ("ok", "ok"),
        ("timed-out timed-out timed-out", "timed-out"),
        ("refused refused ok", "ok"),
        ("refused refused refused", "refused"),
        ("timed-out slow timed-out", "slow"),
        ("slow slow slow", "slow"),
        ("slow ok ok", "ok"),
        ("timed-out ok slow", "slow"),
    ],
)
def test_who_answers_late_or_now_and_then_is_slow_and_who_never_does_is_not(tries: str, saw: str) -> None:
    assert of_tries([(each, "") for each in tries.split()])[0] == saw  # type: ignore[misc]


def test_of_a_unit_that_has_only_just_begun_nobody_is_believed_that_it_is_gone() -> None:
    gone = Observation(ONWARD, "glance/0", "refused", 999.0)
    ended = Observation("glance/1", "glance/1", "stopped", 999.0)
    found = observations(Sighting(1000.0, (gone, ended), (), ("glance/0", "glance/1")), PLACES)
    assert {each.about: each.times for each in found} == {"glance/0": GIVEN_TIME, "glance/1": 3}
    (found_again,) = observations(Sighting(1000.0, (gone,), ()), PLACES)
    assert found_again.times == 3


def test_who_speaks_of_all_nodes_may_mean_the_one_that_has_only_just_begun() -> None:
    gone = Observation("cinder-scheduler/0", "rabbitmq-server", "refused", 999.0, times=4)
    refused = Observation("cinder-api/0", "rabbitmq-server", "login-refused", 999.0)
    found = observations(Sighting(1000.0, (gone, refused), (), ("rabbitmq-server/2",)), PLACES)
    assert {each.saw: each.times for each in found} == {"refused": GIVEN_TIME, "login-refused": 3}


@pytest.mark.parametrize(("used", "saw"), [(5.0, "timed-out"), (0.5, "ok timed-out")])
def test_that_it_was_well_before_onward_had_no_answer_acquits_nobody(used: float, saw: str) -> None:
    hangs = Observation(ONWARD, "rabbitmq-server/0", "timed-out", 998.0)
    name = f"messaging:{ADDRESSES['rabbitmq-server/0']}:5672"
    health = (UnitHealth("cinder-api/0", "cinder-api", "pass", (replace(WELL, name=name, age_seconds=used),)),)
    found = observations(Sighting(1000.0, (hangs,), health), PLACES)
    assert " ".join(sorted(each.saw for each in found)) == saw


@pytest.mark.parametrize(("latency", "saw"), [(1900.0, "ok"), (2500.0, "slow")])
def test_that_onward_waits_for_a_unit_is_believed_where_the_unit_is_slower_than_usual(latency: float, saw: str) -> None:
    own = ComponentHealth("calls:own", "pass", 1.0, latency, 1000.0, 900, 0, "")
    late = Observation(ONWARD, "glance/0", "slow", 100.0, detail="took 2.4 s")
    sighting = Sighting(101.0, (late,), (UnitHealth("glance/0", "glance", "pass", (own,)),))
    assert [each.saw for each in observations(sighting, PLACES) if each.user == ONWARD] == [saw]


def test_of_one_that_has_just_begun_nobody_is_believed_that_it_is_gone_and_not_three_either() -> None:
    users = ("cinder-api/0", "cinder-scheduler/0", ONWARD)
    gone = tuple(Observation(user, "rabbitmq-server/0", "refused", 100.0) for user in users)
    young = Sighting(101.0, gone, (), young=("rabbitmq-server/0",))
    graph = dependencies_of(WISH.topology, {})
    assert diagnose(list(observations(young, PLACES)), graph).causes == ()
    assert diagnose(list(observations(replace(young, young=()), PLACES)), graph).causes != ()


def test_an_api_needs_whom_it_calls_through_the_broker() -> None:
    """The relation is the scheduler's; the database, which the scheduler uses too, does not call it."""
    graph = dependencies_of(WISH.topology, {})
    assert "cinder-scheduler" in graph.uses["cinder-api"]
    assert graph.uses["mariadb"] == graph.uses["rabbitmq-server"] == ()
    held = Observation("cinder-scheduler/0", "cinder-scheduler/0", "held", 99.0)
    waits = Observation(ONWARD, "cinder-api/0", "timed-out", 90.0)
    assert [(each.kind, each.subject) for each in diagnose([held, waits], graph).causes] == [
        ("down", "cinder-scheduler/0")
    ]
