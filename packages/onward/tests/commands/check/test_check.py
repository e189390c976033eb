"""``onward check`` on a real Keystone: what it looks at, what it says, and with which exit status it ends."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from checked_keystone import SOURCE, Keystone

from onward.actions.check_upgrade import early_values
from onward.catalog.load import in_force, recipe
from onward.checks.service_owned import findings_of
from onward.hosts.runner import warm_runner

TARGET = "2024.1"
FIELDS = ["Check", "About", "Result", "Details", "Way out", "How", "Found by", "Waived"]
ROLES = "Check default roles are immutable"

pytestmark = pytest.mark.environments


def findings(called: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(called.out)
    return found


def loosen_roles(keystone: Keystone) -> None:
    """What the releases' own check calls a failure: default roles that anybody may delete."""
    with closing(sqlite3.connect(keystone.database)) as connection:
        connection.execute("DELETE FROM role_option")
        connection.commit()


def test_every_release_on_the_way_is_asked_and_named(onward: Callable[..., Any], keystone: Keystone) -> None:
    called = onward("check", "keystone", "--cloud", keystone.cloud_file, "--to", TARGET, "-f", "json")
    assert called.status == 0, called.err
    found = findings(called)
    assert all(list(each) == FIELDS for each in found)
    assert {each["About"] for each in found if each["Check"] == ROLES} == {"keystone 2023.2", "keystone 2024.1"}
    assert {each["Result"] for each in found if each["Check"] == ROLES} == {"pass"}
    assert {"path", "room", "interpreters and constraints"} <= {each["Check"] for each in found}
    (schema,) = [each for each in found if each["Check"] == "schema"]
    assert schema["Details"].endswith("is at 2023.1")


def test_warnings_stop_nothing_and_are_named(onward: Callable[..., Any], keystone: Keystone) -> None:
    called = onward("check", "--cloud", keystone.cloud_file)
    assert called.status == 0, called.err
    assert "warning         doctor (keystone 2023.1)" in called.out
    assert "SQLite is not recommended for production" in " ".join(called.out.split())
    assert "Warnings, which stop nothing: doctor (keystone 2023.1)" in called.err


def test_without_a_target_the_service_is_asked_with_its_own_code(
    onward: Callable[..., Any], keystone: Keystone
) -> None:
    found = findings(onward("check", "--cloud", keystone.cloud_file, "-f", "json"))
    assert {each["About"] for each in found if each["Check"] == ROLES} == {"keystone 2023.1"}
    assert "path" not in {each["Check"] for each in found}


def test_a_failure_stops_until_it_is_waived_by_name(onward: Callable[..., Any], keystone: Keystone) -> None:
    loosen_roles(keystone)
    words = ("check", "--cloud", keystone.cloud_file, "--to", "2023.2")
    called = onward(*words)
    assert called.status == 4
    assert called.out.startswith(f"FAIL            {ROLES} (keystone 2023.2)")
    assert "Roles are not immutable" in called.out
    assert "OW607" in called.err
    assert ROLES in " ".join(called.err.split())

    called = onward(*words, "--waive", f"{ROLES}=frozen by hand until May", "-f", "json")
    assert called.status == 0, called.err
    (waived,) = [each for each in findings(called) if each["Waived"]]
    assert (waived["Check"], waived["Result"], waived["Waived"]) == (ROLES, "fail", "frozen by hand until May")
    assert f"Waived: {ROLES} (keystone 2023.2)" in " ".join(called.err.split())


@pytest.mark.parametrize("name", ["Check default roles", "schema", "doctor"])
def test_a_waiver_that_matches_nothing_is_refused(onward: Callable[..., Any], keystone: Keystone, name: str) -> None:
    called = onward("check", "--cloud", keystone.cloud_file, "--waive", f"{name}=because")
    assert called.status == 4
    assert "OW802" in called.err
    assert name in called.err


def test_the_worst_comes_first_and_no_line_is_too_long(onward: Callable[..., Any], keystone: Keystone) -> None:
    loosen_roles(keystone)
    called = onward("check", "--cloud", keystone.cloud_file, "--to", TARGET)
    assert max(map(len, called.out.splitlines())) <= 80
    order = [called.out.index(word) for word in ("FAIL", "\nwarning", "\npass")]
    assert order == sorted(order)


def test_a_check_that_has_no_keys_could_not_tell_and_stops(onward: Callable[..., Any], keystone: Keystone) -> None:
    for key in (keystone.directory / "keys").iterdir():
        key.unlink()
    called = onward("check", "--cloud", keystone.cloud_file, "--to", "2023.2", "-f", "json")
    assert called.status == 4
    (unclear,) = [each for each in findings(called) if each["Check"] == "upgrade-check"]
    assert (unclear["Result"], unclear["About"]) == ("could-not-tell", "keystone 2023.2")
    assert "onward rehearse" in unclear["Way out"]


def test_a_half_migrated_database_is_a_finding_with_a_way_out(onward: Callable[..., Any], keystone: Keystone) -> None:
    with closing(sqlite3.connect(keystone.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '47147121' WHERE version_num = '29e87d24a316'")
        connection.commit()
    called = onward("check", "--cloud", keystone.cloud_file, "--to", TARGET, "-f", "json")
    assert called.status == 4
    found = {each["Check"]: each for each in findings(called)}
    assert found["schema"]["Result"] == "fail"
    assert "OW306" in found["schema"]["Details"]
    assert "--contract" in found["schema"]["Way out"]
    assert found["path"]["Result"] == "could-not-tell"


def test_an_unreachable_database_is_a_finding_and_never_a_traceback(
    onward: Callable[..., Any], keystone: Keystone
) -> None:
    keystone.write("mysql+pymysql://keystone:Gr8Secret@127.0.0.1:1/keystone")
    called = onward("check", "--cloud", keystone.cloud_file, "--to", TARGET, "-f", "json")
    assert called.status == 4
    (schema,) = [each for each in findings(called) if each["Check"] == "schema"]
    assert "OW301" in schema["Details"]
    assert "Gr8Secret" not in called.out + called.err
    assert "Traceback" not in called.out + called.err


def test_a_service_without_a_recipe_could_not_be_told(onward: Callable[..., Any], keystone: Keystone) -> None:
    text = keystone.cloud_file.read_text()
    keystone.cloud_file.write_text(text.replace("services:", "services:\n  swift: {configuration: [/etc/swift.conf]}"))
    called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
    assert called.status == 4
    (stranger,) = [each for each in findings(called) if each["Check"] == "known services"]
    assert (stranger["About"], stranger["Result"]) == ("swift", "could-not-tell")
    assert onward("check", "swift", "--cloud", keystone.cloud_file).err.startswith("OW103")


def test_without_credentials_the_api_could_not_be_asked(onward: Callable[..., Any], keystone: Keystone) -> None:
    keystone.write(identity={})
    called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
    assert called.status == 4
    (identity,) = [each for each in findings(called) if each["Check"] == "identity API"]
    assert identity["Result"] == "could-not-tell"
    assert "OS_CLOUD" in identity["Way out"]


def test_nothing_is_changed(onward: Callable[..., Any], keystone: Keystone, tmp_path: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(keystone.directory.rglob("*")) if path.is_file()}

    before = contents()
    onward("check", "--cloud", keystone.cloud_file, "--to", TARGET)
    assert contents() == before


def test_what_a_release_prints_for_people_says_the_same_as_its_json(keystone: Keystone) -> None:
    """The oldest releases print nothing else."""
    loosen_roles(keystone)
    (as_json,) = [check for check in in_force(recipe("keystone").checks, SOURCE) if "--json" in check.argv]
    as_text = as_json.model_copy(update={"argv": tuple(word for word in as_json.argv if word != "--json")})
    files = [keystone.configuration]
    said = {}
    with keystone.runner() as runner:
        for check in (as_json, as_text):
            outcome = runner.run(
                check,
                configuration=files,
                log=keystone.directory / "check.log",
                early_values=early_values(check, files),
            )
            found = findings_of(check, outcome.exit_status, outcome.output())
            said[check.argv] = [(each.name, each.result, each.details) for each in found]
            assert {each.how for each in found} == ({""} if check is as_json else {"read from text"})
    assert said[as_text.argv] == said[as_json.argv]
    assert "fail" in {result for _, result, _ in said[as_json.argv]}


@pytest.mark.full
def test_a_release_that_looks_at_nothing_has_none_of_its_own(
    keystone_environment: Callable[[str], Path], keystone: Keystone
) -> None:
    """Keystone's first release with the command, Stein, has no check in it, and prints an empty table."""
    (check,) = [each for each in in_force(recipe("keystone").checks, "stein") if each.prints == "table"]
    with warm_runner(keystone_environment("stein"), (), keystone.directory / "runner.log") as runner:
        outcome = runner.run(
            check,
            configuration=[keystone.configuration],
            log=keystone.directory / "check.log",
            early_values=early_values(check, [keystone.configuration]),
        )
    (found,) = findings_of(check, outcome.exit_status, outcome.output())
    assert (found.result, found.details) == ("not-checked", "none of its own")


@pytest.mark.parametrize("words", [["--waive", "x"], ["--waive", "x="], ["--to", "caracl"]])
def test_a_wish_that_makes_no_sense_is_refused_before_anything_is_looked_at(
    onward: Callable[..., Any], keystone: Keystone, words: list[str]
) -> None:
    called = onward("check", "--cloud", keystone.cloud_file, *words)
    assert (called.status, called.out) == (4, "")
