"""Overrides carried to later releases: nothing is decided in silence, and nobody is let in by it."""

from collections.abc import Mapping

import pytest

from onward.policy.carry import Answer
from onward.policy.document import read_document
from onward.policy.equivalence import Settings
from onward.policy.migration import Migration, migrate
from onward.policy.registered import RegisteredPolicy, RegisteredRule, Replaced


def release(series: str, *rules: RegisteredRule) -> RegisteredPolicy:
    return RegisteredPolicy("test", series, "", {rule.name: rule for rule in rules}, oslo_policy="6.0.1")


def rule(name: str, check: str, old: str = "") -> RegisteredRule:
    return RegisteredRule(name, check, replaced=Replaced(old, check) if old else None)


def migrated(text: str, *path: RegisteredPolicy, answers: Mapping[str, Answer] | None = None) -> Migration:
    found = migrate(read_document(text), path, Settings(), answers or {})
    assert not found.unproven
    return found


def outcomes(found: Migration) -> dict[str, str]:
    return {each.rule: each.outcome for each in found.carriage.rules}


def values(found: Migration) -> dict[str, object]:
    assert found.text is not None
    return dict(read_document(found.text).values)


def test_an_override_of_a_default_that_has_not_changed_stays_as_it_is() -> None:
    text = "# ours\nget: role:ops  # why\n"
    found = migrated(text, release("1", rule("get", "role:a or role:b")), release("2", rule("get", "role:b or role:a")))
    assert (found.text, outcomes(found)) == (text, {"get": "kept"})


def test_an_override_that_is_the_new_default_goes_without_a_question() -> None:
    found = migrated(
        "get: role:a\n", release("1", rule("get", "role:b")), release("2", rule("get", "role:A or role:a"))
    )
    assert (values(found), outcomes(found)) == ({}, {"get": "default"})


def test_a_rule_that_became_several_over_two_releases_is_followed() -> None:
    path = (
        release("1", rule("servers", "role:a")),
        release("2", rule("create", "role:a", "servers"), rule("list", "role:a", "servers")),
        release("3", rule("create", "role:a"), rule("index", "role:a", "list"), rule("detail", "role:a", "list")),
    )
    found = migrated("servers: role:ops\n", *path)
    assert values(found) == {"create": "role:ops", "index": "role:ops", "detail": "role:ops"}


CHANGED = (release("1", rule("get", "role:a")), release("2", rule("get", "role:b")))


def test_a_default_that_changed_under_the_override_waits_for_a_decision() -> None:
    found = migrated("get: role:ops\n", *CHANGED)
    (asked,) = found.carriage.undecided
    assert found.text is None
    assert (asked.old_default, asked.override, asked.new_default) == ("role:a", "role:ops", "role:b")
    assert (asked.reasons, asked.answers) == (("default-changed",), ("keep", "take-default"))
    assert asked.by_default is not None
    assert asked.by_default.gains is not None
    assert asked.by_default.gains.credentials == {"roles": ["b"]}


@pytest.mark.parametrize(("answer", "expected"), [("keep", {"get": "role:ops"}), ("take-default", {})])
def test_a_decision_is_carried_out(answer: Answer, expected: dict[str, object]) -> None:
    assert values(migrated("get: role:ops\n", *CHANGED, answers={"get": answer})) == expected


BASE_CHANGED = (
    release("1", rule("base", "role:admin or role:helper"), rule("get", "role:reader")),
    release("2", rule("base", "role:admin"), rule("get", "role:reader")),
)


def test_words_that_would_mean_something_else_are_asked_about() -> None:
    text = "get: rule:base or role:ops\n"
    (asked,) = migrated(text, *BASE_CHANGED).carriage.undecided
    assert asked.reasons == ("means-otherwise",)
    kept = migrated(text, *BASE_CHANGED, answers={"get": "keep"})
    assert (values(kept), outcomes(kept)) == ({"get": "(role:admin or role:helper) or role:ops"}, {"get": "rewritten"})
    assert values(migrated(text, *BASE_CHANGED, answers={"get": "as-written"})) == {"get": "rule:base or role:ops"}


def test_a_reference_to_a_rule_that_is_no_more_is_written_out() -> None:
    path = (
        release("1", rule("owner", "user_id:%(user_id)s"), rule("get", "role:reader")),
        release("2", rule("get", "role:reader")),
    )
    found = migrated("get: rule:owner and role:ops\n", *path)
    assert (values(found), outcomes(found)) == ({"get": "user_id:%(user_id)s and role:ops"}, {"get": "rewritten"})


def test_a_rule_that_is_gone_is_not_dropped_in_silence() -> None:
    path = (release("1", rule("get", "role:a"), rule("put", "role:a")), release("2", rule("get", "role:a")))
    assert [each.rule for each in migrated("put: role:ops\n", *path).carriage.undecided] == ["put"]
    found = migrated("put: role:ops\n", *path, answers={"put": "take-default"})
    assert values(found) == {}
    assert '# Test 2 has no such rule:\n#"put": "role:ops"\n' in str(found.text)


def test_a_default_taken_for_a_base_rule_is_asked_about_where_others_refer_to_it() -> None:
    path = (
        release("1", rule("base", "role:admin"), rule("get", "role:reader")),
        release("2", rule("base", "role:manager"), rule("get", "role:reader")),
    )
    text = "base: role:boss\nget: rule:base or role:ops\n"
    assert [each.rule for each in migrated(text, *path).carriage.undecided] == ["base"]
    then = migrated(text, *path, answers={"base": "take-default"})
    assert [(each.rule, each.reasons) for each in then.carriage.undecided] == [("get", ("means-otherwise",))]
    kept = migrated(text, *path, answers={"base": "take-default", "get": "keep"})
    assert values(kept) == {"get": "role:boss or role:ops"}


def test_rules_that_became_one_let_in_whom_all_of_them_let_in() -> None:
    path = (
        release("1", rule("show", "role:a"), rule("list", "role:a")),
        release("2", rule("get", "role:a", "show"), rule("list", "role:a")),
        release("3", RegisteredRule("get", "role:a", replaced=Replaced("list", "role:a"))),
    )
    text = "show: role:x\nlist: role:y\n"
    (asked,) = migrated(text, *path).carriage.undecided
    assert asked.reasons == ("joined",)
    assert values(migrated(text, *path, answers={"get": "keep"})) == {"get": "role:x and role:y"}
