"""Configuration files and what releases know of options: what is said, and that no secret is."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg, types

from onward.checks.finding import Finding
from onward.checks.option_values import expected, takes
from onward.checks.options import option_findings
from onward.hosts.options_program import kind
from onward.model.options import Option, ReleaseOptions, SetOption, ValueKind

FILE = Path("/etc/nova/nova.conf")


def option(name: str, type_: Any = None, **words: Any) -> Option:
    group, _, name = name.rpartition(".")
    told = {"namespace": "nova.conf", "formerly": (), "secret": False, "removal": False, "reason": "", "since": ""}
    shape = ValueKind.model_validate(kind(type_ or types.String()))
    return Option.model_validate({**told, "group": group or "DEFAULT", "name": name, "kind": shape, **words})


def release(series: str, *options: Option, **silent: str) -> ReleaseOptions:
    return ReleaseOptions(series=series, options=options, silent=silent)


def set_to(name: str, value: str = "x", **words: Any) -> SetOption:
    group, _, name = name.rpartition(".")
    return SetOption(group=group or "DEFAULT", name=name, value=value, file=FILE, **words)


def found(options: list[SetOption], *releases: ReleaseOptions, **unasked: str) -> dict[str, Finding]:
    """What does not pass, by name."""
    said = option_findings("nova", options, releases, unasked, moves=len(releases) > 1)
    return {each.name: each for each in said if each.result != "pass"}


def test_what_the_release_knows_passes_whatever_the_case_of_its_group() -> None:
    known = release("2026.2", option("Oslo_Policy.policy_file"), option("debug", types.Boolean()))
    assert found([set_to("oslo_policy.policy_file"), set_to("debug", "yes")], known) == {}


def test_a_value_of_the_wrong_kind_fails_with_what_is_right() -> None:
    known = release("2026.2", option("api.workers", types.Integer(min=1)))
    said = found([set_to("api.workers", "many")], known)["option values"]
    assert (said.result, said.about) == ("fail", "nova 2026.2")
    assert said.details == f"[api] workers in {FILE} is 'many', and the release takes a whole number from 1"
    assert said.way_out == f"set [api] workers in {FILE} to a whole number from 1"


@pytest.mark.parametrize("shape", [types.Integer(), types.String(choices=["a", "b"])])
@pytest.mark.parametrize("secret_in", [0, 1])
def test_no_value_of_a_secret_is_shown_whichever_release_calls_it_one(shape: Any, secret_in: int) -> None:
    releases = [
        release(series, option("api.token", shape, secret=number == secret_in))
        for number, series in enumerate(("2026.1", "2026.2"))
    ]
    said = found([set_to("api.token", "Gr8Secret")], *releases)
    assert said["option values"].result == "fail"
    assert "Gr8Secret" not in str(said)


def test_a_url_with_a_password_is_not_shown_though_no_release_calls_it_secret() -> None:
    known = release("2026.2", option("url", types.String(max_length=5)))
    assert "Gr8Secret" not in str(found([set_to("url", "http://u:Gr8Secret@h")], known))


def test_a_setting_whose_old_name_is_no_longer_read_is_lost_unless_the_new_name_is_set_too() -> None:
    before = release("2026.1", option("database.connection", formerly=(("DEFAULT", "sql_connection"),), secret=True))
    after = release("2026.2", option("database.connection", secret=True))
    old = set_to("sql_connection", "mysql://Gr8Secret")
    said = found([old], before, after)["removed options"]
    assert said.result == "fail"
    assert said.way_out == f"in {FILE}, move the value of [DEFAULT] sql_connection to [database] connection"
    assert "Gr8Secret" not in str(said)
    assert found([old, set_to("database.connection")], before, after)["removed options"].result == "warn"


def test_a_name_that_only_a_release_on_the_way_still_read_is_followed_to_the_new_one() -> None:
    way = [
        release("2025.1", option("api.old")),
        release("2025.2", option("api.new", formerly=(("api", "old"),))),
        release("2026.1", option("api.new")),
    ]
    said = found([set_to("api.old")], *way)["removed options"]
    assert (said.result, said.way_out) == ("fail", f"in {FILE}, move the value of [api] old to [api] new")


def test_what_was_removed_for_good_is_a_warning_with_the_releases_own_reason() -> None:
    gone = option("xen.driver", removal=True, reason="Nobody tests it. It was never finished.")
    before = release("2026.1", gone)
    assert found([set_to("xen.driver")], before)["options to be removed"].result == "warn"
    said = found([set_to("xen.driver")], before, release("2026.2"))["removed options"]
    assert said.result == "warn"
    assert said.details == "without effect at 2026.2: [xen] driver (up to 2026.1: Nobody tests it)"


def test_an_option_whose_namespace_the_target_cannot_list_could_not_be_told() -> None:
    before = release("2026.1", option("kmip.host"))
    said = found([set_to("kmip.host")], before, release("2026.2", **{"nova.conf": "no PyKMIP"}))["removed options"]
    assert said.result == "could-not-tell"
    assert "no PyKMIP" in said.details


def test_what_no_release_lists_is_named_and_not_judged() -> None:
    said = found([set_to("acme.token", "Gr8Secret")], release("2026.1"), release("2026.2"))
    assert {each.result for each in said.values()} == {"not-checked"}
    assert said["unlisted options"].details.endswith(": [acme] token")
    assert "Gr8Secret" not in str(said)


def test_where_the_source_could_not_be_asked_nothing_passes_as_not_removed() -> None:
    said = option_findings("nova", [set_to("a.b")], [release("2026.2")], {"2026.1": "no Python"}, moves=True)
    warned = {each.name: each.result for each in said}
    assert warned["unlisted options"] == "warn"
    assert "removed options" not in warned


def test_a_backends_section_takes_the_options_of_all_backends() -> None:
    known = release("2026.2", option("backend_defaults.volume_group"))
    assert found([set_to("lvm.volume_group", takes=("backend_defaults",))], known) == {}
    assert list(found([set_to("lvm.volume_group")], known)) == ["unlisted options"]


KINDS = [
    types.String(),
    types.String(choices=["a", "b"]),
    types.String(choices=["a", "B"], ignore_case=True),
    types.String(regex=r"^[a-f]+$"),
    types.String(max_length=3),
    types.Boolean(),
    types.Integer(),
    types.Integer(min=0, max=10),
    types.Integer(choices=[1, 2]),
    types.Float(min=0, max=4.5),
    types.Port(),
    types.List(types.Integer(min=0)),
    types.List(),
]


@given(
    st.sampled_from(KINDS), st.sampled_from(["", "a", "b", "1", "2", "-1", "11", "4.4", "65536", "yes", "a,1", "1,2"])
)
def test_a_value_is_taken_exactly_where_oslo_config_takes_it(shape: Any, value: str) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.Opt("x", type=shape))
    try:
        conf._get_opt_info("x")["opt"].type(value)
        taken = True
    except ValueError:
        taken = False
    told = ValueKind.model_validate(kind(shape))
    assert takes(told, value) is taken
    assert expected(told)


def test_a_reference_to_another_option_and_a_kind_of_the_services_own_are_not_judged() -> None:
    assert takes(ValueKind.model_validate(kind(types.Integer())), "$workers") is None
    assert takes(ValueKind.model_validate(kind(lambda value: value)), "x") is None
