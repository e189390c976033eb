"""Where steps are drawn, and that a pause is told rather than drawn."""

import io
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_records import BEGUN, rehearsal, run_of, upgrade

from onward.engine.record import RunRecord, StepRecord
from onward.views.summary import outage_of
from onward.views.terminal import print_record
from onward.views.timeline import timeline_of

PLAN = rehearsal()


def paused_before(record: RunRecord, step_id: str, seconds: float) -> RunRecord:
    """The same run, with a pause before this step."""
    began = record.step(step_id).started or BEGUN
    steps = tuple(
        replace(each, started=(each.started or 0) + seconds, finished=(each.finished or 0) + seconds)
        if (each.started or 0) >= began
        else each
        for each in record.steps
    )
    return replace(record, steps=steps, finished=(record.finished or 0) + seconds)


@st.composite
def records(draw: st.DrawFn) -> RunRecord:
    steps = []
    for step in PLAN.steps:
        begin = BEGUN + draw(st.floats(0, 10_000))
        status = draw(st.sampled_from(["waiting", "running", "done", "failed"]))
        ended = begin + draw(st.floats(0, 500)) if status in ("done", "failed") else None
        steps.append(StepRecord(step, status, None if status == "waiting" else begin, ended))
    return RunRecord("r", PLAN, "interrupted", BEGUN, None, tuple(steps))


@given(records())
def test_every_step_has_its_place_and_no_two_share_it(record: RunRecord) -> None:
    timeline = timeline_of(record)
    drawn = [bar.record.step.id for phase in timeline.phases for bar in phase.bars]
    waiting = [each.step.id for phase in timeline.phases for each in phase.waiting]
    assert sorted(drawn + waiting) == sorted(step.id for step in PLAN.steps)
    for phase in timeline.phases:
        ends: dict[int, float] = {}
        for bar in phase.bars:
            assert 0 <= bar.begin <= bar.end <= timeline.seconds + 1e-6
            assert bar.begin >= ends.get(bar.lane, 0.0)
            ends[bar.lane] = bar.end


@given(records())
def test_what_began_earlier_is_drawn_no_later(record: RunRecord) -> None:
    bars = [bar for phase in timeline_of(record).phases for bar in phase.bars]
    bars.sort(key=lambda bar: bar.record.started or 0)
    for before, after in pairwise(bars):
        assert before.begin <= after.begin + 1e-6


def test_a_pause_is_cut_out_of_the_picture_and_said() -> None:
    plain = run_of(rehearsal())
    record = paused_before(plain, "migrate/2025.2", 3 * 3600)
    assert timeline_of(record).seconds == pytest.approx(timeline_of(plain).seconds, abs=0.1)
    stream = io.StringIO()
    print_record(record, stream)
    text = " ".join(stream.getvalue().split())
    assert "took 3 h 02 min, of that 2 min 05 s at work" in text
    assert "3 h 00 min without a running step" in text
    assert "Nothing ran for 3 h 00 min, which is not drawn." in text


def test_a_pause_in_the_outage_of_an_upgrade_is_outage() -> None:
    plain = outage_of(run_of(upgrade()))
    paused = outage_of(paused_before(run_of(upgrade()), "migrate/2025.2", 600))
    assert plain is not None
    assert paused is not None
    assert paused.seconds == pytest.approx(plain.seconds + 600)
    assert paused.idle == pytest.approx(plain.idle + 600)
