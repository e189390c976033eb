"""Keystone's keys on a real Keystone: lost, exposed, unusable, old, or not the same on two units."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from checked_keystone import PASSWORD, Keystone

from onward.hosts.runner import ServedApi

pytestmark = pytest.mark.environments

DAY = 86_400
NAMES = ("fernet keys", "credential keys", "stored credentials", "tokens of other units")
Check = Callable[[], dict[str, dict[str, str]]]


@pytest.fixture
def check(keystone: Keystone, onward: Callable[..., Any]) -> Check:
    """``onward check``: the findings on keys, by name; of several the worst."""

    def call() -> dict[str, dict[str, str]]:
        called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
        said = called.out + called.err
        assert PASSWORD not in said
        for key in (keystone.directory / "keys").glob("*"):
            assert key.read_text() not in said
        found: dict[str, dict[str, str]] = {}
        for each in json.loads(called.out):
            if each["Check"] in NAMES:
                found.setdefault(each["Check"], each)
        return found

    return call


@pytest.fixture
def keys(keystone: Keystone) -> Path:
    """The directory of keys, of tokens and of credentials alike."""
    return keystone.directory / "keys"


def login() -> dict[str, Any]:
    domain = {"id": "default"}
    user = {"name": "admin", "domain": domain, "password": PASSWORD}
    scope = {"project": {"name": "admin", "domain": domain}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}


def test_keys_that_are_well_give_no_warning(check: Check, keys: Path) -> None:
    found = check()
    assert {name: each["Result"] for name, each in found.items()} == {
        **dict.fromkeys(NAMES, "pass"),
        "tokens of other units": "not-checked",
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


def spoil(keys: Path) -> None:
    (keys / "1").write_text("spoiled-by-a-disk")


def unstage(keys: Path) -> None:
    (keys / "0").unlink()


def crowd(keys: Path) -> None:
    for number in range(2, 5):
        shutil.copy(keys / "1", keys / str(number))


def age(keys: Path) -> None:
    then = time.time() - 200 * DAY
    os.utime(keys / "1", (then, then))


@pytest.mark.parametrize(
    ("harm", "result", "words", "way_out"),
    [
        (lose, "fail", "there is no such directory", "fernet_setup"),
        (empty, "fail", "it holds no key", "fernet_setup"),
        (expose, "fail", "open to every user of the machine: key 1 (0644)", "chmod -R o-rwx"),
        (spoil, "fail", "no keys at all: 1", "copy them from another unit"),
        (unstage, "warn", "there is no staged key (0)", "fernet_rotate"),
        (crowd, "warn", "5 keys, and max_active_keys is 3", "the oldest"),
        (age, "warn", "the primary key is 200 days old", "fernet_rotate"),
    ],
)
def test_each_fault_of_a_directory_is_found(
    check: Check, keys: Path, harm: Callable[[Path], None], result: str, words: str, way_out: str
) -> None:
    harm(keys)
    found = check()["fernet keys"]
    assert found["Result"] == result
    assert words in found["Details"]
    assert way_out in found["Way out"]


def test_credentials_whose_key_is_gone_are_counted(check: Check, keystone: Keystone, keys: Path) -> None:
    with keystone.served() as api:
        headers = {"X-Auth-Token": answered(api, "/auth/tokens", login()).headers["X-Subject-Token"]}
        body = {"credential": {"type": "cert", "blob": "a-blob", "user_id": "someone"}}
        answered(api, "/credentials", body, headers)
    assert check()["stored credentials"]["Details"] == "1, all of them encrypted with keys that are here"
    for key in keys.iterdir():
        key.write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    found = check()["stored credentials"]
    assert found["Result"] == "fail"
    assert found["Details"].startswith("1 of 1 were encrypted with a key that is not in")


def answered(api: ServedApi, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """The answer to a POST; two workers on SQLite may lock each other out for a moment."""
    deadline = time.monotonic() + 60
    while True:
        answer = requests.post(f"{api.url}/v3{path}", json=body, headers=headers, timeout=60)
        if answer.status_code != requests.codes.server_error or time.monotonic() > deadline:
            assert answer.status_code == requests.codes.created, answer.text
            return answer


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
        found = check()["tokens of other units"]
        assert (found["Result"], found["Details"]) == ("pass", "2 units accept each other's tokens")

        (other.directory / "keys" / "1").write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        (other.directory / "keys" / "0").write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDI=")
        found = check()["tokens of other units"]
        assert (found["Result"], found["About"]) in {("fail", "keystone/0"), ("fail", "keystone/1")}
        assert "their keys are not the same" in found["Details"]
        assert "sha256sum" in found["Way out"]

        cloud["services"]["keystone"]["units"][1]["url"] = "http://127.0.0.1:1/v3"
        keystone.cloud_file.write_text(yaml.safe_dump(cloud))
        found = check()["tokens of other units"]
        assert (found["Result"], found["About"]) == ("could-not-tell", "keystone/1")
        assert "refused" in found["Details"]
