"""The policy in force, as the real Enforcer of every release has it in force."""

import json
from collections.abc import Callable

import policy_checks as checks
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_judge import Judge, registered_rule

from onward.catalog.load import series_list
from onward.policy.effective import Override, effective
from onward.policy.language import text
from onward.policy.registered import RegisteredPolicy

NAMES = ("a", "b", "c", "old", "default")
SERIES = ("queens", "rocky", "stein", "train", "ussuri", "victoria", "wallaby", "2023.1", "2025.2", "2026.1", "2026.2")

simple = st.sampled_from(["", "@", "!", "role:admin", "rule:a", "rule:b", "rule:old", "role:x or role:y", "ROLE:admin"])
some_checks = simple | checks.trees.map(text)


@st.composite
def registered_rules(draw: st.DrawFn) -> list[dict]:
    """A service's rules, some of which replace others, 1:1 and 1:N."""
    rules = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        rule = {"name": name, "check": draw(some_checks), "removal": draw(st.sampled_from([False, False, True]))}
        if draw(st.booleans()):
            rule["replaced"] = {"name": draw(st.sampled_from(NAMES)), "check": draw(some_checks)}
        rules.append(rule)
    return rules


files = st.dictionaries(st.sampled_from((*NAMES, "unknown")), some_checks)


@pytest.mark.environments
@pytest.mark.parametrize("series", SERIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(rules=registered_rules(), file=files, new_only=st.booleans())
def test_the_policy_in_force_is_that_of_the_real_enforcer(
    judge: Callable[[str], Judge], series: str, rules: list[dict], file: dict[str, str], new_only: bool
) -> None:
    real = judge(series)
    policy = RegisteredPolicy(
        "test", series, "", {rule["name"]: registered_rule(rule) for rule in rules}, oslo_policy=real.version
    )
    ours = effective(policy, [Override(*each) for each in file.items()], enforce_new_defaults=new_only)
    theirs = real.effective(json.dumps(file), registered=rules, enforce_new_defaults=new_only)
    assert dict(ours.checks.checks) == theirs


@pytest.mark.environments
@pytest.mark.parametrize("series", [each.id for each in series_list() if each.id != "pike"])
def test_keystones_policy_in_force_with_overrides_of_old_and_new_names(
    judge: Callable[[str], Judge], series: str
) -> None:
    real = judge(series)
    policy = real.registered()
    old = {rule.replaced.name: "role:of_old" for rule in policy.rules.values() if rule.replaced}
    some = dict.fromkeys(list(policy.rules)[::7], "rule:admin_required or role:helpdesk")
    for file in ({}, {**old, **some}):
        for new_only in (False, True):
            ours = effective(policy, [Override(*each) for each in file.items()], enforce_new_defaults=new_only)
            theirs = real.effective(json.dumps(file), enforce_new_defaults=new_only)
            assert dict(ours.checks.checks) == theirs
