"""The check language: read as every release of oslo.policy reads it, and printed so that it reads back."""

from collections.abc import Callable

import policy_checks as checks
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_judge import Judge

from onward.policy.language import (
    Always,
    And,
    Atom,
    Check,
    Never,
    NotExpressible,
    Or,
    Role,
    parse,
    read_check,
    references,
    text,
    written,
)

PARSERS = ("queens", "2025.2", "2026.2")
"""The first release there is, the last with the old parser (oslo.policy 4), the newest (6)."""

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.mark.environments
@pytest.mark.parametrize("series", PARSERS)
@settings(shared, max_examples=150)
@given(values=st.lists(checks.texts | checks.anything | checks.lists, min_size=1, max_size=60))
def test_a_check_is_read_as_the_real_parser_reads_it(
    judge: Callable[[str], Judge], series: str, values: list[object]
) -> None:
    for value, real in zip(values, judge(series).parse(*values), strict=True):
        assert parse(value) == real, repr(value)


@pytest.mark.environments
@pytest.mark.parametrize("series", ["queens", "2023.1", "2024.1", "2025.1", "2026.1", "2026.2"])
def test_every_registered_rule_is_read_as_the_real_parser_reads_it(judge: Callable[[str], Judge], series: str) -> None:
    rules = judge(series).registered().rules.values()
    words = [rule.check for rule in rules] + [rule.replaced.check for rule in rules if rule.replaced]
    assert len(words) > 100
    for word, real in zip(words, judge(series).parse(*words), strict=True):
        assert parse(word) == real
        assert parse(text(real)) == real
        assert not read_check(word).complaints


@given(checks.trees)
def test_a_tree_is_printed_so_that_it_reads_back(tree: Check) -> None:
    assert parse(text(tree)) == tree


@given(checks.texts | checks.anything | checks.lists)
def test_what_was_read_is_printed_so_that_it_reads_back(value: object) -> None:
    assert parse(written(parse(value))) == parse(value)


@pytest.mark.parametrize(
    ("value", "check", "effect"),
    [
        ("", Always(), None),
        ([], Always(), None),
        (None, Always(), "open"),
        (False, Always(), "open"),
        ("   ", Never(), "denied"),
        ("admin", Never(), "denied"),
        ("role:admin or", Never(), "denied"),
        ("(role:admin", Never(), "denied"),
        ("'admin':'admin'", Never(), "denied"),
        ([[]], Never(), "denied"),
        (True, Never(), "refused"),
        (["role:admin", 5], Never(), "refused"),
    ],
)
def test_what_is_hardly_meant_is_complained_about(value: object, check: Check, effect: str | None) -> None:
    reading = read_check(value)
    assert reading.check == check
    assert [each.effect for each in reading.complaints] == ([effect] if effect else [])


def test_a_role_with_a_space_stays_a_list() -> None:
    check = parse([["role:cloud admin", "is_admin:True"], "role:admin"])
    assert check == Or((And((Role("cloud admin"), Atom("is_admin", "True"))), Role("admin")))
    assert written(check) == [["role:cloud admin", "is_admin:True"], ["role:admin"]]
    with pytest.raises(NotExpressible):
        text(check)


def test_the_rules_that_a_check_refers_to() -> None:
    assert references(parse("rule:b or (rule:a and not rule:b) or role:rule:c")) == ("b", "a")


def test_a_check_too_deep_to_be_evaluated_is_refused_not_crashed_on() -> None:
    assert [each.effect for each in read_check("not " * 5000 + "role:a").complaints] == ["refused"]
    assert parse("(" * 5000 + "role:a" + ")" * 5000) == Role("a")
