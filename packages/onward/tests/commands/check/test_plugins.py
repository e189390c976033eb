"""A site's own checks: the example of the documentation, installed, and others that go wrong in every way."""

import json
import os
import re
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checked_keystone import Keystone
from uv import find_uv_bin

from onward.checks.finding import Finding
from onward.hosts.command import run_command
from onward.hosts.state import Directories
from onward.model.cloud import parse
from onward.survey.checks.context import CheckContext
from onward.survey.checks.plugins import plugins
from onward.survey.checks.runner import run_checks

HOW_TO = Path(__file__).parents[5] / "docs" / "how-to" / "write-a-check.md"
SECONDS = 60.0
"""More than a process needs to begin on a machine that is busy."""


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, functions: str, *names: str) -> None:
    """Put a distribution on the path that has these checks, as an installer leaves it."""
    module = f"acme_{len(list(directory.iterdir()))}"
    (directory / f"{module}.py").write_text("import os, subprocess, sys, time\n" + textwrap.dedent(functions))
    info = directory / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.2\n")
    lines = [f"{name} = {module}:{name}" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[onward.checks]", *lines]) + "\n")
    monkeypatch.syspath_prepend(directory)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    directory = tmp_path / "site"
    directory.mkdir()
    return directory


def run(directories: Directories, timeout_seconds: float = SECONDS) -> list[Finding]:
    cloud = parse("cloud: test\nservices: {keystone: {configuration: [/etc/none.conf]}}")
    with CheckContext(directories, cloud, ("keystone",)) as context:
        return run_checks(plugins(timeout_seconds), context)


@pytest.mark.environments
def test_the_example_of_the_documentation_is_installed_and_found(
    onward: Callable[..., Any], keystone: Keystone, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", HOW_TO.read_text(), re.DOTALL))
    assert set(files) == {"pyproject.toml", "acme_checks.py"}
    source = tmp_path / "acme-checks"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text)
    installed = run_command([find_uv_bin(), "pip", "install", "--no-deps", "--target", site, source])
    assert installed.exit_status == 0, installed.tail()
    monkeypatch.syspath_prepend(site)

    called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
    assert called.status == 0, called.err
    (found,) = [each for each in json.loads(called.out) if each["Check"] == "acme projects"]
    # The project of the administrator, and the hidden one that is the root of the domains.
    assert (found["Result"], found["Details"]) == ("pass", "3 projects")
    assert found["Found by"] == "projects (acme-checks 1.2)"


MISBEHAVED = {
    "raises": ("def raises(context):\n    raise RuntimeError('the PDU said no')", "RuntimeError: the PDU said no"),
    "broken": ("this is no Python\n", "cannot be imported: SyntaxError"),
    "missing": ("import no_such_module_at_all\n", "cannot be imported: ModuleNotFoundError"),
    "absent": ("", "cannot be imported: AttributeError"),
    "leaves": ("def leaves(context):\n    os._exit(0)", "ended with exit status 0 before it had answered"),
    "crashes": (
        "def crashes(context):\n    print('last words', flush=True)\n    import ctypes; ctypes.string_at(0)",
        "exit status 139 before it had answered: last words",
    ),
    "silent": ("def silent(context):\n    return None", "no list of findings: None"),
    "strange": ("def strange(context):\n    return [{'name': 'x', 'result': 'pass'}]", "no finding: {'name': 'x'"),
    "many": ("def many(context, more):\n    return []", "TypeError"),
}


@pytest.mark.parametrize("name", sorted(MISBEHAVED))
def test_a_plugin_that_goes_wrong_could_not_tell(
    directories: Directories, site: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    functions, said = MISBEHAVED[name]
    install(site, monkeypatch, functions, name)
    (found,) = run(directories)
    assert (found.name, found.result) == (name, "could-not-tell")
    assert said in found.details
    assert found.check == f"{name} (acme-0 1.2)"


def test_a_broken_plugin_does_not_touch_the_others(
    directories: Directories, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = "from onward.checks.finding import Finding\ndef fine(context):\n    return [Finding('power', 'pass')]"
    install(site, monkeypatch, fine, "fine")
    install(site, monkeypatch, "raise SystemExit(0)", "broken")
    assert {each.name: each.result for each in run(directories)} == {"broken": "could-not-tell", "power": "pass"}


def test_a_plugin_that_hangs_is_killed_with_all_that_it_started(
    directories: Directories, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the interpreter to itself, so that no other thread of its process could stop it."""
    install(
        site,
        monkeypatch,
        f"""
        from pathlib import Path
        import re
        from onward.checks.finding import Finding

        def hangs(context):
            yield Finding("first rack", "pass")
            child = subprocess.Popen(["sleep", "600"])
            Path({str(site)!r}, "pids").write_text(f"{{os.getpid()}} {{child.pid}}")
            re.match("(a+)+$", "a" * 60 + "b")
        """,
        "hangs",
    )
    found = run(directories, timeout_seconds=15.0)
    assert [(each.name, each.result) for each in found] == [("first rack", "pass"), ("hangs", "could-not-tell")]
    assert "did not end within 15 s" in found[1].details
    for pid in (site / "pids").read_text().split():
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists() and _running(pid):
            assert time.monotonic() < deadline, f"process {pid} is still there"
            time.sleep(0.05)


def _running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_thread_that_a_plugin_left_behind_does_not_keep_it_from_answering(
    directories: Directories, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        site,
        monkeypatch,
        """
        import threading
        from onward.checks.finding import Finding

        def leaves(context):
            threading.Thread(target=time.sleep, args=(600,)).start()
            return [Finding("rack", "pass")]
        """,
        "leaves",
    )
    assert [(each.name, each.result) for each in run(directories)] == [("rack", "pass")]


@pytest.mark.environments
def test_a_plugin_that_tries_to_write_is_refused(
    onward: Callable[..., Any], keystone: Keystone, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        site,
        monkeypatch,
        """
        from sqlalchemy import text

        def cleans(context):
            with context.read_only("keystone").begin() as connection:
                connection.execute(text("DELETE FROM user"))
            return []
        """,
        "cleans",
    )
    called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
    assert called.status == 4
    (found,) = [each for each in json.loads(called.out) if each["Check"] == "cleans"]
    assert found["Result"] == "could-not-tell"
    assert "OW803" in found["Details"]
    assert "DELETE" in found["Details"]


def test_a_secret_of_the_cloud_file_does_not_come_out_of_a_plugin(
    directories: Directories, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACK_PASSWORD", "Gr8Secret")
    install(
        site, monkeypatch, "def tells(context):\n    raise RuntimeError(context.secret('env:RACK_PASSWORD'))", "tells"
    )
    (found,) = run(directories)
    assert "***" in found.details
    assert os.environ["RACK_PASSWORD"] not in str(found)
