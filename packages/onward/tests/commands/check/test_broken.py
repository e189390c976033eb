"""What is broken around ``onward check`` comes out as findings, or as a refusal with its code; never as a traceback."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from checked_keystone import SOURCE, Keystone
from test_plugins import install
from web_servers import web_server

PASSWORD = "Gr8Secret"
Found = dict[tuple[str, str], dict[str, str]]
Check = Callable[..., Found]


@pytest.fixture
def cloud(tmp_path: Path) -> Keystone:
    """A cloud file for a Keystone that nobody has installed."""
    made = Keystone(tmp_path / "cloud", Path("/nonexistent"))
    made.directory.mkdir()
    made.write()
    return made


@pytest.fixture
def check(onward: Callable[..., Any]) -> Check:
    """``onward check``: what could not be told, or failed, by check and result."""

    def call(cloud: Keystone, *words: str) -> Found:
        called = onward("check", "--cloud", cloud.cloud_file, *words, "-f", "json")
        said = called.out + called.err
        assert "Traceback" not in said
        assert PASSWORD not in said
        assert called.status == 4, said
        found = [each for each in json.loads(called.out) if each["Result"] in ("fail", "could-not-tell")]
        assert all("the check crashed" not in each["Details"] for each in found), found
        return {(each["Check"], each["Result"]): each for each in found}

    return call


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"cloud: [", "line 1"),
        (b"cloud: example\nservices:\n\tkeystone: {}\n", "line 3"),
        (b"cloud: 2023-13-45\n", "month must be in 1..12"),
        (b"[" * 1500, "nested too deeply"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"cloud: example\nservices: [keystone]\n", "services"),
        (None, "Is a directory"),
    ],
)
def test_a_cloud_file_that_is_broken_is_refused_with_the_place(
    onward: Callable[..., Any], cloud: Keystone, content: bytes | None, named: str
) -> None:
    file = cloud.directory if content is None else cloud.cloud_file
    if content is not None:
        file.write_bytes(content)
    called = onward("check", "--cloud", file, "-f", "json")
    assert (called.status, called.out) == (4, "")
    assert "OW105" in called.err
    assert named in " ".join(called.err.split())
    assert "Traceback" not in called.err


@pytest.mark.parametrize("content", ["missing", "directory", "binary", "garbage", "line", "no connection", "no URL"])
def test_a_configuration_that_cannot_be_read_is_a_finding(check: Check, cloud: Keystone, content: str) -> None:
    file = cloud.configuration
    written = {
        "binary": b"\x00\xff\xfe",
        "garbage": b"[database\n",
        "line": f"[database]\nconnection mysql+pymysql://keystone:{PASSWORD}@db/keystone\n".encode(),
        "no connection": b"[DEFAULT]\n",
        "no URL": b"[database]\nconnection = nonsense\n",
    }
    file.unlink()
    if content == "directory":
        file.mkdir()
    elif content != "missing":
        file.write_bytes(written[content])
    found = check(cloud, "--to", "2024.1")
    assert "OW104" in found["schema", "fail"]["Details"]
    assert file.name in found["schema", "fail"]["Details"]
    assert ("path", "could-not-tell") in found
    assert ("upgrade-check", "could-not-tell") in found


@pytest.mark.parametrize("fault", ["silent", "spoiled", "empty", "directory"])
def test_a_database_that_refuses_is_a_finding(check: Check, cloud: Keystone, fault: str) -> None:
    def at(url: str) -> Found:
        place = url.removeprefix("http://")
        cloud.write(connection=f"mysql+pymysql://keystone:{PASSWORD}@{place}/keystone")
        return check(cloud)

    if fault == "silent":
        with web_server(stopped=True) as url:
            found = at(url)
            assert "says nothing" in found["database servers", "fail"]["Details"]
    else:
        if fault == "spoiled":
            cloud.database.write_bytes(b"spoiled by a disk" * 1000)
        elif fault == "empty":
            sqlite3.connect(cloud.database).close()
        else:
            cloud.database.mkdir()
        found = check(cloud)
    assert found["schema", "fail"]["Way out"]


@pytest.mark.environments
def test_all_that_cannot_be_reached_is_named_and_the_rest_is_still_checked(
    check: Check, keystone: Keystone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(site, monkeypatch, "def hangs(context):\n    time.sleep(600)", "hangs")
    (tmp_path / "clouds.yaml").write_text(f"clouds:\n  mycloud: {{auth: {{password: {PASSWORD}}}\n")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    with web_server(stopped=True) as broker:
        place = broker.removeprefix("http://")
        keystone.write(identity={"cloud": "mycloud"}, memcached=["127.0.0.1:1"], database={"nodes": ["127.0.0.1:1"]})
        with keystone.configuration.open("a") as file:
            file.write(f"[DEFAULT]\ntransport_url = rabbit://keystone:{PASSWORD}@{place},nowhere.invalid/\n")
        found = check(keystone, "--check-timeout", "5")
    assert "did not end within 5 s and was killed" in found["hangs", "could-not-tell"]["Details"]
    assert "clouds.yaml cannot be read" in found["identity API", "could-not-tell"]["Details"]
    assert "refused" in found["memcached", "fail"]["Details"]
    assert ("broker login", "fail") in found
    assert ("broker management", "could-not-tell") in found
    assert ("schema", "fail") not in found
    assert yaml.safe_load(keystone.cloud_file.read_text())["services"]["keystone"]["series"] == SOURCE
