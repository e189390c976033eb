"""A real Keystone is filled, remembered, upgraded and asked again."""

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from onward.errors import ProofFailed
from onward.observe.identity_listings import NOT_OFFERED

if TYPE_CHECKING:
    from conftest import Rehearsal

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]


def change(rehearsal: "Rehearsal", statement: str, *values: object) -> int:
    """Change the upgraded database behind everybody's back; how many rows that concerned."""
    with closing(sqlite3.connect(rehearsal.database)) as connection, connection:
        return connection.execute(statement, values).rowcount


def one(rehearsal: "Rehearsal", statement: str) -> Any:
    with closing(sqlite3.connect(rehearsal.database)) as connection:
        return connection.execute(statement).fetchone()[0]


def fails(rehearsal: "Rehearsal") -> list[dict[str, str]]:
    """The differences that the proof names; the error shows the first of them and says where all are."""
    with pytest.raises(ProofFailed) as raised:
        rehearsal.do("prove")
    found: list[dict[str, str]] = json.loads((rehearsal.workspace / "proof-differences.json").read_text())
    assert found[0]["id"] in raised.value.evidence
    assert found[0]["attribute"] in raised.value.evidence
    return found


def test_everything_that_was_put_in_is_remembered_and_found_again(upgraded: "Rehearsal") -> None:
    remembered = upgraded.results["remember"]
    assert {kind for kind, why in remembered["refused"].items() if why != NOT_OFFERED} == set()
    seeded = upgraded.results["seed"]["counts"]
    for kind in (
        "projects",
        "users",
        "groups",
        "credentials",
        "endpoints",
        "limits",
        "trusts",
        "application_credentials",
    ):
        assert remembered["counts"][kind] >= seeded[kind] > 0, kind
    assert remembered["counts"]["access_rules"] > 0
    checks = {check["name"]: check for check in upgraded.do("prove")["checks"]}
    assert all(check["passed"] == check["total"] for check in checks.values())
    for name in ("logins with the old password succeed", "those who were shut out still are", "EC2 keys sign"):
        assert checks[name]["total"] > 0
    for kind in ("credentials", "access rules", "role assignments", "implied roles", "memberships", "limits"):
        assert checks[f"{kind} are the same"]["total"] > 0


def test_filling_it_again_makes_nothing_twice(tampered: "Rehearsal") -> None:
    counts = tampered.results["seed"]["counts"]
    # The target's release answers as the source's did, so that the same cloud can be asked for there.
    evidence = tampered.do("seed", series="2026.2")
    assert evidence["created"] == {}
    assert evidence["counts"] == counts


def test_a_password_that_no_longer_works_is_named(tampered: "Rehearsal") -> None:
    other = one(tampered, "SELECT password_hash FROM password ORDER BY id DESC LIMIT 1")
    user = one(tampered, "SELECT user_id FROM local_user WHERE name = 'user-0004'")
    changed = change(
        tampered,
        "UPDATE password SET password_hash = ? WHERE local_user_id IN (SELECT id FROM local_user WHERE user_id = ?)",
        other,
        user,
    )
    assert changed == 1
    found = fails(tampered)
    (login,) = [
        each for each in found if each["kind"] == "login" and each["name"] == "user-0004" and "shut" not in each["id"]
    ]
    assert (login["attribute"], login["before"], login["after"]) == ("status", "201", "401")


def test_a_user_who_is_let_in_again_is_named(tampered: "Rehearsal") -> None:
    assert change(tampered, "UPDATE user SET enabled = 1 WHERE enabled = 0") > 0
    found = fails(tampered)
    assert any(each["kind"] == "login" and (each["before"], each["after"]) == ("401", "201") for each in found)
    assert any(each["kind"] == "users" and each["attribute"] == "enabled" for each in found)


def test_a_role_that_somebody_gained_is_named(tampered: "Rehearsal") -> None:
    role = one(tampered, "SELECT id FROM role WHERE name = 'admin' AND domain_id = '<<null>>'")
    user, project = (
        one(tampered, "SELECT user_id FROM local_user WHERE name = 'user-0002'"),
        one(tampered, "SELECT id FROM project WHERE name = 'project-002'"),
    )
    change(tampered, "INSERT INTO assignment VALUES ('UserProject', ?, ?, ?, 0)", user, project, role)
    (gained,) = [each for each in fails(tampered) if each["kind"] == "role_assignments"]
    assert (gained["before"], gained["after"]) == ("(absent)", "there")
    assert user in gained["id"]


def test_lost_credentials_endpoints_and_limits_are_named(tampered: "Rehearsal") -> None:
    for table in ("credential", "endpoint", '"limit"'):
        assert change(tampered, f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})") == 1
    kinds = {each["kind"] for each in fails(tampered) if each["attribute"] == "existence"}
    assert {"credentials", "endpoints", "limits"} <= kinds


def test_a_changed_secret_is_found_and_not_shown(tampered: "Rehearsal") -> None:
    # Those of one kind: Keystone cannot list an EC2 credential whose blob is none.
    of_a_kind = "SELECT encrypted_blob FROM credential WHERE type = 'totp' ORDER BY id"
    first, last = (one(tampered, f"{of_a_kind} {way}") for way in ("ASC", "DESC"))
    assert change(tampered, "UPDATE credential SET encrypted_blob = ? WHERE encrypted_blob = ?", first, last) == 1
    (blob,) = [each for each in fails(tampered) if each["attribute"] == "blob"]
    assert blob["before"].startswith("hmac-sha256:")
    assert blob["after"].startswith("hmac-sha256:")


def test_tokens_whose_key_is_gone_are_named(tampered: "Rehearsal") -> None:
    keys = sorted((tampered.workspace / "etc").rglob("fernet-keys/*"))
    other = sorted((tampered.workspace / "etc").rglob("credential-keys/*"))[0].read_text()
    for key in keys:
        key.write_text(other)
    found = [each for each in fails(tampered) if each["kind"] == "token"]
    assert len(found) == sum(
        bool(token) for token in json.loads((tampered.workspace / "remembered.json").read_text())["tokens"]
    )
    assert {each["attribute"] for each in found} == {"validation"}
