"""Building environments: once for all who ask, again after a crash, and a failure that says what to do.

Most tests build a small package of their own, whose build stops where the test wants it to. uv does the rest.
"""

import io
import json
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from onward.catalog.series import Release, Series
from onward.errors import EnvironmentBuildFailed, InterpreterMissing, NoDiskSpace
from onward.hosts.build_failure import build_failure
from onward.hosts.constraints import Constraints, resolve
from onward.hosts.environments import EnvironmentSpec, build, without_passwords
from onward.hosts.state import Directories

VERSION = ".".join(map(str, sys.version_info[:3]))
SERIES = Series.model_validate(
    {
        "id": "2026.2",
        "name": "hibiscus",
        "released": date(2026, 9, 30),
        "slurp": False,
        "python": ["3.11"],
        "services": {},
    }
)

# A build backend that needs nothing but Python. It writes its process id, and then waits until it may go on.
BACKEND = """
import os, pathlib, time, zipfile
here = pathlib.Path({here!r})

def build_wheel(directory, settings=None, metadata=None):
    with open(here / "builds", "a") as file:
        file.write(str(os.getpid()) + "\\n")
    while (here / "hold").exists():
        time.sleep(0.02)
    print({output!r})
    name = "telescope-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        info = "telescope-1.0.dist-info/"
        wheel.writestr("telescope.py", {module!r})
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: telescope\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    if {fail!r}:
        raise SystemExit(1)
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class Workshop:
    """An index with one package, and directories nobody else uses."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directories = Directories(state=root / "state", cache=root / "cache").prepared()
        self.hold = root / "hold"
        self.constraints_file = root / "constraints.txt"

    def open(self) -> "Workshop":
        """Itself, with the package on its index."""
        (self.root / "index").mkdir()
        self.constraints_file.write_text("telescope==1.0\n", encoding="utf-8")
        self.publish()
        return self

    def publish(self, *, module: str = "LENS = 1\n", output: str = "", fail: bool = False) -> None:
        """Put the package on the index."""
        backend = BACKEND.format(here=str(self.root), module=module, output=output, fail=fail)
        with tarfile.open(self.root / "index" / "telescope-1.0.tar.gz", "w:gz") as archive:
            for name, text in {
                "PKG-INFO": "Metadata-Version: 2.1\nName: telescope\nVersion: 1.0\n",
                "pyproject.toml": PROJECT,
                "backend.py": backend,
            }.items():
                entry = tarfile.TarInfo(f"telescope-1.0/{name}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))

    def spec(self, version: str = "1.0", package: str = "telescope") -> EnvironmentSpec:
        constraints = resolve(str(self.constraints_file), SERIES, self.directories)
        return EnvironmentSpec(
            service="telescope",
            package=package,
            series=SERIES,
            release=Release(version=version, published=date(2026, 9, 30)),
            python=Path(sys.base_prefix) / "bin" / "python3",
            python_version=VERSION,
            drivers=(),
            modules=(package,),
            constraints=Constraints.model_validate(constraints),
        )

    def builder(self) -> subprocess.Popen[str]:
        """Another process that builds the same environment and prints it."""
        program = textwrap.dedent("""
            import json, sys
            from pathlib import Path
            sys.path.insert(0, sys.argv[1])
            from test_build import Workshop
            from onward.hosts.environments import build
            workshop = Workshop(Path(sys.argv[2]))
            built = build(workshop.spec(), workshop.directories)
            print(json.dumps({"python": str(built.python), "cached": built.cached}))
        """)
        return subprocess.Popen(
            [sys.executable, "-c", program, str(Path(__file__).parent), str(self.root)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def builds(self) -> list[int]:
        """Process ids of the builds that were begun."""
        file = self.root / "builds"
        return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    made = Workshop(tmp_path).open()
    yield made
    made.hold.unlink(missing_ok=True)


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_an_environment_is_built_once_and_then_taken_from_the_cache(workshop: Workshop) -> None:
    first = build(workshop.spec(), workshop.directories)
    again = build(workshop.spec(), workshop.directories)
    assert (first.cached, again.cached) == (False, True)
    assert again.python == first.python
    assert again.packages == 1
    assert again.seconds == first.seconds > 0
    subprocess.run([first.python, "-c", "import telescope; assert telescope.LENS == 1"], check=True)
    assert "telescope==1.0" in first.log.read_text(encoding="utf-8")
    assert first.path.name.startswith("telescope-2026.2-1.0-py3.")


def test_another_interpreter_version_driver_or_constraint_is_another_environment(workshop: Workshop) -> None:
    spec = workshop.spec()
    workshop.constraints_file.write_text("telescope==1.0\nother==2\n", encoding="utf-8")
    others = [
        workshop.spec(),
        replace(spec, python=Path("/opt/python3")),
        replace(spec, python_version="3.10.1"),
        replace(spec, drivers=("PyMySQL",)),
        replace(spec, release=Release(version="1.1")),
    ]
    assert len({spec.key, *(other.key for other in others)}) == 6


def test_two_processes_that_want_the_same_environment_build_it_once(workshop: Workshop) -> None:
    workshop.hold.touch()
    first, second = workshop.builder(), workshop.builder()
    wait_until(workshop.builds)
    workshop.hold.unlink()
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert len(workshop.builds()) == 1
    assert sorted(answer["cached"] for answer in answers) == [False, True]
    assert answers[0]["python"] == answers[1]["python"]


def test_after_a_kill_the_next_build_waits_for_the_orphaned_installer_and_then_succeeds(workshop: Workshop) -> None:
    workshop.hold.touch()
    killed = workshop.builder()
    wait_until(workshop.builds)
    (orphan,) = workshop.builds()
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=60)
    assert Path(f"/proc/{orphan}").exists()  # The installer goes on without the one who started it.
    half_built = workshop.directories.environments / workshop.spec().key
    assert half_built.is_dir()

    resumed = workshop.builder()
    wait_until(lambda: _waits_for_lock(resumed.pid))
    assert len(workshop.builds()) == 1
    workshop.hold.unlink()
    answer = json.loads(resumed.communicate(timeout=120)[0])
    assert answer["cached"] is False
    subprocess.run([answer["python"], "-c", "import telescope"], check=True)


def test_leavings_of_an_interrupted_build_are_removed(workshop: Workshop) -> None:
    directory = workshop.directories.environments / workshop.spec().key
    (directory / "lib").mkdir(parents=True)
    (directory / "lib" / "half-a-package.py").touch()
    assert not build(workshop.spec(), workshop.directories).cached
    assert not (directory / "lib" / "half-a-package.py").exists()


def test_an_environment_whose_interpreter_was_removed_is_built_again(workshop: Workshop) -> None:
    first = build(workshop.spec(), workshop.directories)
    first.python.unlink()
    assert not build(workshop.spec(), workshop.directories).cached


def test_an_interpreter_that_went_away_after_planning_is_named(workshop: Workshop) -> None:
    with pytest.raises(InterpreterMissing) as caught:
        build(replace(workshop.spec(), python=workshop.root / "python3.9"), workshop.directories)
    assert str(workshop.root / "python3.9") in caught.value.evidence


def test_a_package_that_cannot_be_built_is_named_and_nothing_counts_as_built(workshop: Workshop) -> None:
    workshop.publish(output="telescope.c:1:10: fatal error: Python.h: No such file or directory", fail=True)
    with pytest.raises(EnvironmentBuildFailed) as caught:
        build(workshop.spec(), workshop.directories)
    error = caught.value
    assert "telescope" in error.what
    assert "the interpreter's headers are missing" in error.what
    assert error.next_command == f"apt install python{'.'.join(VERSION.split('.')[:2])}-dev"
    log = next(workshop.directories.environments.glob("*.log"))
    assert f"log: {log}" in error.evidence
    assert "fatal error: Python.h" in log.read_text(encoding="utf-8")
    workshop.publish()
    assert not build(workshop.spec(), workshop.directories).cached


def test_a_service_that_installs_and_cannot_be_imported_is_no_environment(workshop: Workshop) -> None:
    workshop.publish(module="import lens_grinder\n")
    with pytest.raises(EnvironmentBuildFailed, match="Could not import telescope") as caught:
        build(workshop.spec(), workshop.directories)
    assert "package: lens_grinder" in caught.value.evidence


def test_a_version_that_does_not_exist_is_named(workshop: Workshop) -> None:
    workshop.constraints_file.write_text("other==1.0\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildFailed) as caught:
        build(workshop.spec(version="99.0"), workshop.directories)
    assert "telescope==99.0" in caught.value.what
    assert "no version that fits" in caught.value.what


def test_constraints_decide_what_is_installed(workshop: Workshop) -> None:
    workshop.constraints_file.write_text("telescope==0.9\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildFailed) as caught:
        build(workshop.spec(), workshop.directories)
    assert "telescope==1.0: there is no version that fits" in caught.value.what
    assert "telescope==0.9" in caught.value.evidence
    assert not workshop.builds()


def test_an_index_that_does_not_answer_is_told_apart_and_its_password_stays_secret(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_INDEX_URL", "http://reader:opensesame@127.0.0.1:1/simple")
    workshop.constraints_file.write_text("other==1.0\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildFailed) as caught:
        build(workshop.spec(package="orrery"), workshop.directories)
    assert "package index could not be reached" in caught.value.what
    assert "UV_INDEX_URL" in caught.value.next_command
    log = next(workshop.directories.environments.glob("*.log")).read_text(encoding="utf-8")
    assert "127.0.0.1:1" in log
    assert "opensesame" not in log + json.dumps(caught.value.as_data())


def test_passwords_in_addresses_are_taken_out() -> None:
    assert without_passwords("from https://me:secret@host/simple and a@b") == "from https://***@host/simple and a@b"


def test_a_full_disk_is_an_error_of_its_own() -> None:
    error = build_failure("install", "keystone 25.0.0", "3.11.2", "No space left on device (os error 28)", Path("/l"))
    assert isinstance(error, NoDiskSpace)


@pytest.mark.environments
def test_a_real_package_without_a_compiler_says_that_a_compiler_is_missing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.setenv("CC", "/bin/false")
    workshop.constraints_file.write_text("netifaces==0.11.0\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildFailed) as caught:
        build(workshop.spec(version="0.11.0", package="netifaces"), workshop.directories)
    assert "netifaces==0.11.0" in caught.value.what
    assert "no working compiler" in caught.value.what
    assert caught.value.next_command == "apt install gcc"


def _waits_for_lock(pid: int) -> bool:
    """The process is blocked on a lock that another one holds, by the kernel's own list."""
    lines = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)
