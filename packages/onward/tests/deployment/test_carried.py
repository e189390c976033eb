"""Options of a bundle at another release: under the names that they have there, or left to be decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.model.bundle import BundleApplication, OptionValue
from onward.model.options import Option, ReleaseOptions, ValueKind
from onward.plan.deployment.carried import carried, said, translated, unread


def entry_of(
    options: dict[str, OptionValue], units: dict[str, dict[str, OptionValue]] | None = None
) -> BundleApplication:
    return BundleApplication.model_validate({"charm": "keystone", "options": options, "unit-options": units or {}})


TEXT = ValueKind(name="String")


def option(name: str, *formerly: str, reason: str = "") -> Option:
    group, _, short = name.rpartition(".")
    old = tuple((each.rpartition(".")[0] or "DEFAULT", each.rpartition(".")[2]) for each in formerly)
    return Option(
        group=group or "DEFAULT",
        name=short,
        namespace="keystone",
        formerly=old,
        kind=TEXT,
        secret=False,
        removal=bool(reason),
        reason=reason,
        since="",
    )


def release(series: str, *options: Option) -> ReleaseOptions:
    return ReleaseOptions(series=series, options=options, silent={})


OLD = release(
    "2025.1", option("token.lifetime"), option("debug"), option("token.gone", reason="Nobody needs it. At all.")
)
NEW = release("2025.2", option("token.expiration", "token.lifetime"), option("debug"))


def test_an_option_with_another_name_is_written_under_that_and_the_operator_is_told() -> None:
    found = carried({"token.lifetime": 60, "debug": True}, NEW, OLD)
    assert found.renamed == {"token.lifetime": "token.expiration"}
    assert said("keystone", "2025.2", found, ()) == (
        "keystone: token.lifetime is called token.expiration at 2025.2, and is written so",
    )
    entry = entry_of({"token.lifetime": 60}, units={"1": {"token.lifetime": 5}})
    after = translated(entry, found.renamed, ())
    assert (after.options, after.unit_options) == ({"token.expiration": 60}, {"1": {"token.expiration": 5}})


def test_what_the_target_does_not_read_is_named_with_the_last_release_that_did_and_why() -> None:
    assert carried({"token.gone": 1}, NEW, OLD).gone == {"token.gone": "read up to 2025.1: Nobody needs it"}


def test_what_no_release_ever_read_is_not_said_to_be_gone() -> None:
    assert carried({"token.mistyped": 1}, NEW, OLD).gone == {}
    assert unread({"token.mistyped": 1, "debug": True}, NEW) == ("token.mistyped",)


def test_of_both_names_the_newer_one_holds() -> None:
    entry = entry_of({"token.expiration": 1, "token.lifetime": 2})
    assert translated(entry, {"token.lifetime": "token.expiration"}, ()).options == {"token.expiration": 1}


def test_what_is_left_out_is_left_out_of_all_units() -> None:
    entry = entry_of({"token.gone": 1}, units={"0": {"token.gone": 2}})
    after = translated(entry, {}, ("token.gone",))
    assert (after.options, after.unit_options) == ({}, {})


@pytest.mark.parametrize("name", ["admin-token", "admin_token"])
def test_hyphens_are_another_way_to_write_a_name_and_no_other_name(name: str) -> None:
    assert carried({name: "x"}, release("2025.2", option("admin_token")), None).renamed == {}


@given(st.dictionaries(st.sampled_from(["debug", "token.lifetime", "token.expiration", "token.gone"]), st.integers()))
def test_done_twice_it_is_as_done_once(options: dict[str, int]) -> None:
    first = carried(options, NEW, OLD)
    entry = translated(entry_of(options), first.renamed, tuple(first.gone))
    assert carried(entry.options, NEW, OLD) == carried({}, NEW, OLD)
