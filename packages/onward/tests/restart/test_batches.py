"""How batches follow one another: what whoever asked for a restart would see."""

import pytest
from restart_world import ALARM, BUSY, CALM, FELT, UNKNOWN, World

from onward.model.restart import Bounds, BrokerLoad, DatabaseLoad, Fleet, Seen
from onward.restart.controller import Begin, Done, Stop, Wait
from onward.restart.load import Calm, judge

UNITS = tuple(f"nova-compute/{number}" for number in range(200))


def sizes(world: World, most: int = 100) -> list[int]:
    """The batches until the end, when every unit comes back at once."""
    found = []
    for _ in range(most):
        move = world.go_on()
        if isinstance(move, Begin):
            found.append(len(move.units))
        world.coming.clear()
        world.now += 1
        if isinstance(move, Done | Stop):
            return found
    raise AssertionError(f"no end after {found}")


def test_a_canary_goes_first_and_batches_grow_while_the_broker_is_calm() -> None:
    assert sizes(World(Fleet(UNITS), Bounds(batch=40))) == [1, 4, 8, 16, 32, 40, 40, 40, 19]


def test_batches_are_halved_when_the_broker_is_busy_and_grow_slowly_from_then_on() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40))
    while len(world.progress.restarting) != 40:
        world.coming.clear()
        world.go_on()
    world.load = BUSY
    world.go_on()
    world.coming.clear()
    assert isinstance(world.go_on(), Wait)
    world.load = CALM
    assert sizes(world)[:3] == [20, 22, 24]


def test_batches_stay_as_large_where_the_broker_feels_them_and_grow_slowly_from_then_on() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40))
    while len(world.progress.restarting) != 16:
        world.coming.clear()
        world.go_on()
    world.load = FELT
    world.go_on()
    world.load = CALM
    assert sizes(world)[:3] == [16, 18, 20]


def known(world: World) -> str:
    """It is known how long units take, and one of those that are being restarted now stays away: which."""
    while len(world.progress.healthy) < 10:
        world.coming.clear()
        world.now += 1
        world.go_on()
    lost = next(iter(world.progress.restarting))
    world.away = {lost}
    world.coming.clear()
    world.go_on()
    return lost


def test_one_that_is_late_holds_nobody_up_where_it_may_stay_away_and_is_waited_for_at_the_end() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40, failures=1, patience=600, haste=20))
    lost = known(world)
    assert isinstance(world.go_on(), Wait)
    world.now += 3
    assert isinstance(world.go_on(), Begin)
    assert lost in world.progress.restarting
    while world.progress.waiting or len(world.progress.restarting) > 1:
        world.coming.clear()
        world.go_on()
    assert isinstance(world.go_on(), Wait)
    world.away.clear()
    assert isinstance(world.go_on(), Done)
    assert set(world.progress.healthy) == set(UNITS)


def test_one_that_is_late_and_may_not_stay_away_is_waited_for() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40, failures=0, patience=600, haste=20))
    lost = known(world)
    world.now += 10
    move = world.go_on()
    assert isinstance(move, Wait)
    assert lost in move.why


def test_one_that_is_late_is_one_of_those_that_may_be_away_at_once() -> None:
    for bounds, fleet in (
        (Bounds(batch=1, failures=3, patience=600), Fleet(UNITS)),
        (Bounds(batch=4, failures=3, patience=600), Fleet(UNITS, most_away=1)),
        (Bounds(batch=4, failures=3, patience=600), Fleet(UNITS, {unit: unit for unit in UNITS[9:]})),
    ):
        world = World(fleet, bounds)
        lost = known(world)
        world.now += 10
        move = world.go_on()
        assert isinstance(move, Wait)
        assert lost in move.why


@pytest.mark.parametrize("load", [BUSY, UNKNOWN])
def test_nothing_begins_while_the_broker_is_not_calm(load: BrokerLoad) -> None:
    world = World(Fleet(UNITS), Bounds(batch=40), load=load)
    move = world.go_on()
    assert isinstance(move, Wait)
    assert "the broker" in move.why


def test_it_ends_when_what_all_share_does_not_become_calm_also_before_the_first_batch() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40), load=BUSY)
    assert isinstance(world.go_on(), Wait)
    world.now += 601
    move = world.go_on()
    assert isinstance(move, Stop)
    assert move.kind == "not calm"
    # Another life waits anew.
    world.now += 1000
    world.live()
    assert isinstance(world.go_on(), Wait)


def test_an_alarm_ends_it_when_the_batch_at_work_has_ended() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40))
    world.go_on()
    world.load = ALARM
    assert isinstance(world.go_on(), Wait)
    world.coming.clear()
    move = world.go_on()
    assert isinstance(move, Stop)
    assert (move.kind, len(world.progress.healthy)) == ("alarm", 1)


def test_a_canary_that_stays_away_ends_it_whatever_may_fail() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40, failures=100, patience=60))
    world.go_on()
    world.now += 61
    move = world.go_on()
    assert isinstance(move, Stop)
    assert (move.kind, move.why) == ("canary", "nova-compute/0: it comes")
    assert set(world.owed) == set(UNITS)


def test_units_that_stay_away_hold_the_others_up_no_longer_than_four_times_the_slowest() -> None:
    world = World(Fleet(UNITS), Bounds(batch=40, failures=1, patience=600, haste=20))
    while len(world.progress.healthy) < 10:
        world.coming.clear()
        world.now += 2
        world.go_on()
    lost = next(iter(world.progress.restarting))
    world.away = {lost}
    world.coming.clear()
    world.go_on()
    world.now += 21
    world.go_on()
    assert lost in world.progress.failed
    assert len(sizes(world)) > 0
    assert (set(world.owed), set(world.progress.failed)) == ({lost}, {lost})


def test_one_more_than_may_stay_away_ends_it_and_another_try_goes_on() -> None:
    world = World(Fleet(UNITS[:20]), Bounds(batch=5, failures=0, patience=60))
    while len(world.progress.healthy) < 3:
        world.coming.clear()
        world.go_on()
    lost = next(iter(world.progress.restarting))
    world.coming = {lost}
    world.now += 61
    move = world.go_on()
    assert isinstance(move, Stop)
    assert move.kind == "failures"
    before = len(world.seen_healthy)
    world.live()
    assert sum(sizes(world)) == len(world.fleet.units) - before


def test_availability_zones_take_turns() -> None:
    zones = {unit: "ab"[number % 2] for number, unit in enumerate(UNITS[:20])}
    world = World(Fleet(UNITS[:20], zones), Bounds(batch=20, canary=0))
    together = []
    for _ in range(40):
        move = world.go_on()
        if isinstance(move, Begin):
            together.append({zones[unit] for unit in move.units})
        world.coming.clear()
    assert all(len(each) == 1 for each in together)
    assert {"a", "b"} == set().union(*together)


def test_a_cluster_that_has_lost_a_node_loses_no_other() -> None:
    nodes = ("mariadb/0", "mariadb/1", "mariadb/2")
    world = World(Fleet(nodes, most_away=1), Bounds(batch=3, canary=0))
    world.away = {"mariadb/2"}
    move = world.go_on()
    # The one that is away may be restarted; none of those that serve.
    assert isinstance(move, Begin)
    assert move.units == ("mariadb/2",)


def test_a_database_server_that_does_not_run_is_no_reason_not_to_start_it() -> None:
    world = World(Fleet(("mariadb/0",), most_away=1), Bounds(batch=1))
    world.away = {"mariadb/0"}
    world.databases = (DatabaseLoad("mariadb/0", failure="it does not run"),)
    assert isinstance(world.go_on(), Begin)
    # One that others use is.
    other = World(Fleet(UNITS), Bounds(batch=1))
    other.databases = world.databases
    assert isinstance(other.go_on(), Wait)


def test_what_a_database_has_against_it_is_said() -> None:
    calm = Calm(answer_seconds=0.001)
    for load, words in (
        (DatabaseLoad("mariadb/0", queued=500), "500 write sets"),
        (DatabaseLoad("mariadb/0", connected=95, allowed=100), "95 connections of 100"),
        (DatabaseLoad("mariadb/0", running=60), "60 statements"),
        (DatabaseLoad("mariadb/0", lag_seconds=30.0), "30 s behind"),
        (DatabaseLoad("mariadb/0", paused=0.5), "50% of the time"),
        (DatabaseLoad("mariadb/0", failure="gone"), "cannot be asked: gone"),
    ):
        assert words in judge(Seen(0.0, broker=CALM, databases=(load,)), calm, 2.0).busy
    assert judge(Seen(0.0, broker=CALM, databases=(DatabaseLoad("mariadb/0"),)), calm, 2.0).busy == ""
