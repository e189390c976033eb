"""Converted and pruned files let in whom the files before them let in: said by the real oslo.policy."""

import json
from collections.abc import Callable

import policy_checks as checks
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_judge import Judge, registered_rule

from onward.policy.document import read_document
from onward.policy.equivalence import Settings
from onward.policy.registered import RegisteredPolicy, RegisteredRule, Replaced
from onward.policy.rewriting import Rewriting, convert, prune

SERIES = ("2023.1", "2025.2", "2026.1", "2026.2")
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def policy(*rules: RegisteredRule, oslo_policy: str = "6.0.1") -> RegisteredPolicy:
    return RegisteredPolicy("test", "2026.2", "", {rule.name: rule for rule in rules}, oslo_policy=oslo_policy)


def let_in(outcomes: list[bool | str]) -> list[bool]:
    """An exception lets nobody in."""
    return [each is True for each in outcomes]


@pytest.mark.environments
@pytest.mark.parametrize("series", SERIES)
@settings(shared, max_examples=80)
@given(data=st.data(), rules=checks.registered_rules(), known=st.sampled_from([None, None, False, True]))
def test_a_rewritten_file_lets_in_the_same_people(
    judge: Callable[[str], Judge], series: str, data: st.DataObject, rules: list[dict], known: bool | None
) -> None:
    real = judge(series)
    registered = policy(*map(registered_rule, rules), oslo_policy=real.version)
    text = data.draw(checks.policy_file(data.draw(checks.said_again(rules))))
    document = read_document(text)
    # What oslo.policy of this release cannot read is refused before anything is rewritten.
    if not document.readable or (document.only_json and real.version >= "5"):
        return
    written = [convert(document, registered, Settings(known)), prune(document, registered, Settings(known))]
    names = {*registered.rules, *document.values}
    cases = [
        (name, target, person)
        for target, person in data.draw(st.lists(st.tuples(checks.things, checks.sound_people), min_size=4, max_size=8))
        for name in sorted(names & {*registered.rules, *read_document(written[0].text).values})
    ]
    for new_only in (False, True) if known is None else (known,):
        options = {"registered": rules, "enforce_new_defaults": new_only}
        before = let_in(real.outcomes(text, cases, **options))
        for each in written:
            assert not each.unproven
            assert let_in(real.outcomes(each.text, cases, **options)) == before


@settings(max_examples=200)
@given(data=st.data(), rules=checks.registered_rules())
def test_rewriting_again_changes_nothing(data: st.DataObject, rules: list[dict]) -> None:
    registered = policy(*map(registered_rule, rules))
    document = read_document(data.draw(checks.policy_file(data.draw(checks.said_again(rules)))))
    if document.readable:
        for rewrite in (convert, prune):
            once = rewrite(document, registered, Settings()).text
            assert rewrite(read_document(once), registered, Settings()).text == once


def test_what_becomes_the_default_by_what_else_is_left_out_is_left_out_too() -> None:
    # Nobody knows admin_required, so that the rule of that name is the default one, and "b" means what is registered.
    # Only once that is left out does "default" say no more than the release.
    pairs = (("old", "rule:old"), ("default", "rule:b"), ("c", ""), ("b", ""))
    registered = policy(*(RegisteredRule(name, check) for name, check in pairs))
    document = read_document('"default": ""\n"old": "role:x"\n"c": "role:x"\n"b": "rule:admin_required"\n')
    for rewrite in (convert, prune):
        once = rewrite(document, registered, Settings())
        assert not once.unproven
        assert set(read_document(once.text).values) == {"old", "c"}
        assert rewrite(read_document(once.text), registered, Settings()).text == once.text


def test_an_old_name_to_which_only_what_is_left_out_refers_is_left_out_too() -> None:
    registered = policy(RegisteredRule("b", "", replaced=Replaced("old", "")), RegisteredRule("c", ""))
    document = read_document('"c": "rule:old"\n"old": ""\n')
    for rewrite in (convert, prune):
        once = rewrite(document, registered, Settings())
        assert not once.unproven
        assert read_document(once.text).values == {}
        assert rewrite(read_document(once.text), registered, Settings()).text == once.text


BASE = RegisteredRule("admin_required", "role:admin")
GET = RegisteredRule(
    "identity:get_user",
    "rule:admin_required",
    description="Show user details.",
    scopes=("system", "project"),
    operations=(("GET", "/v3/users/{user_id}"),),
)
LIST = RegisteredRule("identity:list_users", "rule:admin_required", description="List users.")


def converted(text: str, *rules: RegisteredRule, known: bool | None = None, version: str = "6.0.1") -> Rewriting:
    found = convert(read_document(text), policy(*rules, oslo_policy=version), Settings(known))
    assert not found.unproven
    return found


@pytest.mark.parametrize(
    "words",
    [
        "rule:admin_required",
        "rule:admin_required or rule:admin_required",
        "role:admin",
        "(role:ADMIN)",
        "not not role:admin",
        "role:admin and (role:admin or role:member)",
        [["role:admin"]],
    ],
)
def test_a_default_in_any_words_is_commented_out_with_what_it_is_for(words: object) -> None:
    found = converted(json.dumps({"identity:get_user": words}), BASE, GET)
    assert read_document(found.text).values == {}
    assert '\n#"identity:get_user": "rule:admin_required"\n' in found.text
    assert "# Show user details.\n# GET  /v3/users/{user_id}\n# Intended scope(s): system, project\n" in found.text
    assert ("in other words" in found.text) == (words != "rule:admin_required")
    assert [(each.rule, each.what) for each in found.changes] == [("identity:get_user", "default")]


def test_what_differs_stays_and_shows_the_default() -> None:
    found = converted('{"identity:get_user": "role:admin or role:helpdesk"}', BASE, GET)
    assert read_document(found.text).values == {"identity:get_user": "role:admin or role:helpdesk"}
    assert '# Default: "rule:admin_required"\n"identity:get_user"' in found.text


def test_a_default_under_an_overridden_base_rule_is_seen_through_it() -> None:
    text = json.dumps(
        {"admin_required": "role:boss", "identity:get_user": "role:boss", "identity:list_users": "role:admin"}
    )
    found = converted(text, BASE, GET, LIST)
    assert set(read_document(found.text).values) == {"admin_required", "identity:list_users"}


def test_comments_order_and_spelling_of_yaml_stay() -> None:
    text = (
        "---\n# Policy of example.org, see TICKET-7\n\n"
        "'identity:list_users':   role:admin or role:auditor   # asked for by audit\n\n"
        '# helpdesk\nidentity:get_user: "rule:admin_required or\n   rule:admin_required"  # drop me?\n# end\n'
    )
    found = converted(text, BASE, GET, LIST)
    before, after = text.split("identity:get_user")
    assert found.text.startswith(before)
    assert found.text.endswith('#"identity:get_user": "rule:admin_required"  # drop me?\n# end\n')
    assert "# Show user details.\n" in found.text
    assert after not in found.text


def test_a_tidy_file_stays_as_it_is_to_the_byte() -> None:
    text = "\ufeff# one\r\nidentity:get_user: !!str 'role:x'   \r\n\r\n\r\n#identity:list_users: role:y\r\n# no newline"
    assert converted(text, BASE, GET, LIST).text == text


def test_what_a_description_says_already_is_not_said_again() -> None:
    text = '# Show user details.\n# GET  /v3/users/{user_id}\n"identity:get_user": "rule:admin_required"\n'
    assert converted(text, BASE, GET).text == text.replace(
        '\n"identity', '\n# Intended scope(s): system, project\n#"identity'
    ).replace("# Intended scope(s): system, project\n", "")


def renamed(*names: str, check: str = "role:admin") -> list[RegisteredRule]:
    return [RegisteredRule(name, check, replaced=Replaced("os:servers", "role:admin")) for name in names]


@pytest.mark.parametrize("version", ["4.1.1", "6.0.1"])
def test_an_old_name_becomes_all_of_its_new_names(version: str) -> None:
    found = converted('"os:servers": "role:ops"\n', *renamed("os:create", "os:list", "os:show"), version=version)
    assert read_document(found.text).values == dict.fromkeys(("os:create", "os:list", "os:show"), "role:ops")
    assert [(each.rule, each.what, each.details) for each in found.changes] == [
        ("os:servers", "renamed", "os:create, os:list, os:show")
    ]


def test_a_new_name_in_the_file_stands_before_the_old_one() -> None:
    text = '"os:servers": "role:ops"\n"os:list": "role:reader"\n'
    found = converted(text, *renamed("os:create", "os:list"))
    assert read_document(found.text).values == {"os:create": "role:ops", "os:list": "role:reader"}


def test_an_old_name_that_others_refer_to_stays() -> None:
    text = '"os:servers": "role:ops"\nbase: rule:os:servers\n'
    rules = [*renamed("os:create"), RegisteredRule("os:list", "rule:os:servers")]
    assert "os:servers" in read_document(converted(text, *rules).text).values


def test_an_old_name_of_which_no_notice_is_taken_is_said_so() -> None:
    # From oslo.policy 5.0 on an override of the old name that says what the old default said does not count.
    found = converted('"os:servers": "role:admin"\n', *renamed("os:create", check="role:manager"), known=True)
    assert read_document(found.text).values == {}
    assert [each.what for each in found.changes] == ["idle"]


def test_the_new_default_is_kept_while_leaving_it_out_could_let_the_old_one_in() -> None:
    rule = RegisteredRule("os:list", "role:reader", replaced=Replaced("os:list", "@"))
    text = '"os:list": "role:reader"\n'
    kept = converted(text, rule)
    assert kept.text == text
    assert kept.changes[0].details == "the default, but only with enforce_new_defaults on"
    assert read_document(converted(text, rule, known=True).text).values == {}
    assert converted(text, rule, known=False).text == text


def test_a_rule_that_nobody_knows_is_kept_and_said() -> None:
    found = converted('"os:lst": "role:reader"\nbase: role:x\n"os:list": "rule:base"\n', RegisteredRule("os:list", "!"))
    assert [(each.rule, each.what) for each in found.changes] == [
        ("os:lst", "unknown"),
        ("base", "kept"),
        ("os:list", "kept"),
    ]


def test_a_circle_is_left_alone() -> None:
    text = '"a": "rule:b"\n"b": "rule:a or role:x"\n"c": "role:admin"\n'
    rules = [RegisteredRule(name, "role:admin") for name in "abc"]
    found = converted(text, *rules)
    assert read_document(found.text).values == {"a": "rule:b", "b": "rule:a or role:x"}


def test_pruning_keeps_only_what_differs_with_its_comments() -> None:
    text = (
        "# head\n\n# about get\nidentity:get_user: rule:admin_required\n\n# about list\n"
        "identity:list_users: role:auditor  # why\n# base\nadmin_required: role:admin\n# tail\n"
    )
    found = prune(read_document(text), policy(BASE, GET, LIST), Settings())
    assert found.text == "# head\n\n\n# about list\nidentity:list_users: role:auditor  # why\n# tail\n"
