"""What is made of two looks at an identity service: by data, without one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.actions.migrate_database import known_fault
from onward.catalog.load import recipe
from onward.catalog.service import AnswerChange
from onward.observe.identity_listings import NOT_OFFERED, Listing
from onward.observe.identity_logins import Login
from onward.observe.identity_memory import Remembered, Seen
from onward.observe.identity_proof import ProofResult, prove

ALICE = Login("alice", "password", "a1", "password of alice", allowed=True, project_id="p1")
MALLORY = Login("mallory", "password", "m1", "wrong password", allowed=False, project_id="p1")
TOKEN = {"user": {"id": "a1", "name": "alice"}, "roles": [{"id": "r1", "name": "member"}], "project": {"id": "p1"}}
PROJECTS = {"p1": {"id": "p1", "name": "web", "enabled": True, "tags": ["a", "b"], "options": {}}}


def before(**listings: Listing) -> Remembered:
    return Remembered(
        listings=listings or {"projects": Listing("projects", PROJECTS)},
        logins=(ALICE, MALLORY),
        shown=({"status": 201, **TOKEN}, {"status": 401}),
        tokens=(TOKEN, {}),
        people=("a1",),
    )


def after(**listings: Listing) -> Seen:
    return Seen(
        listings=listings or {"projects": Listing("projects", PROJECTS)},
        shown=({"status": 201, **TOKEN}, {"status": 401}),
        worth=({"status": 200, **TOKEN}, {}),
    )


def said(result: ProofResult) -> list[str]:
    return [str(difference) for difference in result.differences]


def test_the_same_answers_are_no_difference() -> None:
    result = prove(before(), after())
    assert said(result) == []
    assert {check.name: (check.passed, check.total) for check in result.checks} == {
        "logins with the old password succeed": (1, 1),
        "those who were shut out still are": (1, 1),
        "tokens from before are valid": (1, 1),
        "projects are the same": (1, 1),
    }


def test_what_a_newer_release_shows_in_addition_is_no_difference() -> None:
    more = {"p1": {**PROJECTS["p1"], "new_in_this_release": 7}}
    assert said(prove(before(), after(projects=Listing("projects", more)))) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": "www"}, "projects web (p1), name: web before, www now"),
        ({"enabled": False}, "projects web (p1), enabled: True before, False now"),
        ({"tags": ["a"]}, "projects web (p1), tags: ['a', 'b'] before, ['a'] now"),
    ],
)
def test_a_changed_attribute_is_named(changed: dict[str, object], expected: str) -> None:
    result = prove(before(), after(projects=Listing("projects", {"p1": {**PROJECTS["p1"], **changed}})))
    assert said(result) == [expected]
    assert next(check for check in result.checks if check.name == "projects are the same").passed == 0


def test_what_is_gone_and_what_nobody_made_are_differences() -> None:
    gone = prove(before(), after(projects=Listing("projects", {})))
    assert said(gone) == ["projects web (p1), existence: there before, (absent) now"]
    more = Listing("projects", {**PROJECTS, "p2": {"id": "p2", "name": "backdoor"}})
    assert said(prove(before(), after(projects=more))) == [
        "projects backdoor (p2), existence: (absent) before, there now"
    ]


def test_beyond_a_sample_nothing_is_claimed() -> None:
    sample = Listing("projects", PROJECTS, sampled=True)
    more = Listing("projects", {**PROJECTS, "p2": {"id": "p2", "name": "not in the sample"}}, sampled=True)
    assert said(prove(before(projects=sample), after(projects=more))) == []


def test_a_list_that_is_no_longer_given_is_a_difference() -> None:
    refused = Listing("projects", {}, refusal="answered with 500")
    result = prove(before(), after(projects=refused))
    assert said(result) == ["projects all, listing: 1 listed before, answered with 500 now"]


def test_only_what_a_release_has_and_does_not_list_is_unreadable() -> None:
    assert Listing("limits", {}, refusal="answered with 500").unreadable
    assert not Listing("limits", {}, refusal=NOT_OFFERED).unreadable
    assert not Listing("limits", {}).unreadable


@pytest.mark.parametrize(
    ("shown", "worth", "expected"),
    [
        (({"status": 401}, {"status": 401}), None, "status: 201 before, 401 now"),
        (({"status": 201, **TOKEN}, {"status": 201, **TOKEN}), None, "status: 401 before, 201 now"),
        (({"status": 201, **TOKEN, "roles": []}, {"status": 401}), None, "roles: "),
        (None, ({"status": 404}, {}), "validation: valid before, answered with 404 now"),
        (None, ({"status": 200, **TOKEN, "project": {"id": "p2"}}, {}), "project.id: p1 before, p2 now"),
    ],
    ids=["shut out", "let in", "other roles", "token invalid", "token of another project"],
)
def test_logins_and_tokens_that_lead_elsewhere_are_differences(shown, worth, expected: str) -> None:
    seen = replace(after(), **{key: value for key, value in (("shown", shown), ("worth", worth)) if value})
    (difference,) = said(prove(before(), seen))
    assert expected in difference


ROLES = {"p1": {**PROJECTS["p1"], "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}]}}


@pytest.mark.parametrize(
    ("roles", "differs", "more"),
    [
        ([{"id": "r2", "name": "reader", "options": {}}, {"id": "r1", "name": "member", "options": {}}], False, False),
        ([{"id": "r1", "name": "member"}], True, False),
        ([{"id": "r1", "name": "member"}, {"id": "r2", "name": "writer"}], True, False),
        ([{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}, {"id": "r3", "name": "admin"}], True, True),
    ],
    ids=["new attributes within a list", "one lost", "one changed", "one gained"],
)
def test_things_within_a_list_may_show_more_and_must_all_be_there(roles, differs: bool, more: bool) -> None:
    result = prove(
        before(projects=Listing("projects", ROLES)),
        after(projects=Listing("projects", {"p1": {**ROLES["p1"], "roles": roles}})),
    )
    assert [difference.more for difference in result.differences] == ([more] if differs else [])


GAINED = AnswerChange(
    series="rocky",
    kinds=("token", "login"),
    attribute="roles",
    of="by password",
    effect="more",
    reason="why",
    source="x",
)


def test_what_a_release_is_documented_to_answer_is_told_apart_and_said() -> None:
    more = {**TOKEN, "roles": [*TOKEN["roles"], {"id": "r2", "name": "reader"}]}
    seen = replace(after(), shown=({"status": 201, **more}, {"status": 401}), worth=({"status": 200, **more}, {}))
    assert len(said(prove(before(), seen))) == 2
    result = prove(before(), seen, [GAINED])
    assert said(result) == []
    assert result.documented == ("token and login, roles: 2 answered otherwise since rocky: why",)
    assert all(check.passed == check.total for check in result.checks)


@pytest.mark.parametrize(
    "changes",
    [{"of": "by trust"}, {"kinds": ("login",)}, {"effect": "gone"}, {"attribute": "is_domain"}],
    ids=["other thing", "other kind", "other effect", "other attribute"],
)
def test_a_documented_change_excuses_nothing_else(changes: dict[str, object]) -> None:
    more = {**TOKEN, "roles": [*TOKEN["roles"], {"id": "r2", "name": "reader"}]}
    seen = replace(after(), worth=({"status": 200, **more}, {}))
    assert len(said(prove(before(), seen, [GAINED.model_copy(update=changes)]))) == 1
    lost = replace(after(), worth=({"status": 200, **TOKEN, "roles": []}, {}))
    assert len(said(prove(before(), lost, [GAINED]))) == 1


names = st.sampled_from(["id", "name", "enabled", "parent", "extra"])
values = (
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2) | st.lists(st.integers(0, 2), max_size=2)
)
things = st.dictionaries(st.sampled_from("pqr"), st.dictionaries(names, values, min_size=1), max_size=3)


@given(things, things)
def test_no_difference_exactly_when_all_that_was_there_is_there(old, new) -> None:
    result = prove(before(projects=Listing("projects", old)), after(projects=Listing("projects", new)))
    same = old.keys() == new.keys() and all(
        name in new[key] and new[key][name] == value for key, thing in old.items() for name, value in thing.items()
    )
    assert (said(result) == []) == same
    for check in result.checks:
        assert 0 <= check.passed <= check.total


@pytest.mark.parametrize(
    ("series", "backend", "found", "explained"),
    [
        ("rocky", "sqlite", "credential: 1 rows are missing\nlimit: 4 rows are missing, key 0588", True),
        ("rocky", "mysql", "limit: 4 rows are missing, key 0588", False),
        ("rocky", "sqlite", "ratelimit: 4 rows are missing, key 0588", False),
        ("train", "mysql", "limits 6706aae3, service_id: 5edd8091 before, (absent) now", True),
        ("train", "mysql", "limits 6706aae3, resource_limit: 5 before, (absent) now", False),
    ],
)
def test_losses_that_a_release_is_known_for_are_explained(
    series: str, backend: str, found: str, explained: bool
) -> None:
    assert (known_fault(recipe("keystone"), series, backend, found) is not None) == explained
