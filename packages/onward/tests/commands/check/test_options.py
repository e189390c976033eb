"""Options that a release does not read as they are set, found in the files of a real Keystone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from checked_keystone import Keystone

NAMES = {"option values", "removed options", "renamed options", "options to be removed", "unlisted options"}
SET = """
[DEFAULT]
sql_max_retries = 5
rpc_thread_pool_size = 32
[memcache]
dead_retry = 300
[oslo_messaging_rabbit]
kombu_reconnect_delay = 30
[token]
cache_on_issue = true
expiration = 1h
[acme]
token = Gr8Secret
"""

pytestmark = pytest.mark.environments


def options(called: Any) -> list[dict[str, str]]:
    return [each for each in json.loads(called.out) if each["Check"] in NAMES]


def test_every_kind_of_option_that_is_not_read_as_it_is_set_is_named(
    onward: Callable[..., Any], keystone: Keystone
) -> None:
    with keystone.configuration.open("a") as file:
        file.write(SET)
    called = onward("check", "--cloud", keystone.cloud_file, "--to", "2024.1", "-f", "json")
    assert called.status == 4
    assert "Gr8Secret" not in called.out + called.err
    found = options(called)
    assert {each["About"] for each in found} == {"keystone 2024.1"}
    said = [(each["Check"], each["Result"]) for each in found]
    assert sorted(said) == [
        ("option values", "fail"),
        ("option values", "fail"),
        ("options to be removed", "warn"),
        ("removed options", "fail"),
        ("removed options", "warn"),
        ("renamed options", "warn"),
        ("unlisted options", "not-checked"),
    ]
    details = {(each["Check"], each["Result"]): each["Details"] for each in reversed(found)}
    file = str(keystone.configuration)
    delay, expiration = (each for each in found if each["Check"] == "option values")
    assert delay["Details"] == (
        f"[oslo_messaging_rabbit] kombu_reconnect_delay in {file} is '30',"
        " and the release takes a number from 0 to 4.5; 2023.1 takes it"
    )
    assert expiration["Details"].startswith(
        f"[token] expiration in {file} is '1h', and the release takes a whole number"
    )
    lost = next(each for each in found if (each["Check"], each["Result"]) == ("removed options", "fail"))
    assert "[DEFAULT] sql_max_retries" in lost["Details"]
    assert lost["Way out"] == f"in {file}, move the value of [DEFAULT] sql_max_retries to [database] max_retries"
    assert "[memcache] dead_retry (up to 2023.2: This option has no effect" in details["removed options", "warn"]
    assert "[DEFAULT] rpc_thread_pool_size is now [DEFAULT] executor" in details["renamed options", "warn"]
    assert "[token] cache_on_issue" in details["options to be removed", "warn"]
    assert details["unlisted options", "not-checked"].endswith(": [acme] token")


def test_files_that_the_release_reads_as_they_are_pass(onward: Callable[..., Any], keystone: Keystone) -> None:
    found = options(onward("check", "--cloud", keystone.cloud_file, "--to", "2024.1", "-f", "json"))
    assert {(each["Check"], each["Result"]) for each in found} == {
        (name, "pass") for name in NAMES - {"unlisted options"}
    }
