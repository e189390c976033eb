"""Whatever units, broker and operator do, and wherever the process is killed: what is promised holds afterwards."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from restart_world import ALARM, BUSY, CALM, UNKNOWN, World

from onward.model.restart import Bounds, Fleet
from onward.restart.controller import Done, Stop, on_the_way
from onward.restart.history import progress_of


class Restarted(RuleBasedStateMachine):
    world: World

    @initialize(
        units=st.integers(1, 12),
        batch=st.integers(1, 8),
        canary=st.integers(0, 2),
        pause=st.sampled_from([0.0, 30.0]),
        failures=st.integers(0, 3),
        domains=st.lists(st.sampled_from(["", "one", "two"]), min_size=12, max_size=12),
        most_away=st.integers(1, 12),
    )
    def begin(
        self, units: int, batch: int, canary: int, pause: float, failures: int, domains: list[str], most_away: int
    ) -> None:
        names = tuple(f"nova-compute/{number}" for number in range(units))
        fleet = Fleet(names, dict(zip(names, domains, strict=False)), most_away)
        bounds = Bounds(batch=batch, canary=canary, pause=pause, failures=failures, patience=100, haste=20)
        self.world = World(fleet, bounds)

    @rule(dies_after=st.none() | st.integers(0, 8))
    def go_on(self, dies_after: int | None) -> None:
        self.world.go_on(dies_after)

    @rule(seconds=st.sampled_from([1.0, 10.0, 40.0, 200.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.world.now += seconds

    @precondition(lambda self: self.world.coming)
    @rule(data=st.data())
    def units_come_back(self, data: st.DataObject) -> None:
        self.world.coming -= data.draw(st.sets(st.sampled_from(sorted(self.world.coming))))

    @rule(data=st.data())
    def a_unit_dies_or_returns_by_itself(self, data: st.DataObject) -> None:
        self.world.away ^= {data.draw(st.sampled_from(self.world.fleet.units))}

    @rule(load=st.sampled_from([CALM, CALM, CALM, BUSY, ALARM, UNKNOWN]))
    def the_broker_changes(self, load: object) -> None:
        self.world.load = load  # type: ignore[assignment]

    @rule(data=st.data())
    def somebody_leaves_a_unit_out(self, data: st.DataObject) -> None:
        self.world.skip.add(data.draw(st.sampled_from(self.world.fleet.units)))

    @rule(asked=st.booleans())
    def somebody_pauses(self, asked: bool) -> None:
        self.world.stopping = asked

    @invariant()
    def each_unit_is_in_one_place(self) -> None:
        progress = self.world.progress
        places = [*progress.waiting, *progress.restarting, *progress.healthy, *progress.failed, *progress.skipped]
        assert sorted(places) == sorted(self.world.fleet.units)

    @invariant()
    def the_disk_says_what_is_known(self) -> None:
        assert progress_of(self.world.fleet, self.world.bounds, self.world.lines) == self.world.progress

    @invariant()
    def nothing_owed_is_lost(self) -> None:
        world = self.world
        assert set(world.fleet.units) - world.owed <= world.seen_healthy
        assert world.progress.healthy.isdisjoint(world.owed)

    @invariant()
    def a_unit_is_restarted_once_for_each_decision(self) -> None:
        for unit, generation in self.world.generation.items():
            assert generation <= self.world.progress.attempts[unit]

    @invariant()
    def batches_keep_to_the_bounds(self) -> None:
        world = self.world
        assert len(world.progress.restarting) <= world.bounds.batch
        assert len({world.fleet.domains[unit] for unit in world.progress.restarting}) <= 1

    @invariant()
    def a_batch_begins_only_when_it_may(self) -> None:
        world = self.world
        for begin, progress, seen in world.begun:
            # Of those that are late, all may stay away, and all are of the one domain.
            assert not on_the_way(world.bounds, progress, seen.at)
            assert not progress.restarting or len(progress.restarting) + len(progress.failed) <= world.bounds.failures
            assert len(begin.units) <= progress.size
            assert seen.broker is CALM
            assert not seen.stopping
            assert len(progress.failed) <= world.bounds.failures
            assert not set(begin.units) & world.skip & set(progress.skipped)
            assert progress.settled is None or seen.at >= progress.settled + world.bounds.pause
            away = {*progress.failed, *progress.restarting, *seen.away}
            more = set(begin.units) - away
            assert not more or len(away | more) <= world.fleet.most_away
        world.begun.clear()

    def teardown(self) -> None:
        """Once all is well again, it comes to its end: nobody waits for ever, and nobody is left behind."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.load, world.stopping = CALM, False
        world.away.clear()
        for _ in range(20 * len(world.fleet.units) + 20):
            move = world.go_on()
            world.coming.clear()
            world.now += 31.0
            if isinstance(move, Stop):
                world.live()
            if isinstance(move, Done):
                break
        assert isinstance(move, Done)
        assert set(world.progress.healthy) | set(world.progress.skipped) | set(world.progress.failed) == set(
            world.fleet.units
        )
        assert world.owed == set(world.fleet.units) - world.seen_healthy


TestRestarted = Restarted.TestCase
TestRestarted.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
