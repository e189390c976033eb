"""``onward timings``, on a journal with the runs of a real plan."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from timed_runs import deployment, journaled

from onward.hosts.state import Directories

PLAN = deployment()


@pytest.fixture
def runs(directories: Directories) -> dict[str, str]:
    """Five deployments that are alike, and one in which Keystone starts as slowly as twice."""
    chance = random.Random(3)  # noqa: S311 - reproducible, and no secret

    def seconds(slow: float) -> Callable[[str], float]:
        return lambda step: chance.lognormvariate(0, 0.1) * (slow if step.startswith("start/keystone/") else 1.0)

    for number in range(5):
        journaled(directories, f"usual-{number}", PLAN, seconds(1.0))
    journaled(directories, "same", PLAN, seconds(1.0))
    journaled(directories, "slow", PLAN, seconds(2.5))
    journaled(directories, "broken", PLAN, seconds(1.0), status="failed")
    return {}


def test_a_run_is_explained_to_people_and_listed_for_programs(onward, runs) -> None:
    shown = onward("timings", "show", "slow")
    assert shown.status == 0
    assert "Deployment of demo, slow:" in shown.out
    assert "Why it took so long" in shown.out
    assert "start/keystone/" in shown.out.partition("Units")[0]
    rows = json.loads(onward("timings", "show", "slow", "-f", "json").out)
    assert {row["Step"] for row in rows} == {step.id for step in PLAN.steps}
    path = json.loads(onward("timings", "show", "slow", "--by", "path", "-f", "json").out)
    assert {row["Step"] for row in rows if row["Critical"]} == {row["Step"] for row in path}
    kinds = json.loads(onward("timings", "show", "slow", "--by", "kind", "-f", "json").out)
    assert sum(row["Steps"] for row in kinds) == len(PLAN.steps)
    units = json.loads(onward("timings", "show", "slow", "--by", "unit", "-f", "json").out)
    assert len(units) == 8
    assert "Unit" in onward("timings", "show", "slow", "--by", "unit").out


def test_a_model_and_nothing_at_all_mean_the_latest_run(onward, runs) -> None:
    for words in (["demo"], []):
        assert "broken" in onward("timings", "show", *words).out
    refused = onward("timings", "show", "nix")
    assert refused.status == 4
    assert "OW109" in refused.err


def test_a_regression_is_exit_status_3_and_a_run_that_is_like_the_others_is_not(onward, runs) -> None:
    assert "5 runs" in onward("timings", "save", "usual", *(f"usual-{number}" for number in range(5))).out
    same = onward("timings", "compare", "usual", "same")
    assert same.status == 0
    assert "Nothing is slower than noise explains" in same.err
    slow = onward("timings", "compare", "usual", "slow")
    assert slow.status == 3
    assert "start/keystone x3" in slow.out
    assert "SLOWER" in slow.out
    as_data = onward("timings", "compare", "usual", "slow", "-f", "json")
    assert as_data.status == 3
    found = {row["Work"]: row["Verdict"] for row in json.loads(as_data.out)}
    assert found["start/keystone"] == "slower"
    assert found["start/mariadb"] == "same"


def test_with_one_run_it_says_that_noise_is_not_known_and_how_it_would_be(onward, runs) -> None:
    onward("timings", "save", "one", "usual-0")
    told = onward("timings", "compare", "one", "slow")
    assert told.status == 0
    assert " timings save one" in told.err
    assert "noise" not in told.out
    assert json.loads(onward("timings", "compare", "one", "slow", "-f", "json").out)[0]["Chance"] is None


def test_a_run_is_added_once(onward, runs, directories: Directories) -> None:
    onward("timings", "save", "b", "usual-0")
    again = onward("timings", "save", "b", "usual-0", "usual-1")
    assert "already" in again.err
    assert "2 runs" in again.out
    kept = directories.baselines / "b.json"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("save", "b", "broken"), "OW952"),
        (("save", "../b", "same"), "OW951"),
        (("compare", "nix"), "OW951"),
        (("save", "b", "no-such-run"), "OW109"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_kept(
    onward, runs, directories: Directories, words: tuple[str, ...], code: str
) -> None:
    refused = onward("timings", *words)
    assert refused.status == 4
    assert code in refused.err
    assert not directories.baselines.exists()


def test_a_baseline_of_another_kind_or_of_itself_is_refused(onward, runs, directories: Directories) -> None:
    onward("timings", "save", "b", "same")
    assert "OW952" in onward("timings", "compare", "b", "same").err
    removal = PLAN.model_copy(update={"kind": "removal"}).sealed()
    journaled(directories, "removal", removal, lambda _: 1.0)
    assert "OW952" in onward("timings", "save", "b", "removal").err
    assert "usual" not in Path(directories.baselines / "b.json").read_text()


def test_a_baseline_that_cannot_be_read_is_said_to_be_so(onward, runs, directories: Directories) -> None:
    onward("timings", "save", "b", "same")
    (directories.baselines / "b.json").write_text("{}")
    assert "OW951" in onward("timings", "compare", "b", "slow").err
