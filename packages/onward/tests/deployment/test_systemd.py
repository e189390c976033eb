"""Services of systemd are what their processes are described as: systemd itself reads them, and runs one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from bundles import EVERYTHING, wish
from deploying import until
from hypothesis import given
from hypothesis import strategies as st

from onward.hosts.systemd import rotation_file, runs_with_other, service_file
from onward.model.deployment import UnitProcess
from onward.plan.deployment.planner import plan_deployment

ANALYZE = shutil.which("systemd-analyze")
NEEDS_IT = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed (package systemd)")


def verified(directory: Path, *texts: str) -> str:
    """What systemd has to say of service files; nothing where they are well."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(directory / f"onward.verified.{number}.service")
        paths[-1].write_text(text)
    done = subprocess.run(
        [ANALYZE or "", "verify", "--man=no", "--generators=no", *paths], check=False, capture_output=True, text=True
    )
    own = [line for line in done.stderr.splitlines() if "onward.verified" in line]
    return "\n".join(own)


@NEEDS_IT
def test_systemd_understands_the_services_of_every_charm(tmp_path: Path) -> None:
    """All but that the programs are elsewhere."""
    texts = []
    for step in plan_deployment(wish(EVERYTHING)).steps:
        if step.action == "unit.start":
            for told in step.model_dump()["arguments"]["processes"]:
                process = UnitProcess.model_validate(told)
                there = process.model_copy(update={"argv": ("/bin/sh", *process.argv[1:]), "directory": "/"})
                texts.append(service_file(step.target, there, "digest"))
    assert len(texts) > 20
    assert verified(tmp_path, *texts) == ""
    assert verified(tmp_path, texts[0].replace("KillMode=mixed", "KillMode=sometimes")) != ""


def test_a_process_that_runs_with_older_files_is_told_from_one_that_runs_with_these() -> None:
    with subprocess.Popen(["sleep", "60"], env={"ONWARD_CONFIGURATION": "old"}) as older:
        try:
            # While it becomes another program, it has no environment yet.
            until("it runs", lambda: Path(f"/proc/{older.pid}/environ").read_bytes())
            assert runs_with_other(older.pid, "new")
            assert not runs_with_other(older.pid, "old")
        finally:
            older.kill()
    assert not runs_with_other(os.getpid(), "new")


LOGROTATE = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.mark.skipif(LOGROTATE is None, reason="logrotate is not installed (package logrotate)")
def test_logrotate_keeps_three_older_logs_of_every_unit_and_what_is_appended_afterwards(tmp_path: Path) -> None:
    log = tmp_path / "a model" / "units" / "keystone-0" / "log" / "api.log"
    log.parent.mkdir(parents=True, mode=0o700)
    rules = tmp_path / "rules"
    rules.write_text(rotation_file(tmp_path / "a model"))
    rules.chmod(0o600)
    with log.open("ab", buffering=0) as process:
        for number in range(5):
            process.write(f"{number}\n".encode())
            subprocess.run([LOGROTATE or "", "--force", "--state", str(tmp_path / "state"), str(rules)], check=True)
        process.write(b"5\n")
    kept = {path.name: path.read_text() for path in log.parent.iterdir()}
    assert kept == {"api.log": "5\n", "api.log.1": "4\n", "api.log.2": "3\n", "api.log.3": "2\n"}


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(lambda text: text + "\n$x %h \\n")


@NEEDS_IT
@pytest.mark.full
@given(argv=st.lists(WORDS, min_size=1, max_size=4), value=WORDS)
def test_words_stay_what_they_are(tmp_path_factory: pytest.TempPathFactory, argv: list[str], value: str) -> None:
    """Whatever stands in a command or a variable, systemd finds no fault with how it is written."""
    process = UnitProcess(name="api", argv=("/bin/sh", *argv), environment={"NAME": value}, directory="/")
    assert verified(tmp_path_factory.mktemp("units"), service_file("keystone/0", process, "digest")) == ""
