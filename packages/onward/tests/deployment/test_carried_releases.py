"""Real releases of Keystone are asked what they read of a bundle's options, before the model is touched."""

from dataclasses import replace

import pytest
from deploying import Operator
from remembered import ENVIRONMENTS, remembered_models

from onward.errors import OptionUndecided
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.survey.deployment import read_bundle, survey_deployment

pytestmark = pytest.mark.environments

BUNDLE = """\
name: carried
applications:
  mariadb:
  keystone: {{channel: "{channel}", options: {options}}}
relations:
  - [keystone:shared-db, mariadb:shared-db]
"""
OPTIONS = "{cache.dead_timeout: 61, healthcheck.path: /hc}"
"""At 2026.1 the first one has another name, and the second one is gone."""


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory, session_directories: Directories) -> Operator:
    """Keystone as it was deployed at 2025.1."""
    bundles = {"carried": BUNDLE.format(channel="2025.1", options=OPTIONS)}
    directory = tmp_path_factory.mktemp("carried")
    return remembered_models(
        directory, session_directories.cache, bundles, lambda step: step.id == "initialise/keystone"
    )


def planned(operator: Operator, *dropped: str, channel: str = "2026.1") -> tuple[Plan, list[str]]:
    operator.bundle.write_text(BUNDLE.format(channel=channel, options=OPTIONS))
    told: list[str] = []
    wanted = replace(read_bundle(operator.bundle, None), dropped=frozenset(dropped))
    return survey_deployment(operator.directories, wanted, ENVIRONMENTS, told.append), told


def test_what_the_release_does_not_read_any_more_has_to_be_decided(remembered: Operator) -> None:
    with pytest.raises(OptionUndecided) as refused:
        planned(remembered)
    assert refused.value.evidence == "keystone: healthcheck.path (read up to 2025.1)"
    assert "--drop-option keystone:healthcheck.path" in refused.value.next_command


def test_what_has_another_name_is_written_and_remembered_under_that(remembered: Operator) -> None:
    plan, told = planned(remembered, "keystone:healthcheck.path")
    assert "keystone: cache.dead_timeout is called cache.hashclient_dead_timeout at 2026.1, and is written so" in told
    written = str(plan.step("configure/keystone/0").arguments["state"])
    assert "hashclient_dead_timeout = 61" in written
    assert "\\ndead_timeout" not in written
    record = plan.step("record").model_dump()["arguments"]["record"]
    assert record["bundle"]["applications"]["keystone"]["options"] == {"cache.hashclient_dead_timeout": 61}


def test_where_it_stays_nothing_is_written_otherwise(remembered: Operator) -> None:
    plan, told = planned(remembered, channel="2025.1")
    assert not [line for line in told if "is called" in line or "left out" in line]
    written = str(plan.step("configure/keystone/0").arguments["state"])
    assert "\\ndead_timeout = 61" in written
    assert "[healthcheck]\\npath = /hc" in written


def test_a_decision_about_what_the_release_still_reads_drops_nothing(remembered: Operator) -> None:
    _, told = planned(remembered, "keystone:healthcheck.path", "keystone:cache.dead_timeout")
    assert not [line for line in told if "dead_timeout is left out" in line]
