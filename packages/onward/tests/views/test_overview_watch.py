"""Everything in one picture, as wide and as high as there is room; in a pipe, a line for each change."""

import io
from dataclasses import replace

import pytest
from run_records import upgrade

from onward.commands.main import run
from onward.engine.record import RunRecord, StepRecord
from onward.hosts.state import Directories
from onward.model.health import ComponentHealth, UnitHealth
from onward.model.status import ModelStatus, UnitStatus
from onward.views.health_words import unwell_words
from onward.views.overview_watch import OverviewWatch, WatchedModel
from onward.views.page import Medium, Page

UNITS = tuple(UnitStatus(f"nova-compute/{number}", "active", "10.0.0.1", (), "") for number in range(300))
MODEL = WatchedModel("demo", "RegionOne", ModelStatus(UNITS[:2], ()), "", ())
PLAN = upgrade()
RUN = RunRecord(
    "upgrade-1",
    PLAN,
    "failed",
    0.0,
    10.0,
    (StepRecord(PLAN.steps[0], "failed", 1.0, 2.0, 1, None, {"code": "OW201", "what": "No interpreter."}),),
)


def drawn(*models: WatchedModel, runs: tuple[RunRecord, ...] = (), columns: int = 60, rows: int = 20) -> list[str]:
    watch = OverviewWatch(io.StringIO())
    watch.page = Page(io.StringIO(), Medium(columns=columns))
    return [line.plain for line in watch.drawn(models, runs, rows)]


def test_a_cause_stands_below_its_model() -> None:
    lines = drawn(replace(MODEL, causes=("mariadb/0: does not answer. It says nothing.",)))
    assert lines[2].startswith("demo (RegionOne): 2 of 2 units active")
    assert "CAUSE  mariadb/0: does not answer. It says nothing." in " ".join(lines)
    assert "cause: none is named" in drawn(MODEL)
    assert "cause: still looking" in drawn(replace(MODEL, causes=None))


def test_what_calls_found_not_to_be_well_is_said_and_nothing_else() -> None:
    lost = ComponentHealth("sql:10.0.0.2:3306/keystone", "fail", 3.0, 0.0, 5.0, 9, 4, "OperationalError 2003")
    well = replace(lost, name="cache:10.0.0.3:11211", state="pass", note="")
    units = [
        UnitHealth("keystone/0", "keystone", "fail", (lost, well)),
        UnitHealth("keystone/1", "keystone", "silent", notes=("10.0.0.4:5000/health: TimeoutError",)),
        UnitHealth("glance/0", "glance", "pass", (well,)),
        UnitHealth("nova-api/0", "nova-api", "not told"),
        UnitHealth("placement/0", "placement", "silent", (lost,), ("10.0.0.6:8778/health: TimeoutError",)),
    ]
    said = list(unwell_words(units))
    assert said == [
        "keystone/0 sql:10.0.0.2:3306/keystone fail: OperationalError 2003 (3.0 s ago)",
        "keystone/1 silent: 10.0.0.4:5000/health: TimeoutError",
        "placement/0 sql:10.0.0.2:3306/keystone fail: OperationalError 2003 (3.0 s ago)",
        "placement/0 silent: 10.0.0.6:8778/health: TimeoutError",
    ]
    shown = drawn(replace(MODEL, unwell=tuple(said)), columns=110)
    assert [line for line in shown if line.startswith("health: ")] == [f"health: {line}" for line in said]
    many = drawn(replace(MODEL, unwell=tuple(said * 20)))
    assert "health: and 76 more: onward health demo" in many


def test_in_a_pipe_the_age_of_a_finding_is_no_news() -> None:
    stream = io.StringIO()
    watch = OverviewWatch(stream)
    for age in ("3.0 s", "4.0 s"):
        watch.show([replace(MODEL, unwell=(f"keystone/0 cache fail ({age} ago)",))], [])
    watch.show([MODEL], [])
    lines = [line[10:] for line in stream.getvalue().splitlines() if "cache" in line]
    assert lines == ["demo: keystone/0 cache fail", "demo keystone/0 cache fail: no more"]


def test_what_cannot_be_told_is_said() -> None:
    lines = drawn(replace(MODEL, status=None, untold="the machine is silent (OW930)"))
    assert "could not tell: the machine is silent (OW930)" in " ".join(lines)


def test_a_run_that_somebody_has_to_look_after_comes_first() -> None:
    lines = drawn(MODEL, runs=(RUN,))
    assert lines[0].startswith("upgrade-1 failed")
    assert "FAILED: No interpreter." in " ".join(lines)


@pytest.mark.parametrize("models", [1, 2, 5])
def test_it_is_no_wider_and_not_much_higher_than_the_screen(models: int) -> None:
    large = ModelStatus((*UNITS, UnitStatus("glance/0", "failed", "", (), "api: fatal " * 30)), ("said " * 40,))
    lines = drawn(*(replace(MODEL, name=f"m{n}", status=large) for n in range(models)), columns=50, rows=40)
    assert all(len(line) <= 50 for line in lines)
    assert len(lines) <= max(60, models * 17)
    assert sum("glance/0" in line for line in lines) == models


def test_in_a_pipe_a_line_is_written_for_each_change_and_for_nothing_else() -> None:
    stream = io.StringIO()
    watch = OverviewWatch(stream)
    failed = UnitStatus("nova-compute/0", "failed", "", (), "compute: fatal")
    for model in (MODEL, MODEL, replace(MODEL, status=ModelStatus((failed, UNITS[1]), ()), causes=("nova: down",))):
        watch.show([model], [])
    watch.show([MODEL], [RUN])
    watch.show([], [])
    lines = [line[10:] for line in stream.getvalue().splitlines()]
    assert lines == [
        "demo: nova-compute/0 active",
        "demo: nova-compute/1 active",
        "demo: cause: none is named",
        "demo: nova-compute/0 failed: compute: fatal",
        "demo: cause: nova: down",
        "upgrade-1 is failed: 0 of 1 step done",
        "demo: nova-compute/0 active",
        "demo: cause: none is named",
        "no model is deployed here, and no run is at work",
        "upgrade-1 is at its end: onward runs show upgrade-1",
        "demo nova-compute/0 is gone",
        "demo nova-compute/1 is gone",
        "demo is gone",
    ]


def test_where_nothing_is_deployed_it_says_so(directories: Directories, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--state-dir", str(directories.state), "watch", "--once"]) == 0
    assert "No model is deployed here: onward deploy BUNDLE" in capsys.readouterr().out
    assert run(["--state-dir", str(directories.state), "watch", "other"]) == 4
