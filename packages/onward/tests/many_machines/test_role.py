"""A role of Ansible that exists already is a run of Onward."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_calls import HOSTS, Calls

from onward.engine.runs import list_runs
from onward.hosts.state import Directories

TASKS = """\
- ansible.builtin.lineinfile:
    path: "{{ place }}/{{ inventory_hostname }}/lines"
    line: "{{ text }}"
    create: true
- ansible.builtin.fail: {msg: "not this one"}
  when: inventory_hostname in failing
"""


@pytest.fixture
def short_home() -> Iterator[Path]:
    """Ansible keeps the sockets of its connections under it, and the path of a socket may have 108 letters."""
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        yield Path(home)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_a_role_is_carried_out_and_said_of_each_machine(
    hosts: Calls, tmp_path: Path, short_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ansible = tmp_path / "ansible"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", ansible, "--python", sys.executable], check=True)
    packages = ["ansible-core", "ansible-runner"]
    subprocess.run([*uv, "pip", "install", "-q", "--python", ansible / "bin/python", *packages], check=True)
    role = tmp_path / "roles" / "lines"
    (role / "tasks").mkdir(parents=True)
    (role / "tasks" / "main.yml").write_text(TASKS)
    variables = tmp_path / "vars.yml"
    variables.write_text(f"place: {hosts.machine.state}\ntext: hello\nfailing: []\n")
    call = ["role", "--on", "first", "--vars", variables, role]
    assert hosts.plain(*call) == 4
    assert "OW205" in hosts.said.err
    monkeypatch.setenv("PATH", f"{ansible / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(short_home))
    assert hosts.plain(*call) == 0, hosts.said.out + hosts.said.err
    assert "carried out on 2 machines" in hosts.said.out
    assert "changed on 2 of them" in hosts.said.out
    assert [(hosts.machine.state / host / "lines").read_text() for host in HOSTS[:2]] == ["hello\n"] * 2
    assert hosts.plain(*call) == 0
    assert "changed on 0 of them" in hosts.said.out
    variables.write_text(f"place: {hosts.machine.state}\ntext: hello\nfailing: [{HOSTS[1]}]\n")
    assert hosts.plain(*call) == 1
    assert f"failed on {HOSTS[1]}" in hosts.said.out
    assert "not this one" in hosts.said.out
    runs = list_runs(Directories(hosts.state, tmp_path / "cache"))
    assert [each.status for each in runs] == ["done", "done", "failed"]
