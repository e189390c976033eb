"""Whose credentials are taken for the cloud's APIs, and that a broken clouds.yaml shows no secret."""

from pathlib import Path

import pytest

from onward.errors import ApiUnavailable
from onward.observe.cloud_api import CloudApi, cloud_api

CLOUDS = """
clouds:
  mine:
    auth: {auth_url: "http://127.0.0.1:1/v3", username: reader, project_name: admin}
    region_name: north
    verify: false
"""
SECURE = """
clouds:
  mine:
    auth: {password: Gr8Secret}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_cloud_is_put_together_from_both_files(home: Path) -> None:
    (home / "clouds.yaml").write_text(CLOUDS)
    (home / "secure.yaml").write_text(SECURE)
    for found in (cloud_api("mine", {}), cloud_api(None, {"OS_CLOUD": "mine"})):
        assert found.identity_url == "http://127.0.0.1:1/v3"
        assert found.region == "north"
        assert found.verify is False
        with pytest.raises(ApiUnavailable, match="cannot be asked") as refused:
            found.catalogue()
        assert "Connection refused" in refused.value.evidence
        assert "Gr8Secret" not in str(refused.value.as_data())


def test_the_variables_of_an_openrc_file_are_taken(home: Path) -> None:
    variables = {"OS_AUTH_URL": "http://127.0.0.1:1/v3", "OS_USERNAME": "reader", "OS_PASSWORD": "Gr8Secret"}
    found = cloud_api(None, {**variables, "OS_PROJECT_NAME": "admin", "OS_CACERT": "/etc/ssl/mine.pem"})
    assert found.identity_url == "http://127.0.0.1:1/v3"
    assert found.verify == "/etc/ssl/mine.pem"
    assert cloud_api(None, {**variables, "OS_INSECURE": "true"}).verify is False


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        (None, {}),
        (None, {"OS_USERNAME": "reader"}),
        ("mine", {}),
        (None, {"OS_AUTH_URL": "http://127.0.0.1:1/v3", "OS_AUTH_TYPE": "no-such-type"}),
        (None, {"OS_AUTH_URL": "http://127.0.0.1:1/v3", "OS_APPLICATION_CREDENTIAL_SECRET": "Gr8Secret"}),
    ],
)
def test_credentials_that_are_not_there_are_said(home: Path, name: str | None, variables: dict[str, str]) -> None:
    with pytest.raises(ApiUnavailable) as refused:
        cloud_api(name, variables).catalogue()
    assert "Gr8Secret" not in str(refused.value.as_data())


def test_a_broken_clouds_file_is_named_and_not_quoted(home: Path) -> None:
    (home / "clouds.yaml").write_text("clouds:\n  mine:\n    auth: {password: Gr8Secret\n  x\n")
    with pytest.raises(ApiUnavailable, match=r"clouds\.yaml") as refused:
        cloud_api("mine", {})
    assert "line" in refused.value.evidence
    assert "Gr8Secret" not in str(refused.value.as_data())


def test_there_is_no_way_to_write() -> None:
    verbs = {"post", "put", "patch", "delete", "request", "session"}
    assert not verbs & {name for name in dir(CloudApi) if not name.startswith("_")}
