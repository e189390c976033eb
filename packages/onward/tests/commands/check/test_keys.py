"""Keystone's keys on a real Keystone: lost, exposed, unusable, old, or not the same on two units."""

import base64
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from checked_keystone import PASSWORD, Keystone, posted, token
from faults_page import FaultsPage, Row

from onward.checks.finding import Finding
from onward.hosts.runner import ServedApi
from onward.hosts.state import Directories
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks
from onward.survey.checks.table import BUILT_IN
from onward.survey.cloud import load_cloud

pytestmark = pytest.mark.environments

DAY = 86_400
NAMES = ("fernet keys", "credential keys", "stored credentials", "tokens of other units")
UNITS = "tokens of other units"
STORED = "stored credentials"
ANOTHER, YET_ANOTHER = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (48, 49))
NULL = base64.urlsafe_b64encode(bytes(32)).decode()
Check = Callable[[str], list[Finding]]
PAGE = FaultsPage(
    Path(__file__).parents[5] / "docs" / "reference" / "faults-keys.md",
    "Faults of Keystone's keys",
    "Each of these was done to the keys of a real Keystone that had issued tokens and stored a credential; where it\n"
    "says units, to two that answer on one database. Besides what is named, nothing was found. Its test writes this\n"
    "page.",
)


@pytest.fixture
def check(keystone: Keystone, directories: Directories) -> Check:
    """What the checks of keys find of one kind."""

    def call(name: str) -> list[Finding]:
        cloud = load_cloud(keystone.cloud_file)
        with CheckContext(directories, cloud, ("keystone",)) as context:
            found = run_checks([each for each in BUILT_IN if each.name in ("keys", "shared keys")], context)
        assert PASSWORD not in str(found)
        for key in (keystone.directory / "keys").glob("*"):
            assert not key.read_text().strip() or key.read_text().strip() not in str(found)
        assert {each.name for each in found} <= set(NAMES)
        return [each for each in found if each.name == name]

    return call


@pytest.fixture
def keys(keystone: Keystone) -> Path:
    """The directory of keys, of tokens and of credentials alike."""
    return keystone.directory / "keys"


def test_keys_that_are_well_give_no_warning(onward: Callable[..., Any], keystone: Keystone, keys: Path) -> None:
    called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
    for key in keys.iterdir():
        assert key.read_text() not in called.out + called.err
    found = {each["Check"]: each for each in json.loads(called.out) if each["Check"] in NAMES}
    assert {name: each["Result"] for name, each in found.items()} == {
        **dict.fromkeys(NAMES, "pass"),
        UNITS: "not-checked",
    }
    assert found["fernet keys"]["Details"] == "2 keys, the primary is 0 days old"
    assert found["fernet keys"]["About"] == str(keys)


def lose(keys: Path) -> None:
    shutil.rmtree(keys)


def empty(keys: Path) -> None:
    for key in keys.iterdir():
        key.unlink()


def expose(keys: Path) -> None:
    (keys / "1").chmod(0o644)


def open_up(keys: Path) -> None:
    keys.chmod(0o755)


def lock(keys: Path) -> None:
    """As somebody leaves it who rotates as root."""
    os.chown(keys, 65534, 65534)


def take_away(keys: Path) -> None:
    os.chown(keys, 65534, 65534)
    for key in keys.iterdir():
        os.chown(key, 65534, 65534)
    (keys / "1").chmod(0o200)


def truncate(keys: Path) -> None:
    (keys / "1").write_text("")


def spoil(keys: Path) -> None:
    (keys / "1").write_text("spoiled-by-a-disk")


def nullify(keys: Path) -> None:
    (keys / "1").write_text(NULL)


def unstage(keys: Path) -> None:
    (keys / "0").unlink()


def skip(keys: Path) -> None:
    shutil.copy(keys / "1", keys / "3")


def crowd(keys: Path) -> None:
    for number in range(2, 5):
        shutil.copy(keys / "1", keys / str(number))


def age(keys: Path) -> None:
    then = time.time() - 200 * DAY
    os.utime(keys / "1", (then, then))


@dataclass(frozen=True)
class Fault:
    """Something done to a directory of keys, and what is said of it."""

    name: str
    harm: Callable[[Path], None]
    result: str
    words: str
    way_out: str


FAULTS = (
    Fault("The directory is gone", lose, "fail", "there is no such directory", "fernet_setup"),
    Fault("The directory is empty", empty, "fail", "it holds no key", "fernet_setup"),
    Fault("A key can be read by everybody", expose, "fail", "key 1 (0644)", "chmod -R o-rwx"),
    Fault("The directory is open to everybody", open_up, "fail", "the directory (0755)", "chmod -R o-rwx"),
    Fault("The keys belong to root, not to the directory's owner", lock, "fail", "cannot read 0 (root", "chown nobody"),
    Fault("A key's owner may not read it", take_away, "fail", "cannot read 1 (nobody, 0200)", "chmod 0600"),
    Fault("A key is an empty file", truncate, "fail", "empty files: 1; Keystone passes over them", "df -h"),
    Fault("A key is no Fernet key", spoil, "fail", "no keys at all: 1; Keystone stops at them", "from another unit"),
    Fault("A key is the null key", nullify, "fail", "the null key, which stands in Keystone's source: 1", "rotate"),
    Fault("The staged key is missing", unstage, "warn", "there is no staged key (0)", "fernet_rotate"),
    Fault("A key between others is missing", skip, "warn", "there is no key 2 between 1 and 3", "from another unit"),
    Fault("There are too many keys", crowd, "warn", "5 keys, and max_active_keys is 3", "the oldest"),
    Fault("The keys were not rotated for 200 days", age, "warn", "primary key is 200 days old", "fernet_rotate"),
)
LOST = "The key of a stored credential is gone"
OPEN = "The credential keys are gone, and another credential was stored"
OTHERS = "Two units have other keys"
PRIMARY = "The primary key of one unit is not on the other"
KEYLESS = "A unit has no keys"
DOWN = "A unit does not answer"
ORDER = [*(fault.name for fault in FAULTS), LOST, OPEN, OTHERS, PRIMARY, KEYLESS, DOWN]


def hold(fault: str, found: Sequence[Finding], keystone: Keystone) -> None:
    """Have the page say it, with paths as they usually are."""

    def hidden(text: str) -> str:
        text = text.replace(str(keystone.directory / "keys"), "/etc/keystone/fernet-keys")
        return text.replace(str(keystone.directory), "/etc/keystone")

    rows = []
    for each in found:
        named = {"Check": each.name, "About": each.about, "Result": each.result, "Details": each.details}
        rows.append(Row.of(fault, named, hidden))
        assert each.way_out
    PAGE.hold(fault, rows, ORDER)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_of_a_directory_is_found(check: Check, keystone: Keystone, keys: Path, fault: Fault) -> None:
    if fault.harm in (lock, take_away) and os.geteuid() != 0:
        pytest.skip("needs root, to give files away")
    fault.harm(keys)
    (found,) = check("fernet keys")
    assert found.result == fault.result
    assert fault.words in found.details
    assert fault.way_out in found.way_out
    hold(fault.name, [found], keystone)


def test_credentials_whose_key_is_gone_or_known_are_counted(check: Check, keystone: Keystone, keys: Path) -> None:
    def store(api: ServedApi) -> None:
        body = {"credential": {"type": "cert", "blob": "a-blob", "user_id": uuid4().hex}}
        posted(api, "/credentials", body, token(api))

    with keystone.served() as api:
        store(api)
    assert check(STORED)[0].details == "1, all of them encrypted with keys that are here"
    keystone.write(credential_keys=keystone.directory / "credential-keys")
    (found,) = check(STORED)
    assert found.details.startswith("1 of 1 were encrypted with a key that is not in")
    hold(LOST, [found], keystone)

    with keystone.served() as api:
        store(api)
    (directory,) = check("credential keys")
    assert directory.details.startswith(
        "there is no such directory: Keystone encrypts new credentials with the null key"
    )
    lost, known = check(STORED)
    assert (lost.result, known.result) == ("fail", "warn")
    assert lost.details.startswith("1 of 2 were")
    assert known.details.startswith("1 of 2 were encrypted with the null key")
    hold(OPEN, [directory, lost, known], keystone)


@contextmanager
def second_unit(keystone: Keystone) -> Iterator[tuple[Keystone, ServedApi]]:
    """Another unit on the same database, with keys of its own directory."""
    other = Keystone(keystone.directory.parent / "other", keystone.python)
    shutil.copytree(keystone.directory, other.directory)
    other.write(connection=f"sqlite:///{keystone.database}")
    with other.served() as api:
        yield other, api


def test_units_must_accept_each_others_tokens(
    check: Check, keystone: Keystone, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystone.write(identity={})
    with second_unit(keystone) as (other, second), keystone.served() as first:
        for name, value in {"USERNAME": "admin", "PASSWORD": PASSWORD, "PROJECT_NAME": "admin"}.items():
            monkeypatch.setenv(f"OS_{name}", value)
        monkeypatch.setenv("OS_AUTH_URL", f"{first.url}/v3")
        cloud = yaml.safe_load(keystone.cloud_file.read_text())
        cloud["services"]["keystone"]["units"] = [
            {"name": "keystone/0", "url": f"{first.url}/v3"},
            {"name": "keystone/1", "url": f"{second.url}/v3"},
        ]
        keystone.cloud_file.write_text(yaml.safe_dump(cloud))
        (found,) = check(UNITS)
        assert (found.result, found.details) == ("pass", "2 units accept each other's tokens")
        theirs = other.directory / "keys"

        (theirs / "2").write_text(ANOTHER)
        (found,) = check(UNITS)
        assert (found.result, found.about) == ("fail", "keystone/0")
        assert "it has not the primary key of keystone/1" in found.details
        hold(PRIMARY, [found], keystone)

        for number in ("0", "1"):
            (theirs / number).write_text(YET_ANOTHER)
        both = check(UNITS)
        assert {(each.result, each.about) for each in both} == {("fail", "keystone/0"), ("fail", "keystone/1")}
        assert all("sha256sum" in each.way_out for each in both)
        hold(OTHERS, both, keystone)

        shutil.rmtree(theirs)
        (found,) = check(UNITS)
        assert (found.result, found.about) == ("could-not-tell", "keystone/1")
        hold(KEYLESS, [found], keystone)

        cloud["services"]["keystone"]["units"][1]["url"] = "http://127.0.0.1:1/v3"
        keystone.cloud_file.write_text(yaml.safe_dump(cloud))
        (found,) = check(UNITS)
        assert (found.result, found.about) == ("could-not-tell", "keystone/1")
        assert "refused" in found.details
        hold(DOWN, [found], keystone)


def test_the_page_names_every_fault_and_no_other() -> None:
    assert PAGE.faults() == ORDER
