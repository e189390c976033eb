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
from onward.policy.registered import RegisteredPolicy

SERIES = ("queens", "rocky", "stein", "train", "ussuri", "victoria", "wallaby", "2023.1", "2025.2", "2026.1", "2026.2")


@pytest.mark.environments
@pytest.mark.parametrize("series", SERIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(rules=checks.registered_rules(), file=checks.overrides, new_only=st.booleans())
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
