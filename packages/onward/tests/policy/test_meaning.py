"""Whether checks mean the same: decided exactly, shown by an example, and confirmed by the real oslo.policy."""

import json
from collections.abc import Callable, Mapping
from itertools import product

import policy_checks as checks
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from policy_judge import Judge

from onward.policy.atoms import variable
from onward.policy.evaluation import EvaluationFailed, allows
from onward.policy.language import Always, And, Check, Never, Not, Or, parse, singles, text
from onward.policy.meaning import compare
from onward.policy.rules import Rules

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def rules(**checks_by_name: str) -> Rules:
    return Rules({name: parse(value) for name, value in checks_by_name.items()})


def file(policy: Mapping[str, Check]) -> str:
    return json.dumps({name: text(check) for name, check in policy.items()})


def really(judge: Judge, policy: Mapping[str, Check], cases: list[tuple[str, Mapping, Mapping]]) -> list[bool | str]:
    return judge.outcomes(file(policy), [tuple(case) for case in cases], registered=[])


def outcome(policy: Mapping[str, Check], name: str, target: Mapping, credentials: Mapping) -> bool | None:
    """True or False; None where oslo.policy raises an exception."""
    try:
        return allows(Rules(policy), name, credentials, target)
    except EvaluationFailed:
        return None


@pytest.mark.environments
@pytest.mark.parametrize("series", ["2023.1", "2026.2"])
@settings(shared, max_examples=150)
@given(
    check=checks.trees,
    others=checks.policies,
    cases=st.lists(st.tuples(st.just("x"), checks.things, checks.people), min_size=1, max_size=20),
)
def test_a_policy_is_evaluated_as_the_real_oslo_policy_does(
    judge: Callable[[str], Judge], series: str, check: Check, others: dict[str, Check], cases: list
) -> None:
    policy = {**others, "x": check}
    real = [answer if isinstance(answer, bool) else None for answer in really(judge(series), policy, cases)]
    assert [outcome(policy, *case) for case in cases] == real


@pytest.mark.environments
@settings(shared, max_examples=300)
@given(
    first=checks.trees,
    second=checks.trees,
    others=checks.policies,
    cases=st.lists(st.tuples(st.just("x"), checks.things, checks.people), max_size=20),
)
def test_the_real_oslo_policy_confirms_every_verdict_and_every_example(
    judge: Callable[[str], Judge], first: Check, second: Check, others: dict[str, Check], cases: list
) -> None:
    before, after = {**others, "x": first}, {**others, "x": second}
    found = compare(Rules(before), Rules(after), "x")
    shown = [("x", each.target, each.credentials) for each in (found.gains, found.losses) if each]
    pairs = list(
        zip(really(judge("2026.2"), before, shown + cases), really(judge("2026.2"), after, shown + cases), strict=True)
    )
    expected = ([(False, True)] if found.gains else []) + ([(True, False)] if found.losses else [])
    assert pairs[: len(shown)] == expected
    for one, other in pairs[len(shown) :]:
        # What raises an exception lets nobody in, but depends on the order of the parts.
        if isinstance(one, bool) and isinstance(other, bool):
            assert one == other or found.verdict != "same"
            assert one <= other or found.verdict != "wider" or found.reason
            assert one >= other or found.verdict != "narrower" or found.reason


def truth(check: Check, assigned: Mapping) -> bool:
    match check:
        case Always() | Never():
            return isinstance(check, Always)
        case Not(part):
            return not truth(part, assigned)
        case And(parts):
            return all(truth(part, assigned) for part in parts)
        case Or(parts):
            return any(truth(part, assigned) for part in parts)
    found = variable(check, frozenset())
    return found if isinstance(found, bool) else assigned[found]


independent = st.recursive(
    st.sampled_from([f"role:{name}" for name in "abcdef"]).map(parse),
    lambda parts: (
        st.lists(parts, min_size=2, max_size=3)
        .map(tuple)
        .flatmap(lambda some: st.sampled_from([And(some), Or(some), Not(some[0])]))
    ),
    max_leaves=14,
)


@settings(max_examples=400)
@given(first=independent, second=independent)
@example(first=parse("role:a or role:b and role:c"), second=parse("(role:a or role:b) and (role:c or role:a)"))
def test_the_verdict_is_exact(first: Check, second: Check) -> None:
    names = {variable(each, frozenset()) for check in (first, second) for each in singles(check)}
    pairs = {
        (truth(first, assigned), truth(second, assigned))
        for assigned in (dict(zip(names, values, strict=True)) for values in product((False, True), repeat=len(names)))
    }
    gains, losses = (False, True) in pairs, (True, False) in pairs
    expected = "different" if gains and losses else "wider" if gains else "narrower" if losses else "same"
    assert compare(Rules({"x": first}), Rules({"x": second}), "x").verdict == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("role:admin or role:admin", "role:admin"),
        ("role:a or role:b", "role:B or (role:A)"),
        ("", "@"),
        ("!", "role:admin and not role:ADMIN"),
        ("nonsense", "!"),
        ("rule:base", "role:admin or user_id:%(user_id)s"),
        ("rule:base or rule:missing", "rule:base"),
        ("'a':%(x)s", '"a":%(x)s'),
        ("1:1", "@"),
        ("role:a and (role:b or role:c)", "role:a and role:c or role:b and role:a"),
        ("not (role:a or role:b)", "not role:a and not role:b"),
    ],
)
def test_what_is_only_written_differently_is_the_same(one: str, other: str) -> None:
    base = {"base": "role:admin or user_id:%(user_id)s"}
    assert compare(rules(x=one, **base), rules(x=other, **base), "x").verdict == "same"


def test_case_matters_where_oslo_policy_minds_it() -> None:
    assert compare(rules(x="Role:admin"), rules(x="role:admin"), "x").verdict == "different"
    assert compare(rules(x="is_admin:True"), rules(x="is_admin:true"), "x").verdict == "different"


def test_a_reference_is_followed_within_each_policy() -> None:
    before, after = rules(x="rule:base", base="role:a"), rules(x="rule:base", base="role:a or role:b")
    found = compare(before, after, "x")
    assert (found.verdict, found.gains and found.gains.credentials) == ("wider", {"roles": ["b"]})


def test_a_missing_rule_denies_unless_there_is_a_default_one() -> None:
    assert compare(rules(x="rule:missing"), rules(x="!"), "x").verdict == "same"
    assert compare(rules(x="rule:missing", default="role:a"), rules(x="role:a", default="!"), "x").verdict == "same"
    assert compare(rules(), rules(), "missing").verdict == "same"


def test_a_circle_is_a_result() -> None:
    found = compare(rules(a="role:x or rule:b", b="rule:c", c="rule:b"), rules(a="role:x"), "a")
    assert (found.verdict, found.reason) == ("could-not-tell", "goes round in a circle: a -> b -> c -> b")
    again = rules(a="role:x or rule:b", b="rule:c", c="rule:b")
    assert compare(again, again, "a").same


def test_what_is_too_complex_is_not_guessed() -> None:
    # The worst for a decision diagram: pairs whose halves are far apart.
    halves = " or ".join(f"role:a{number}" for number in range(24))
    pairs = " or ".join(f"(role:a{number} and role:b{number})" for number in range(24))
    found = compare(rules(x=f"({halves}) and role:z or {pairs}"), rules(x=pairs), "x")
    assert found.verdict == "could-not-tell"
    assert "too complex" in found.reason


def test_the_answer_of_a_server_is_supposed_and_said() -> None:
    found = compare(rules(x="role:a"), rules(x="role:a or http://policy.example/%(project_id)s"), "x")
    assert found.verdict == "wider"
    assert "http://policy.example/%(project_id)s says yes" in str(found.gains)


def test_checks_of_a_services_own_are_not_taken_apart() -> None:
    field = {"own_kinds": frozenset({"field"})}
    before = Rules({"x": parse("field:networks:shared=True")}, **field)
    after = Rules({"x": parse("field:networks:shared=True or field:networks:router:external=True")}, **field)
    assert compare(before, before, "x").same
    assert compare(before, after, "x").verdict == "wider"


@given(checks.trees, checks.policies)
def test_a_rule_means_the_same_as_itself_inlined(check: Check, others: dict[str, Check]) -> None:
    assume("default" not in others)
    policy = Rules({**others, "x": check, "y": parse("rule:x")})
    assert compare(policy, policy, "x", "y").verdict in ("same", "could-not-tell")
