"""What a cloud was deployed with it keeps when its releases have other defaults, until its operator decides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onward.catalog.charms import charms
from onward.catalog.load import recipe
from onward.catalog.pinned_options import PinnedOption, pinned_options
from onward.errors import InterpreterMissing, ProgramMissing
from onward.hosts.environments import Environment
from onward.hosts.model_store import ModelStore
from onward.hosts.options import release_options
from onward.hosts.state import Directories
from onward.model.bundle import parse_bundle
from onward.model.options import Option, ReleaseOptions, ValueKind
from onward.plan.deployment.pinned import Pinned, defaults, pinned, said, with_kept
from onward.plan.plan import Plan
from onward.survey.deployment import Wanted, survey_deployment
from onward.survey.options import EnvironmentWish

SCOPE, RULES = "oslo_policy.enforce_scope", "oslo_policy.enforce_new_defaults"
OPTIONS = (
    PinnedOption(option=SCOPE, gone="true", why="a test", source="a test"),
    PinnedOption(option=RULES, why="a test", source="a test"),
    PinnedOption(option="token.provider", why="a test", source="a test"),
)
BUNDLE = """\
name: moved
applications:
  mariadb:
  keystone: {{channel: "{channel}", options: {options}}}
relations:
  - [keystone:shared-db, mariadb:shared-db]
"""


def release(**values: Any) -> ReleaseOptions:
    """A release with these defaults; ``token__provider`` is provider in [token]."""
    told = {"namespace": "n", "formerly": (), "kind": ValueKind(name="other"), "secret": False, "removal": False}
    options = []
    for place, value in values.items():
        group, _, name = place.rpartition("__")
        options.append(Option(group=group, name=name, reason="", since="", default=value, **told))
    return ReleaseOptions(series="2025.1", options=tuple(options), silent={})


OLD = release(oslo_policy__enforce_scope=False, oslo_policy__enforce_new_defaults=False, token__provider="uuid")
NEW = release(oslo_policy__enforce_scope=True, oslo_policy__enforce_new_defaults=True, token__provider="fernet")
NEWEST = release(oslo_policy__enforce_new_defaults=True)
FIRST = Pinned(of="2024.1", options=defaults(OLD, OPTIONS))
KEYSTONE = charms()["keystone"]


def test_what_has_another_default_now_is_kept_and_that_is_said() -> None:
    found = pinned(FIRST, NEW, KEYSTONE, (), OPTIONS)
    # Keystone's charm says itself which tokens there are.
    assert found.kept == {SCOPE: "false", RULES: "false"}
    assert with_kept({"debug": True}, found) == {"debug": True, SCOPE: "false", RULES: "false"}
    lines = said("moved", "keystone", "2025.1", found)
    assert len(lines) == 2
    assert f"onward config keystone {SCOPE}=true --model moved" in lines[0]
    assert "2024.1" in lines[0]


def test_what_the_operator_has_set_is_decided() -> None:
    found = pinned(FIRST, NEW, KEYSTONE, {SCOPE: True}, OPTIONS)
    assert found.kept == {RULES: "false"}
    assert with_kept({SCOPE: True}, found)[SCOPE] is True


def test_at_the_first_release_and_back_at_it_nothing_is_written() -> None:
    assert pinned(FIRST, OLD, KEYSTONE, (), OPTIONS).kept == {}
    moved = pinned(FIRST, NEW, KEYSTONE, (), OPTIONS)
    assert pinned(moved, OLD, KEYSTONE, (), OPTIONS).kept == {}


def test_a_cloud_that_began_with_the_new_default_has_nothing_to_keep() -> None:
    first = Pinned(of="2025.1", options=defaults(NEW, OPTIONS))
    assert pinned(first, NEWEST, KEYSTONE, (), OPTIONS).differ == {}


def test_an_option_that_a_release_has_no_more_is_said_and_not_written() -> None:
    found = pinned(FIRST, NEWEST, KEYSTONE, (), OPTIONS)
    assert found.kept == {RULES: "false"}
    assert any(SCOPE in line and "no more" in line for line in said("moved", "keystone", "2026.2", found))


def test_what_a_second_move_keeps_is_what_was_there_at_first() -> None:
    twice = pinned(pinned(FIRST, NEW, KEYSTONE, (), OPTIONS), NEWEST, KEYSTONE, (), OPTIONS)
    assert twice == pinned(FIRST, NEWEST, KEYSTONE, (), OPTIONS)


@pytest.mark.environments
def test_releases_say_their_own_defaults(built_keystone: Callable[[str], Environment]) -> None:
    found = {
        series: defaults(release_options(built_keystone(series).path, recipe("keystone"), series), pinned_options())
        for series in ("2024.1", "2025.1", "2026.2")
    }
    assert found["2024.1"] == {SCOPE: "false", RULES: "false", "token.provider": "fernet"}
    assert found["2025.1"] == {SCOPE: "true", RULES: "true", "token.provider": "fernet"}
    assert found["2026.2"] == {RULES: "true", "token.provider": "fernet"}


@pytest.mark.environments
def test_no_default_of_a_secret_is_told(built_keystone: Callable[[str], Environment]) -> None:
    listed = release_options(built_keystone("2025.1").path, recipe("keystone"), "2025.1")
    secrets = [each for each in listed.options if each.secret]
    assert secrets
    assert {each.default for each in secrets} == {None}


@pytest.mark.environments
def test_a_model_that_is_moved_keeps_its_defaults_in_its_files(directories: Directories, tmp_path: Path) -> None:
    told: list[str] = []
    first = plan(directories, "2024.1", "{}", told)
    assert record(first)["pinned"] == {"keystone": {"of": "2024.1"}}
    assert "enforce_scope" not in configuration(first)
    assert told == []
    # What the first step of that plan does.
    ModelStore(directories.models / "moved").remember(record(first))

    moved = plan(directories, "2025.1", "{}", told)
    assert "enforce_scope = false" in configuration(moved)
    assert any(line.startswith(f"keystone keeps {SCOPE} = false") for line in told)
    ModelStore(directories.models / "moved").remember(record(moved))
    assert plan(directories, "2025.1", "{}", told).steps[0].arguments == moved.steps[0].arguments

    switched = plan(directories, "2025.1", f"{{{SCOPE}: true}}", told)
    assert "enforce_scope = true" in configuration(switched)
    assert "enforce_new_defaults = false" in configuration(switched)


def plan(directories: Directories, channel: str, options: str, told: list[str]) -> Plan:
    bundle = parse_bundle(BUNDLE.format(channel=channel, options=options), "bundle")
    wish = EnvironmentWish(constraints="as-of-release", parallel=1)
    del told[:]

    def tell(line: str) -> None:
        if not line.startswith(("installing", "importing", "waiting")):
            told.append(line)

    try:
        return survey_deployment(directories, Wanted(bundle, "bundle", "moved"), wish, tell)
    except (ProgramMissing, InterpreterMissing) as missing:
        pytest.skip(f"{missing.what} {missing.evidence}")


def record(found: Plan) -> dict[str, Any]:
    kept: Any = found.step("record").arguments["record"]
    return dict(kept)


def configuration(found: Plan) -> str:
    state: Any = found.step("configure/keystone/0").arguments["state"]
    return next(each["text"] for each in state["files"] if each["path"] == "etc/keystone.conf")
