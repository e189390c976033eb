"""The real ``openstack`` program, with Onward installed beside it, against a real Keystone."""

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from checked_keystone import PASSWORD, Keystone
from uv import find_uv_bin

from onward.hosts.command import CommandResult, run_command
from onward.hosts.state import Directories

PACKAGE = Path(__file__).parents[3]
CLIENT = "python-openstackclient"

pytestmark = pytest.mark.environments


@dataclass(frozen=True)
class Client:
    """The program and the variables that it is called with."""

    program: Path
    variables: dict[str, str]

    def __call__(self, *words: object, **variables: str) -> CommandResult:
        return run_command(
            [self.program, *map(str, words)],
            environment={**self.variables, **variables},
            directory=Path(self.variables["HOME"]),
            timeout_seconds=500,
        )


@pytest.fixture(scope="session")
def program(session_directories: Directories) -> Path:
    """``openstack`` in an environment of its own; kept in the cache, as the services' environments are.

    Each checkout has one, in which Onward is that checkout's.
    """
    checkout = hashlib.sha256(str(PACKAGE).encode()).hexdigest()[:8]
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    directory = session_directories.cache / "tests" / f"{CLIENT}-{version}-{checkout}"
    directory.parent.mkdir(exist_ok=True)
    with (directory.parent / f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        uv = find_uv_bin()
        if not directory.exists():
            made = run_command([uv, "venv", "--python", sys.executable, directory])
            assert made.exit_status == 0, made.tail()
        python = directory / "bin" / "python"
        installed = run_command([uv, "pip", "install", "--python", python, CLIENT, "-e", PACKAGE])
        assert installed.exit_status == 0, installed.tail()
    return directory / "bin" / "openstack"


@pytest.fixture
def client(program: Path, tmp_path: Path, directories: Directories) -> Client:
    """Called by somebody with a home of his own and without credentials."""
    home = tmp_path / "home"
    home.mkdir()
    known = {name: os.environ[name] for name in ("PATH", "LANG", "PYENV_ROOT") if name in os.environ}
    return Client(
        program,
        {
            **known,
            "HOME": str(home),
            "ONWARD_STATE_DIR": str(directories.state),
            "ONWARD_CACHE_DIR": str(directories.cache),
        },
    )


@pytest.fixture
def url(keystone: Keystone) -> Iterator[str]:
    """Of a Keystone that answers."""
    with keystone.served() as api:
        yield f"{api.url}/v3"


def credentials(url: str, password: str = PASSWORD) -> dict[str, str]:
    return {
        "OS_AUTH_URL": url,
        "OS_USERNAME": "admin",
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
    }


def found(called: CommandResult) -> dict[str, dict[str, str]]:
    return {each["Check"]: each for each in json.loads(called.stdout)}


def test_from_outside_what_can_be_seen_is_checked_and_the_rest_says_what_it_needs(client: Client, url: str) -> None:
    called = client("upgrade", "check", "-f", "json", **credentials(url))
    assert called.exit_status == 4, called.stderr
    identity = found(called)["identity API"]
    assert identity["Result"] == "pass"
    assert url in identity["Details"]
    assert "admin" in identity["Details"]
    for name in ("schema", "service-owned"):
        assert found(called)[name]["Result"] == "could-not-tell"
        assert "--cloud-file" in found(called)[name]["Way out"]
    assert PASSWORD not in called.stdout + called.stderr


def test_with_the_cloud_file_it_is_the_same_as_onward_check(
    client: Client, url: str, keystone: Keystone, onward: Callable[..., object]
) -> None:
    words = ("upgrade", "check", "keystone", "--to", "2023.2", "--cloud-file", keystone.cloud_file)
    called = client(*words, "-f", "json", **credentials(url))
    assert called.exit_status == 0, called.stderr
    assert found(called)["identity API"]["Result"] == "pass"
    assert found(called)["Check default roles are immutable"]["About"] == "keystone 2023.2"
    direct = onward("check", "keystone", "--to", "2023.2", "--cloud", keystone.cloud_file, "-f", "json")
    names = {each["Check"] for each in json.loads(direct.out)}  # type: ignore[attr-defined]
    # The client has credentials, the cloud file alone has none: there, the endpoints are not asked.
    assert found(called).keys() - {"endpoint", "endpoint template", "certificate", "clock"} == names - {"endpoints"}


def test_a_cloud_of_clouds_yaml_and_the_clients_formats_are_taken(client: Client, url: str) -> None:
    auth = {name.removeprefix("OS_").lower(): value for name, value in credentials(url).items()}
    directory = Path(client.variables["HOME"]) / ".config" / "openstack"
    directory.mkdir(parents=True)
    (directory / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"mine": {"auth": auth}}}))
    called = client("--os-cloud", "mine", "upgrade", "check", "-f", "value", "-c", "Check", "-c", "Result")
    assert "identity API pass" in called.stdout.splitlines()
    assert called.exit_status == 4
    table = client("--os-cloud", "mine", "upgrade", "check").stdout
    assert table.splitlines()[0].startswith("could not tell")
    assert max(map(len, table.splitlines())) <= 80


def test_credentials_that_are_missing_wrong_or_of_no_use_are_findings(client: Client, url: str) -> None:
    missing = client("upgrade", "check", "-f", "json")
    wrong = client("upgrade", "check", "-f", "json", **credentials(url, "not-the-password"))
    nowhere = client("upgrade", "check", "-f", "json", **credentials("http://127.0.0.1:1/v3"))
    for called, said in ((missing, "auth"), (wrong, "401"), (nowhere, "Connection refused")):
        assert called.exit_status == 4
        identity = found(called)["identity API"]
        assert identity["Result"] == "could-not-tell"
        assert said in identity["Details"]
        assert "Traceback" not in called.stderr
    assert "OS_CLOUD" in found(missing)["identity API"]["Way out"]


def test_a_waiver_is_taken_and_a_wrong_wish_has_its_code(client: Client, url: str) -> None:
    called = client("upgrade", "check", "--to", "caracl", **credentials(url))
    assert called.exit_status == 4
    assert called.stderr.startswith("OW101")
    names = found(client("upgrade", "check", "-f", "json", **credentials(url)))
    waivers = [
        word
        for name, each in names.items()
        if each["Result"] == "could-not-tell"
        for word in ("--waive", f"{name}=seen from outside only")
    ]
    assert waivers
    assert client("upgrade", "check", *waivers, **credentials(url)).exit_status == 0


def test_the_command_is_listed_and_onward_does_not_need_the_client(client: Client) -> None:
    assert "upgrade check" in client("help", "upgrade").stdout
    needed = run_command([sys.executable, "-c", "import osc_lib"])
    assert needed.exit_status != 0, "this test needs an Onward without the openstack client"
