"""A real Keystone in containers of a real engine: deployed, killed, restarted, stopped, destroyed, and nothing left."""

import os
import resource
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bundles import parse_bundle
from deploying import Operator, until
from images import PREFIX, import_image

from onward.actions.build_environment import specification
from onward.catalog.charms import charms
from onward.errors import REFUSED, EngineMissing, ImageUnfit, ProgramMissing
from onward.hosts.containers import Engine, find_engine, processes_in_containers
from onward.hosts.environments import build
from onward.hosts.state import Directories
from onward.hosts.supervisor import Supervisor
from onward.model.deployment import UnitProcess
from onward.plan.deployment.containers import PROGRAM
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.topology import topology
from onward.plan.forward import EnvironmentChoice
from onward.survey.deployment import read_bundle, survey_deployment
from onward.survey.options import EnvironmentWish
from onward.survey.wsgi import further_packages

BUNDLE = """\
name: boxed
applications:
  mariadb:
  keystone:
    channel: "2025.1"
    runtime: container
    image: {image}
    options: {{workers: 1, health: true, token.expiration: 7200}}
relations:
  - [keystone:shared-db, mariadb:shared-db]
"""
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""
"""For machines that let nobody raise limits, or have control groups of both versions, which crun does not take."""


@dataclass(frozen=True)
class Boxes:
    """The engine of this machine, with an image."""

    engine: Engine
    image: str

    def names(self, model: str = "boxed") -> list[str]:
        """The containers of a model, whatever they do."""
        argv = [self.engine.path, "ps", "--all", "--filter", f"name=onward.{model}.", "--format", "{{.Names}}"]
        return sorted(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())

    def refusal(self) -> str:
        """Empty where the engine can run something with its configuration as it is; otherwise what it says."""
        argv = [self.engine.path, "run", "--rm", "--network", "host", self.image, f"{PREFIX}/bin/python", "-V"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
        return "" if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def boxes(
    tmp_path_factory: pytest.TempPathFactory,
    session_directories: Directories,
    environment_choice: Callable[[str], EnvironmentChoice],
) -> Iterator[Boxes]:
    """Keystone of 2025.1 as an image, and an engine that runs it; skips where there is none."""
    try:
        engine = find_engine()
    except EngineMissing as missing:
        pytest.skip(f"{missing.what} {missing.evidence}")
    if not engine.is_podman:
        pytest.skip("podman is missing, which the image of this test is imported with")
    image = f"localhost/onward-test-{os.getpid()}/keystone:2025.1"
    empty = subprocess.run([engine.path, "import", "-", image], check=False, capture_output=True, input=bytes(10240))
    if empty.returncode:
        pytest.skip(f"podman keeps no images here: {empty.stderr.decode()}")
    bundle = parse_bundle(BUNDLE.format(image=image), "cloud.yaml")
    found = topology(bundle, charms(), "cloud.yaml", {}, unit_numbers(bundle, {}))
    choice = environment_choice("2025.1").model_copy(update={"also": further_packages(found, "keystone")})
    environment = build(specification("keystone", choice), session_directories)
    import_image(engine.path, image, environment.path)
    boxes = Boxes(engine, image)
    with pytest.MonkeyPatch.context() as patched:
        try:
            if boxes.refusal():
                file = tmp_path_factory.mktemp("engine") / "containers.conf"
                most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
                file.write_text(CONFIGURATION.format(files=min(most, 4096)))
                patched.setenv("CONTAINERS_CONF", str(file))
                if said := boxes.refusal():
                    pytest.skip(f"podman runs no container here: {said}")
            yield boxes
        finally:
            subprocess.run([engine.path, "rmi", "--force", image], check=True, capture_output=True)


def process_of(boxes: Boxes, directory: Path, name: str) -> UnitProcess:
    """A process that hears signals, in a container that is begun as a unit's are."""
    (directory / "etc").mkdir(parents=True)
    (directory / "log").mkdir()
    script = directory / "etc" / "onward_container.sh"
    script.write_text(PROGRAM)
    (directory / "told.py").write_text(CODE)
    options = ["--rm", "--pull", "never", "--network", "host", "--log-driver", "none", *boxes.engine.as_user()]
    options += ["--pid", "host", "--volume", f"{directory}:{directory}", "--security-opt", "label=disable"]
    argv = ["/bin/sh", str(script), boxes.engine.path, name, *options, "--env", "SAID"]
    argv += ["--entrypoint", f"{PREFIX}/bin/python", boxes.image, "-u", str(directory / "told.py")]
    return UnitProcess(name="one", argv=tuple(argv), environment={"SAID": "s3cret"}, directory=str(directory))


CODE = """\
import os, signal, sys
def told(number, frame):
    print("told", number, flush=True)
    if number == signal.SIGTERM:
        sys.exit()
signal.signal(signal.SIGHUP, told)
signal.signal(signal.SIGTERM, told)
print("begun", os.environ["SAID"], flush=True)
while True:
    signal.pause()
"""


def test_a_supervised_container_is_one_and_hears_signals_and_ends_with_its_unit(
    boxes: Boxes, supervisor: Supervisor, tmp_path: Path
) -> None:
    directory = tmp_path / "units" / "demo-0"
    name, log = f"onward.supervised.{os.getpid()}.demo-0.one", directory / "log" / "one.log"
    process = process_of(boxes, directory, name)
    # Somebody was killed between the creation of a container and its start, and left it.
    left = [boxes.engine.path, "create", "--name", name, boxes.image, "/nothing"]
    subprocess.run(left, check=True, capture_output=True)
    supervisor.apply("demo/0", [process], "1")
    until("the container has begun", lambda: log.is_file() and "begun s3cret" in log.read_text(), 60)
    assert boxes.names("supervised") == [name]
    pid = supervisor.states("demo/0")[0].pid
    assert b"s3cret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    (inside,) = processes_in_containers(directory)
    assert b"told.py" in Path(f"/proc/{inside}/cmdline").read_bytes()
    os.kill(pid, signal.SIGHUP)
    until("it has heard SIGHUP", lambda: f"told {signal.SIGHUP.value}" in log.read_text(), 60)

    # A client that is killed leaves its container; the next one ends it and takes its place.
    os.kill(pid, signal.SIGKILL)
    until("another one has begun", lambda: log.read_text().count("begun") == 2, 60)
    assert boxes.names("supervised") == [name]

    supervisor.stop(["demo/0"])
    assert f"told {signal.SIGTERM.value}" in log.read_text()
    assert boxes.names("supervised") == []

    # One that nobody waits for is killed at once, and so is its container.
    supervisor.apply("demo/0", [process], "1")
    until("a third one has begun", lambda: log.read_text().count("begun") == 3, 60)
    os.kill(supervisor.pid or 0, signal.SIGSTOP)
    try:
        os.kill(supervisor_client(boxes, name), signal.SIGKILL)
        assert boxes.names("supervised") == [name]
    finally:
        os.kill(supervisor.pid or 0, signal.SIGCONT)
    supervisor.remove("demo/0")
    assert boxes.names("supervised") == []
    assert not list((directory / "run" / "containers").iterdir())


def supervisor_client(boxes: Boxes, name: str) -> int:
    """The process id of the engine's client that is attached to a container."""
    wanted = [os.fsencode(boxes.engine.path), b"run", b"--name", name.encode()]
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (entry / "cmdline").read_bytes().split(b"\0")[: len(wanted)] == wanted:
            return int(entry.name)
    raise AssertionError(f"nobody is attached to {name}")


@pytest.fixture
def operator(module_operator: Operator, boxes: Boxes) -> Operator:
    """Somebody whose bundle has Keystone run from the image."""
    module_operator.bundle.write_text(BUNDLE.format(image=boxes.image))
    try:
        wanted = read_bundle(module_operator.bundle, None)
        survey_deployment(module_operator.directories, wanted, EnvironmentWish("as-of-release", 2))
    except ProgramMissing as missing:
        pytest.skip(f"{missing.what} {missing.evidence}")
    return module_operator


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('    channel: "2024.2"\n', "it has keystone 27.1.0, and 2024.2 has 26"),
        ('    channel: "2025.1"\n    image-prefix: /opt/nowhere\n', "/opt/nowhere/bin/python"),
    ],
    ids=["release", "prefix"],
)
def test_an_image_without_the_release_is_refused(operator: Operator, wrong: str, says: str) -> None:
    text = operator.bundle.read_text().replace('    channel: "2025.1"\n', wrong)
    operator.bundle.write_text(text)
    with pytest.raises(ImageUnfit) as refused:
        survey_deployment(operator.directories, read_bundle(operator.bundle, None), EnvironmentWish("as-of-release", 2))
    assert says in f"{refused.value.what} {refused.value.evidence}"


def version(operator: Operator) -> int:
    address = operator.store("boxed").record()["addresses"]["keystone/0"]
    with urllib.request.urlopen(f"http://{address}:5000/v3", timeout=10) as answer:
        return int(answer.status)


def latest(operator: Operator) -> str:
    return str(operator.must("runs", "list", "-f", "value", "-c", "Run").split()[0])


def test_keystone_from_an_image_is_killed_resumed_restarted_and_leaves_nothing(
    operator: Operator, boxes: Boxes
) -> None:
    # Whoever deploys is killed when the unit's container may have been made, and may not have been started.
    killed = operator.run("deploy", operator.bundle, environment={"ONWARD_CRASH_AT": "unit.started#2"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    operator.must("runs", "resume", latest(operator))
    assert version(operator) == 200
    (name,) = boxes.names()
    assert name.endswith(".keystone-0.api")

    before = operator.pids("boxed")["keystone/0"]
    operator.must("config", "--model", "boxed", "keystone", "token.expiration=600")
    assert version(operator) == 200
    assert operator.pids("boxed")["keystone/0"] != before
    assert boxes.names() == [name]

    operator.destroy("boxed")
    assert boxes.names() == []


@pytest.mark.full
def test_commands_in_a_container_end_with_whoever_runs_them_and_are_run_again(operator: Operator, boxes: Boxes) -> None:
    killed = operator.run("deploy", operator.bundle, environment={"ONWARD_CRASH_AT": "application.command-run"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    until("no commands are run", lambda: boxes.names() == [], 60)
    operator.must("runs", "resume", latest(operator))
    assert version(operator) == 200

    # Nobody is attached to the container any more: the next one takes its place, and it is not taken for that one.
    supervisor = operator.supervisor("boxed")
    left, inside = operator.pids("boxed"), boxes.engine.process(boxes.names()[0])
    os.kill(supervisor.pid or 0, signal.SIGKILL)
    for pid in left.values():
        os.kill(pid, signal.SIGKILL)
    operator.deploy()
    assert version(operator) == 200
    assert boxes.engine.process(boxes.names()[0]) not in (None, inside)

    # What is no option of the release in the image is refused.
    assert operator.run("config", "--model", "boxed", "keystone", "token.nothing=1").returncode == REFUSED
    assert "is as" in operator.must("deploy", operator.bundle)

    # An environment takes the place of the image at the same release, and no container is left.
    lines = operator.bundle.read_text().splitlines(keepends=True)
    operator.deploy("".join(line for line in lines if "runtime:" not in line and "image:" not in line))
    assert version(operator) == 200
    assert boxes.names() == []
    operator.destroy("boxed")
