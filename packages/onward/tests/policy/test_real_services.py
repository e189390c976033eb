"""Every service of the catalogue: what is computed of its policy is what the release itself enforces."""

import pytest

from onward.catalog.load import series_list, services_with_policy
from onward.hosts.policies import PolicySources
from onward.policy.difference import End
from onward.policy.evaluation import EvaluationFailed
from onward.policy.personas import cases_for, checks_of
from onward.policy.witness import Witness
from onward.survey.policies import PolicyEnvironments

IN_EVERY_RUN = {("keystone", "2023.1"), ("keystone", "2026.2")}
"""The others take an environment each, which the first run has to build."""

RELEASES = [
    pytest.param(service, series.id, marks=() if (service, series.id) in IN_EVERY_RUN else pytest.mark.full)
    for service in services_with_policy()
    for series in series_list()
    if series.id >= "2023.1" and series.id[0] == "2" and service in series.services
]
pytestmark = pytest.mark.environments


@pytest.mark.parametrize(("service", "series"), RELEASES)
def test_what_is_computed_is_what_the_release_enforces(
    service: str, series: str, policy_environments: PolicyEnvironments
) -> None:
    registered = policy_environments.registered(service, series)
    cases = cases_for(checks_of(registered))
    real = policy_environments.in_force(service, series, PolicySources(), cases)
    end = End(registered, (), real)
    assert set(end.policy.rules) == set(real.rules)
    assert len(real.rules) > 5
    own = set(registered.custom_checks) - {"http", "https"}
    for name, rule in real.rules.items():
        reached = end.policy.checks.reached(name)
        if any(kind in real.rules[each].check for kind in own for each in reached if each in real.rules):
            continue  # Only the service's own code can tell.
        for case, letter in zip(cases, rule.verdicts, strict=True):
            # What the service adds to the credentials by asking its policy.
            administrator = "context_is_admin" in real.rules and end.lets_in(
                "context_is_admin", Witness(case.credentials, case.credentials)
            )
            flags = {"enforce_new_defaults": str(real.enforce_new_defaults)}
            who = Witness({**case.credentials, "is_admin": administrator}, {**case.target, **flags})
            try:
                expected = "a" if end.lets_in(name, who) else "ds"
            except EvaluationFailed:
                expected = "e"
            assert letter in expected, (name, rule.check, case)
