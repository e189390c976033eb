"""What is found wrong with a policy, from data alone."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from policy_ends_made import changed, ends, overridden, release, rule

from onward.checks.finding import Finding
from onward.checks.policy import (
    MOST_ALIKE,
    file_findings,
    permission_findings,
    rule_findings,
    shortened,
    stale_findings,
    way_findings,
)
from onward.policy.difference import End
from onward.policy.document import read_document
from onward.policy.effective import Override
from onward.policy.files import PolicyFile, PolicyFiles, PolicyFilesOfRelease
from onward.policy.registered import RegisteredPolicy

ETC = Path("/etc/nova")
BASE = release(rule("admin_api", "role:admin"), rule("os:list", "rule:admin_api"), rule("os:show", "rule:admin_api"))


def file(name: str, text: str | None = "", **facts: object) -> PolicyFile:
    return PolicyFile(ETC / name, text, **{"owner": "root", "group": "nova", "mode": 0o640, **facts})


def found_in(*files: PolicyFile, problems: tuple[str, ...] = (), missing: str | None = None) -> list[Finding]:
    documents = {each.path: read_document(each.text) for each in files if each.text is not None}
    seen = PolicyFiles("nova", (ETC,), {each.path: each for each in files}, problems=problems)
    return list(file_findings(seen, PolicyFilesOfRelease(files, (), missing), documents, BASE))


def end_of(*said: Override, registered: RegisteredPolicy = BASE) -> End:
    return ends((registered, said), (registered, said))[1]


def results(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.name: finding.result for finding in findings}


def about(findings: Iterable[Finding], name: str) -> Finding:
    (found,) = (finding for finding in findings if finding.name == name)
    return found


def test_a_sound_file_passes_and_is_named() -> None:
    (found,) = found_in(file("policy.yaml", '"os:list": "role:auditor"\n'))
    assert (found.result, "/etc/nova/policy.yaml" in found.details) == ("pass", True)
    (found,) = found_in()
    assert (found.result, "no overrides" in found.details) == ("pass", True)


@pytest.mark.parametrize(
    ("text", "result", "words"),
    [
        ('"os:list": [\n', "fail", "cannot read the file"),
        ("- os:list\n", "fail", "cannot read the file"),
        ('"os:list": true\n', "fail", "refuses the file"),
        ('"os:list":\n', "fail", "everybody is let in"),
        ('"os:list": !\n', "fail", "everybody is let in"),
        ('"os:list": "admin"\n', "warn", "nobody is let in"),
        ('"os:list": "role:a"\n"os:list": "role:b"\n', "warn", "said again on line 2"),
    ],
)
def test_what_does_not_do_what_its_writer_meant_is_found_with_its_line(text: str, result: str, words: str) -> None:
    found = found_in(file("policy.yaml", text))
    assert [each.result for each in found] == [result]
    assert words in found[0].details
    assert "/etc/nova/policy.yaml:" in found[0].details


def test_what_cannot_be_found_out_is_no_pass() -> None:
    assert [each.result for each in found_in(problems=("/etc/nova cannot be listed",))] == ["could-not-tell"]
    assert [each.result for each in found_in(missing="own.yaml")] == ["fail"]
    assert [each.result for each in found_in(file("policy.yaml", None, unreadable="Permission denied"))] == ["fail"]


def test_a_forgotten_copy_in_a_directory_of_overrides_counts() -> None:
    (found,) = found_in(file("policy.d/10-own.yaml.bak"))
    assert (found.result, "read as well" in found.details) == ("warn", True)


def test_who_may_change_and_who_may_read_the_files() -> None:
    files = [
        file("a.yaml", mode=0o666),
        file("b.yaml", owner="alice"),
        file("c.yaml", mode=0o600),
        file("d.yaml"),
    ]
    found = list(permission_findings("nova", files, {ETC / "c.yaml": False, ETC / "d.yaml": True}))
    assert [(each.result, each.details.split()[0]) for each in found] == [
        ("fail", "/etc/nova/a.yaml"),
        ("warn", "/etc/nova/b.yaml"),
        ("fail", "/etc/nova/c.yaml"),
    ]


def test_a_rule_that_no_release_has_is_found_with_the_nearest() -> None:
    found = list(rule_findings(end_of(*overridden(os__lists="role:x")), []))
    unknown = about(found, "unknown policy rule")
    assert unknown.result == "warn"
    assert "/etc/nova/policy.yaml:1" in unknown.details
    assert "os:list" in unknown.way_out


def test_a_rule_of_the_operators_own_that_another_refers_to_is_known() -> None:
    said = overridden(mine="role:x", os__list="rule:mine", default="!")
    assert "unknown policy rule" not in results(rule_findings(end_of(*said), []))


def test_a_rule_that_only_a_later_release_has_is_known() -> None:
    later = release(*BASE.rules.values(), rule("os:new", "@"), series="2025.2")
    assert "unknown policy rule" not in results(rule_findings(end_of(*overridden(os__new="role:x")), [later]))


def test_undefined_rules_and_circles_fail() -> None:
    said = overridden(os__list="rule:gone", os__show="rule:round", round="rule:and_round", and_round="rule:round")
    found = list(rule_findings(end_of(*said), []))
    assert about(found, "undefined policy rule").result == "fail"
    assert "gone" in about(found, "undefined policy rule").details
    circle = about(found, "circular policy rule")
    assert circle.result == "fail"
    assert "os:show" not in circle.details


def test_a_default_of_the_releases_own_that_refers_to_no_rule_stops_nothing() -> None:
    own = release(*BASE.rules.values(), rule("os:tags", "rule:shared or rule:admin_api"))
    found = about(rule_findings(end_of(registered=own), []), "undefined policy rule")
    assert (found.result, found.way_out.split(",")[0]) == ("warn", "define shared")
    assert "os:tags refers to shared" in found.details
    assert "no file here is the cause" in found.details
    mine = about(
        rule_findings(end_of(*overridden(os__tags="rule:shared"), registered=own), []), "undefined policy rule"
    )
    assert mine.result == "fail"


def test_an_override_that_says_what_is_said_anyway_is_redundant() -> None:
    said = overridden(os__list="role:ADMIN or role:admin", os__show="role:auditor")
    redundant = about(rule_findings(end_of(*said), []), "redundant policy override")
    assert redundant.result == "warn"
    assert "os:list" in redundant.details
    assert "os:show" not in redundant.details
    assert redundant.way_out.startswith("onward policy prune")


def test_old_names_and_rules_on_their_way_out() -> None:
    registered = release(rule("os:get", "role:reader", old=("os", "role:admin")), rule("os:bye", "@", removal=True))
    end = end_of(*overridden(os="role:x", os__bye="!"), registered=registered)
    found = list(rule_findings(end, [release(*registered.rules.values(), series="2026.1")]))
    assert "os:get" in about(found, "old policy name").details
    assert about(found, "old policy name").way_out.startswith("onward policy migrate /etc/nova/policy.yaml")
    assert "--to 2026.1" in about(found, "old policy name").way_out
    assert "os:bye" in about(found, "policy rule to be removed").details


def test_a_move_that_loses_an_override_and_opens_fails() -> None:
    old = release(rule("os:get", "role:reader", old=("os", "role:admin")), series="2025.1")
    between = release(rule("os:get", "role:reader"), series="2025.2")
    new = release(rule("os:get", "role:reader"), series="2026.1")
    found = list(way_findings("nova", [old, between, new], changed(old, new, overridden(os="role:auditor")), []))
    lost = about(found, "lost policy override")
    assert lost.result == "fail"
    assert "from 2025.2 on" in lost.details
    assert "admin, manager, member, reader: everywhere" in lost.details


def test_a_move_that_opens_nothing_passes_and_one_that_does_is_told() -> None:
    wider = release(rule("admin_api", "role:admin"), rule("os:list", "@"), rule("os:show", "rule:admin_api"))
    assert results(way_findings("nova", [BASE, BASE], changed(BASE, BASE), [])) == {"policy after the move": "pass"}
    (found,) = way_findings("nova", [BASE, wider], changed(BASE, wider), [])
    assert (found.result, "os:list" in found.details) == ("warn", True)


def test_a_stale_file_that_nobody_could_evaluate_is_no_pass() -> None:
    (found,) = stale_findings(BASE, BASE, file("policy.json", None, unreadable="Permission denied"), 0, None)
    assert (found.result, "Permission denied" in found.details) == ("could-not-tell", True)


def test_a_stale_file_that_was_more_open_is_a_warning() -> None:
    would = changed(BASE, BASE, overridden(os__list="@"), after=())
    found = list(stale_findings(BASE, BASE, file("policy.json"), 1, would))
    assert [each.result for each in found] == ["warn", "warn"]
    assert "Denied against the file" in found[1].details


def test_among_other_checks_only_the_gravest_of_many_are_shown_and_the_rest_is_counted() -> None:
    many = [Finding("stale policy.json", "warn", f"rule {number}", about=f"nova os:{number}") for number in range(40)]
    worse = [Finding("stale policy.json", "fail", "open", about="nova os:x"), Finding("policy files", "pass")]
    shown = shortened([*many, *worse], "onward policy check nova")
    alike = [each for each in shown if each.name == "stale policy.json"]
    assert len(alike) == MOST_ALIKE
    assert alike[0].details == "open"
    assert (alike[-1].result, alike[-1].about, alike[-1].way_out) == ("warn", "nova", "onward policy check nova")
    assert str(len(many) + 1 - (MOST_ALIKE - 1)) in alike[-1].details
    assert worse[1] in shown
    assert shortened(many[:MOST_ALIKE], "") == many[:MOST_ALIKE]
