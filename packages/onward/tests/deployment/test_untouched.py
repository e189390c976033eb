"""What an upgrade must leave alone: instances as Nova has them, and pings through the machine."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import EVERYTHING
from deploying import until
from hypothesis import given
from hypothesis import strategies as st
from test_forward import moved
from test_planner import before

from onward.hosts.data_plane import Pinged, end, pinged, pinging, why_not
from onward.hosts.leftovers import processes_of
from onward.model.instances import Instance, touched

RUNS = Instance(power_state=1, host="nova-compute-0", launched_at="2026-01-01T00:00:00.000000")


def test_instances_that_are_as_they_were_are_untouched_whatever_has_come_since() -> None:
    assert touched({"a": RUNS}, {"a": RUNS, "b": RUNS}) == []


@given(st.sampled_from(["power_state", "host", "launched_at"]))
def test_whatever_is_otherwise_is_named(field: str) -> None:
    other = RUNS.model_copy(update={field: None})
    (line,) = touched({"a": RUNS}, {"a": other})
    assert line.startswith(f"a: {field} was ")
    assert touched({"a": RUNS}, {}) == ["a: gone"]


def test_they_are_looked_at_before_anything_is_touched_and_when_all_serve_again() -> None:
    plan = moved("nova", "keystone")
    assert {"instances/before", "dataplane/begin"} <= before(plan, "stop/nova-api")
    for step in ("instances/after", "dataplane/end"):
        assert {"publish/nova-api", "start/nova-compute/0", "publish/keystone"} <= before(plan, step)
    assert plan.step("dataplane/end").arguments["budget_seconds"] == 1.0
    assert str(plan.step("instances/after").arguments["compute"]).endswith(":8774/v2.1")


def test_a_model_without_computes_has_none_to_look_at() -> None:
    bundle = EVERYTHING.replace("name: all-services", "name: all-services")
    assert "instances/before" in {step.id for step in moved("keystone", bundle=bundle).steps}
    small = """\
name: demo
applications:
  mariadb:
  keystone:
relations:
  - [keystone:shared-db, mariadb:shared-db]
"""
    assert not {"instances/before", "dataplane/begin"} & {step.id for step in moved("keystone", bundle=small).steps}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    if why := why_not():
        pytest.skip(f"network namespaces: {why}")
    return tmp_path / "pings.json"


def seen(report: Path, true: Callable[[Pinged], bool]) -> Callable[[], bool]:
    def look() -> bool:
        found = pinged(report)
        return found is not None and true(found)

    return look


def test_pings_come_back_and_those_that_do_not_are_counted_with_how_long_they_were_gone(report: Path) -> None:
    with pinging(report, report.with_suffix(".log")) as process:
        until("pings come back", seen(report, lambda each: each.sent >= 20))
        assert pinged(report) == replace(pinged(report) or Pinged(0, 0, 0), lost=0, longest_seconds=0.0)
        link(process.pid, "down")
        until("some are lost", seen(report, lambda each: each.lost >= 5))
        link(process.pid, "up")
        lost = (pinged(report) or Pinged(0, 0, 0)).sent
        until("they come back again", seen(report, lambda each: each.sent >= lost + 40))
        end(process)
    found = pinged(report)
    assert found is not None
    assert 0 < found.lost < found.sent
    assert found.longest_seconds >= 0.2
    assert processes_of(report.parent) == []


def link(pid: int, state: str) -> None:
    namespace = f"--net=/proc/{pid}/ns/net"
    subprocess.run(["nsenter", namespace, "ip", "link", "set", "onward0", state], check=True)
