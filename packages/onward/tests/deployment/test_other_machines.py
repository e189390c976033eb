"""A model on machines that are reached over SSH: real sshd's, each with a directory for all that is on its machine."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploying import Operator, until
from machines import SSHD, Machine

from onward.hosts.leftovers import processes_of
from onward.hosts.state import Directories

pytestmark = [
    pytest.mark.skipif(not SSHD.exists(), reason="sshd is not installed (package openssh-server)"),
    pytest.mark.timeout(600),
]

CACHE = """\
name: away
machines:
  "1": {one}
  two: {two}
applications:
  memcached: {{num_units: 3, to: ["1", "two"]}}
"""
KEYSTONE = """\
name: apart
machines:
  "1": {one}
  two: {two}
applications:
  mariadb: {{to: ["1"]}}
  keystone: {{channel: "2025.1", num_units: 2, to: [two, two], options: {{workers: 1}}}}
  haproxy: {{to: [two]}}
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [haproxy, keystone]
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    directory, seed = tmp_path_factory.mktemp("machines"), os.getpid()
    found = tuple(
        Machine(directory / name, f"127.{10 + number}.{seed // 250 % 250}.{1 + seed % 250}", 2222)
        for number, name in enumerate(("one", "two"))
    )
    for each in found:
        each.prepare()
    yield found[0], found[1]
    for each in found:
        each.stop()


@pytest.fixture
def one(machines: tuple[Machine, Machine]) -> Iterator[Machine]:
    machines[0].start()
    yield machines[0]
    machines[0].stop()


@pytest.fixture
def two(machines: tuple[Machine, Machine]) -> Iterator[Machine]:
    machines[1].start()
    yield machines[1]
    machines[1].stop()


@pytest.fixture
def operator(tmp_path: Path, session_directories: Directories, one: Machine, two: Machine) -> Iterator[Operator]:
    """Somebody to whom both machines are known."""
    directories = Directories(state=tmp_path / "state", cache=session_directories.cache).prepared()
    found = Operator(directories, tmp_path / "cloud.yaml")
    for each in (one, two):
        found.must("hosts", "add", each.address, "--fingerprint", each.fingerprint)
    yield found
    for each in (one, two):
        each.stop()
        each.start()
    for model in [path.name for path in directories.models.iterdir()] if directories.models.is_dir() else ():
        if found.store(model).exists:
            found.destroy(model)
    for each in (one, two):
        assert processes_of(each.state) == []
        shutil.rmtree(each.state, ignore_errors=True)


def bundle(text: str, operator: Operator, one: Machine, two: Machine, *more: str) -> str:
    # Environments are shared with everybody; Onward's code there is that of these tests alone.
    cache = one.directory.parent / "cache"
    cache.mkdir(exist_ok=True)
    if not (cache / "environments").exists():
        (cache / "environments").symlink_to(operator.directories.environments)
    return text.format(one=one.in_bundle(cache, *more), two=two.in_bundle(cache))


def files(machine: Machine) -> list[str]:
    """What there is of models on a machine."""
    return sorted(
        str(path.relative_to(machine.state)) for path in machine.state.rglob("*") if "cache" not in path.parts
    )


def test_units_are_where_the_bundle_puts_them_and_leave_nothing(operator: Operator, one: Machine, two: Machine) -> None:
    operator.deploy(bundle(CACHE, operator, one, two))
    rows = json.loads(operator.must("status", "away", "-f", "json"))
    assert [each["State"] for each in rows] == ["active"] * 3
    assert "models/away/units/memcached-0/etc" in files(one)
    assert "models/away/units/memcached-1/etc" in files(two)
    assert (operator.store("away").directory / "units/memcached-2/etc").is_dir()  # on this machine: no more places
    assert "Nothing was changed." in operator.deploy()
    pids = {each["Unit"]: each["Processes"] for each in rows}
    operator.must("config", "memcached/1", "memory=32", "--model", "away")
    rows = json.loads(operator.must("status", "away", "-f", "json"))
    changed = {each["Unit"] for each in rows if pids[each["Unit"]] != each["Processes"]}
    assert changed == {"memcached/1"}
    operator.destroy("away")
    assert files(one) == []
    assert files(two) == []
    assert list(operator.directories.models.iterdir()) == []


def crashes(operator: Operator, one: Machine, two: Machine, point: str, *, there: bool) -> None:
    """Killed at a point, here or on the machine, the deployment is gone on with to the same end."""
    operator.bundle.write_text(bundle(CACHE, operator, one, two))
    if there:
        one.stop()
        one.start(SetEnv=f"ONWARD_CRASH_AT={point}")
        failed = operator.run("deploy", operator.bundle)
        assert failed.returncode == 1, failed.stdout + failed.stderr
        assert "OW934" in failed.stdout
        one.stop()
        one.start()
    else:
        killed = operator.run("deploy", operator.bundle, environment={"ONWARD_CRASH_AT": point})
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    run = operator.must("runs", "list", "-f", "value", "-c", "Run").split()[0]
    assert operator.run("runs", "resume", run).returncode in (0, 4)  # 4: only the last word was missing
    assert "Nothing was changed." in operator.deploy()
    rows = json.loads(operator.must("status", "away", "-f", "json"))
    assert [each["State"] for each in rows] == ["active"] * 3
    operator.destroy("away")
    assert files(one) == []
    assert files(two) == []


HERE = ["step.effect-done#5", *(f"step.{name}#{number}" for name in ("begun", "recorded") for number in (3, 4, 6, 8))]


@pytest.mark.full
@pytest.mark.parametrize("point", ["unit.started"])
def test_killed_on_the_machine_it_is_gone_on_with(operator: Operator, one: Machine, two: Machine, point: str) -> None:
    crashes(operator, one, two, point, there=True)


@pytest.mark.full
@pytest.mark.parametrize("point", HERE)
def test_killed_here_it_is_gone_on_with(operator: Operator, one: Machine, two: Machine, point: str) -> None:
    crashes(operator, one, two, point, there=False)


@pytest.mark.full
@pytest.mark.parametrize("there", [False, True])
def test_a_removal_that_is_killed_leaves_nothing(operator: Operator, one: Machine, two: Machine, there: bool) -> None:
    operator.deploy(bundle(CACHE, operator, one, two))
    digest = re.findall(r"sha256:[0-9a-f]{64}", operator.must("destroy", "away", "--dry-run"))[-1]
    if there:
        one.stop()
        one.start(SetEnv="ONWARD_CRASH_AT=unit.stopped")
        assert operator.run("destroy", "away", "--approve", digest).returncode == 1
        one.stop()
        one.start()
    else:
        done = operator.run("destroy", "away", "--approve", digest, environment={"ONWARD_CRASH_AT": "step.recorded#2"})
        assert done.returncode == -signal.SIGKILL
    operator.destroy("away")
    assert files(one) == []
    assert files(two) == []


def test_what_cannot_be_is_refused_before_anything_is_there(operator: Operator, one: Machine, two: Machine) -> None:
    """A key that is another one, a machine that nobody reaches, a disk without room: nothing is begun anywhere."""
    known = operator.directories.known_hosts.read_text()
    others = "\n".join(reversed([line.split(" ", 1)[1] for line in known.splitlines()]))
    names = [line.split(" ", 1)[0] for line in known.splitlines()]
    operator.directories.known_hosts.write_text(
        "".join(f"{name} {key}\n" for name, key in zip(names, others.splitlines(), strict=True))
    )
    text = bundle(CACHE, operator, one, two)
    operator.bundle.write_text(text)
    refused = operator.run("deploy", operator.bundle)
    assert (refused.returncode, "OW931" in refused.stderr) == (4, True), refused.stderr
    assert "another key than the one that is known" in " ".join(refused.stderr.split())
    operator.directories.known_hosts.write_text("")
    refused = operator.run("deploy", operator.bundle)
    assert (refused.returncode, "OW931" in refused.stderr) == (4, True)
    operator.directories.known_hosts.write_text(known)
    one.stop()
    refused = operator.run("deploy", operator.bundle)
    assert (refused.returncode, "OW930" in refused.stderr) == (4, True)
    one.start()
    operator.bundle.write_text(text.replace(str(one.state), "/proc/nowhere"))
    refused = operator.run("deploy", operator.bundle)
    assert (refused.returncode, "OW933" in refused.stderr) == (4, True), refused.stderr
    assert "MiB on the disk of /proc/nowhere are needed" in " ".join(refused.stderr.split())
    assert not list(operator.directories.models.glob("*"))
    assert not two.state.exists()


def test_one_that_hangs_holds_up_no_other(operator: Operator, one: Machine, two: Machine) -> None:
    operator.bundle.write_text(bundle(CACHE, operator, one, two))
    assert one.process is not None
    one.process.send_signal(signal.SIGSTOP)
    done = operator.run("hosts", "check", operator.bundle, "--timeout", "3", "-f", "json")
    one.process.send_signal(signal.SIGCONT)
    assert done.returncode == 4
    told = {each["Machine"]: each for each in json.loads(done.stdout)}
    assert told["1"]["State"] == "unreachable"
    assert "did not answer after 3 s" in told["1"]["Message"]
    assert (told["two"]["State"], told["two"]["Units"]) == ("fit", "memcached/1")


def test_a_key_is_recorded_only_when_it_was_confirmed(operator: Operator, one: Machine) -> None:
    operator.directories.known_hosts.unlink()
    shown = operator.run("hosts", "add", one.address)
    assert (shown.returncode, one.fingerprint in "".join(shown.stderr.split())) == (4, True)
    assert operator.run("hosts", "add", one.address, "--fingerprint", "SHA256:other").returncode == 4
    assert not operator.directories.known_hosts.exists()
    assert operator.run("hosts", "add", "ssh://root:word@host", "--fingerprint", "SHA256:other").returncode == 2
    assert "recorded" in operator.must("hosts", "add", one.address, "--fingerprint", one.fingerprint)
    assert "known already" in operator.must("hosts", "add", one.address, "--fingerprint", one.fingerprint)


@pytest.mark.full
def test_a_machine_that_is_gone_is_told_of(operator: Operator, one: Machine, two: Machine) -> None:
    operator.deploy(bundle(CACHE, operator, one, two))
    one.stop()
    rows = json.loads(operator.must("status", "away", "-f", "json"))
    assert [each["State"] for each in rows] == ["unreachable", "active", "active"]
    assert "could not tell" in rows[0]["Message"]
    one.start()
    operator.destroy("away")


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.environments
def test_keystone_and_its_database_are_apart(operator: Operator, one: Machine, two: Machine) -> None:
    """Secrets are on the machines that need them, in files for their owner only, and nowhere else."""
    operator.deploy(bundle(KEYSTONE, operator, one, two))
    operator.must("smoke", "apart")
    secrets = operator.store("apart").secrets()
    holding = {
        name: [path for path in machine.state.rglob("*") if path.is_file() and secrets[name] in _text(path)]
        for name, machine in (("keystone/shared-db", two), ("keystone/admin-password", two), ("keystone/fernet-0", two))
    }
    for paths in holding.values():
        assert {path.parent.name for path in paths} <= {"etc", "fernet-keys"}
        assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
        assert paths
    # The database's machine has its own data, and no file of Keystone's.
    elsewhere = [path for path in one.state.rglob("*") if path.is_file() and "data" not in path.parts]
    assert not [path for path in elsewhere if any(value in _text(path) for value in secrets.values())]
    for pid in processes_of(two.state):
        words = Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()
        assert not any(value in words for value in secrets.values())
    rows = json.loads(operator.must("status", "apart", "-f", "json"))
    (before,) = (each["Processes"] for each in rows if each["Unit"] == "keystone/0")
    os.kill(int(before.split()[1]), signal.SIGKILL)
    until(
        "keystone/0 is another process",
        lambda: [
            each
            for each in json.loads(operator.must("status", "apart", "-f", "json"))
            if each["Unit"] == "keystone/0" and each["State"] == "active" and each["Processes"] != before
        ],
    )
    operator.destroy("apart")
    assert files(one) == []
    assert files(two) == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
