"""What is said of the changes between two policies."""

import policy_checks as checks
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_ends_made import changed, ends, only, overridden, release, rule

from onward.policy.difference import KINDS, difference
from onward.policy.effective import Override
from onward.policy.language import text


def test_nothing_changes_where_only_the_words_do() -> None:
    old = release(rule("get", "role:admin or role:reader"), rule("base", "role:x"), rule("use", "rule:base"))
    new = release(rule("get", "(role:reader) or role:admin"), rule("base", "role:x"), rule("use", "role:x"))
    assert changed(old, new).changes == ()


def test_who_is_let_in_by_a_wider_default() -> None:
    found = changed(release(rule("get", "role:admin")), release(rule("get", "role:admin or role:reader")))
    change = only(found)
    assert change.kinds == ("wider", "default changed")
    assert found.gained(change) == ["manager, member, reader: everywhere"]
    assert found.lost(change) == []


def test_who_is_kept_out_by_a_narrower_default() -> None:
    mine = "project_id:%(project_id)s"
    found = changed(release(rule("get", mine)), release(rule("get", f"{mine} and role:member")))
    change = only(found)
    assert change.kinds == ("narrower", "default changed")
    assert found.lost(change) == ["reader, service, no role: own project; own project, another user's"]


def test_what_no_persona_shows_is_shown_by_an_example() -> None:
    found = changed(release(rule("get", "role:admin")), release(rule("get", "role:admin or flavour:%(flavour)s")))
    change = only(found)
    assert change.wider
    assert change.gains == ()
    assert "flavour" in found.gained(change)[0]


def test_a_changed_default_under_an_override_changes_nothing_for_anybody() -> None:
    old, new = release(rule("get", "role:admin")), release(rule("get", "role:admin or role:reader"))
    change = only(changed(old, new, overridden(get="role:auditor")))
    assert change.kinds == ("default changed under override",)
    assert change.new is not None
    assert change.new.default == "role:admin or role:reader"
    assert change.new.override is not None
    assert change.new.override.line == 1


def test_an_override_that_says_what_the_new_default_says_is_redundant_now() -> None:
    old, new = release(rule("get", "role:admin")), release(rule("get", "role:admin or role:auditor"))
    change = only(changed(old, new, overridden(get="role:auditor or role:admin")))
    assert change.kinds == ("default changed under override", "override redundant")


def test_an_override_that_was_redundant_before_is_no_news() -> None:
    old = new = release(rule("get", "role:admin"))
    assert changed(old, new, overridden(get="role:admin")).changes == ()


def test_one_old_rule_becomes_two_and_its_override_holds_for_both() -> None:
    old = release(rule("images", "role:admin"))
    new = release(
        rule("images:get", "role:reader", old=("images", "role:admin")),
        rule("images:list", "role:reader", old=("images", "role:admin")),
    )
    found = changed(old, new, overridden(images="role:auditor"))
    assert {change.name: change.kinds for change in found.changes} == {
        "images:get": ("default changed under override", "renamed"),
        "images:list": ("default changed under override", "renamed"),
    }


def test_an_override_under_a_name_that_is_forgotten_is_lost_and_opens() -> None:
    old = release(rule("images:get", "role:reader", old=("images", "role:admin")))
    new = release(rule("images:get", "role:reader"))
    found = changed(old, new, overridden(images="role:auditor"))
    change = only(found)
    assert change.kinds[:2] == ("wider", "override lost")
    assert change.old is not None
    assert change.old.origin == "old-name"
    assert "admin, manager, member, reader: everywhere" in found.gained(change)


def test_an_override_in_a_file_that_is_no_longer_read_is_lost() -> None:
    old = new = release(rule("get", "role:reader"))
    change = only(changed(old, new, overridden(get="role:auditor"), after=()))
    assert change.kinds == ("wider", "override lost", "narrower", "default changed")[:3]


def test_since_oslo_policy_5_an_override_that_repeats_the_old_default_no_longer_holds() -> None:
    rules = (rule("images:get", "role:reader", old=("images", "role:admin")),)
    old, new = release(*rules, oslo_policy="4.6.0"), release(*rules, oslo_policy="5.0.0", series="2026.1")
    change = only(changed(old, new, overridden(images="role:admin")))
    assert change.kinds == ("wider", "override lost")


def test_a_rule_that_is_gone_takes_its_override_with_it() -> None:
    found = changed(release(rule("a", "@"), rule("b", "@")), release(), overridden(a="!"))
    assert {change.name: change.kinds for change in found.changes} == {
        "a": ("override lost", "removed"),
        "b": ("removed",),
    }


def test_new_rules_are_new() -> None:
    change = only(changed(release(), release(rule("a", "role:admin"))))
    assert (change.kinds, change.old) == (("new",), None)


def test_another_scope_is_a_change_and_keeps_out_whom_it_does_not_name() -> None:
    old = release(rule("get", "role:admin", scopes=("system", "project")))
    new = release(rule("get", "role:admin", scopes=("project",)))
    found = changed(old, new)
    change = only(found)
    assert change.kinds == ("narrower", "scope changed")
    assert found.lost(change) == ["admin: system"]


def test_scopes_that_become_enforced_are_seen_by_who_is_kept_out() -> None:
    rules = (rule("get", "role:admin", scopes=("project",)),)
    change = only(changed(release(*rules, scope=False), release(*rules)))
    assert change.kinds == ("narrower",)


def test_an_example_has_a_token_that_the_scope_allows() -> None:
    old = release(rule("get", "role:admin", scopes=("system",)))
    new = release(rule("get", "role:admin or flavour:%(flavour)s", scopes=("system",)))
    change = only(changed(old, new))
    assert change.gain is not None
    assert change.gain.credentials["system_scope"] == "all"


def test_a_wider_check_behind_a_scope_that_nobody_can_have_lets_in_nobody() -> None:
    old = release(rule("get", "role:admin", scopes=("system",)))
    new = release(rule("get", "role:admin or (role:x and domain_id:%(domain_id)s)", scopes=("system",)))
    change = only(changed(old, new))
    assert change.gain is None or change.gain.credentials.get("system_scope") == "all"


def test_old_defaults_that_no_longer_count_keep_out() -> None:
    rules = (rule("get", "role:reader", old=("get", "role:admin or role:helper")),)
    found = changed(release(*rules, new_only=False), release(*rules))
    change = only(found)
    assert change.kinds == ("narrower", "default changed")
    assert found.lost(change) == ["helper: everywhere"]


def test_whoever_is_an_admin_is_a_reader_too() -> None:
    found = changed(release(rule("get", "role:admin")), release(rule("get", "role:reader")))
    change = only(found)
    assert change.kinds == ("wider", "default changed")
    assert (change.losses, change.loss) == ((), None)


def test_a_circle_at_one_end_cannot_be_told() -> None:
    old = release(rule("get", "role:admin"))
    new = release(rule("get", "rule:a"), rule("a", "rule:get"))
    change = next(each for each in changed(old, new).changes if each.name == "get")
    assert change.kinds[0] == "could not tell"
    assert change.error


def test_what_lets_somebody_in_comes_first() -> None:
    old = release(rule("a", "@"), rule("b", "!"), rule("c", "@"))
    new = release(rule("a", "!"), rule("b", "@"), rule("d", "@"))
    assert [change.name for change in changed(old, new).changes] == ["b", "a", "c", "d"]


def test_ends_that_were_asked_different_things_are_not_compared() -> None:
    old, _ = ends((release(rule("a", "role:x")), ()), (release(), ()))
    _, new = ends((release(), ()), (release(rule("a", "role:y")), ()))
    with pytest.raises(ValueError, match="different questions"):
        difference(old, new)


NAMES = ("admin_required", "owner", "base", "missing", "old")
some_checks = checks.trees.map(text)


@st.composite
def policies(draw: st.DrawFn) -> tuple:
    """A release and overrides for some of its rules."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    scopes = st.sampled_from([(), ("project",), ("system",), ("domain", "project")])
    olds = st.none() | st.tuples(st.sampled_from(NAMES), some_checks)
    rules = [rule(name, draw(some_checks), scopes=draw(scopes), old=draw(olds)) for name in names]
    flags = {"new_only": draw(st.booleans()), "scope": draw(st.booleans())}
    oslo_policy = draw(st.sampled_from(["4.1.1", "4.6.0", "5.0.0"]))
    said = draw(st.dictionaries(st.sampled_from(NAMES), some_checks, max_size=3))
    overrides = tuple(Override(name, check, 1, "policy.yaml") for name, check in said.items())
    return release(*rules, oslo_policy=oslo_policy, **flags), overrides


SETTINGS = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(policies())
def test_nothing_changes_from_a_policy_to_itself(policy: tuple) -> None:
    assert difference(*ends(policy, policy)).changes == ()


@SETTINGS
@given(policies(), policies())
def test_every_answer_that_changes_is_reported_and_no_other(old: tuple, new: tuple) -> None:
    before, after = ends(old, new)
    found = difference(before, after)
    reported = {change.name: change for change in found.changes}
    for name in set(before.registered.rules) & set(after.registered.rules):
        letters = list(zip(before.real.rules[name].verdicts, after.real.rules[name].verdicts, strict=True))
        gains = tuple(number for number, pair in enumerate(letters) if pair == ("d", "a"))
        losses = tuple(number for number, pair in enumerate(letters) if pair == ("a", "d"))
        change = reported.get(name)
        assert (change.gains, change.losses) == (gains, losses) if change else not gains + losses
        assert not gains or (change is not None and change.kinds[0] == "wider")
    for change in found.changes:
        assert change.kinds
        assert list(change.kinds) == sorted(change.kinds, key=KINDS.index)


@SETTINGS
@given(policies(), policies())
def test_gains_one_way_are_losses_the_other_way(old: tuple, new: tuple) -> None:
    before, after = ends(old, new)
    there = {change.name: change for change in difference(before, after).changes}
    back = {change.name: change for change in difference(after, before).changes}
    for name in set(before.registered.rules) & set(after.registered.rules):
        forth, again = there.get(name), back.get(name)
        assert (forth.gains if forth else ()) == (again.losses if again else ())
        assert (forth.losses if forth else ()) == (again.gains if again else ())


@SETTINGS
@given(policies(), policies())
def test_an_example_is_somebody_for_whom_the_answer_changes(old: tuple, new: tuple) -> None:
    before, after = ends(old, new)
    for change in difference(before, after).changes:
        if change.gain is not None and change.old is not None:
            assert not before.lets_in(change.old.name, change.gain)
            assert after.lets_in(change.name, change.gain)
        if change.loss is not None and change.old is not None:
            assert before.lets_in(change.old.name, change.loss)
            assert not after.lets_in(change.name, change.loss)
