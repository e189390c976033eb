"""Carry out a role of Ansible that exists already, on machines that Onward knows, by ``ansible-runner``."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from onward.engine.action import Evidence, StepContext
from onward.errors import PlanStale, StepFailed, ToolMissing
from onward.hosts.command import run_command
from onward.hosts.known_machines import known_hosts
from onward.hosts.private_file import write_private
from onward.hosts.state import Directories
from onward.model.machine import KnownMachine

PROGRAM = "ansible-runner"
SECONDS = 6 * 3600.0


def runner_program() -> str:
    """Where ansible-runner is: beside Onward, or on the path. Raises ToolMissing."""
    beside = Path(sys.executable).parent
    found = shutil.which(PROGRAM, path=str(beside)) or shutil.which(PROGRAM)
    if found is None:
        raise ToolMissing(
            f"{PROGRAM} is missing, which carries out roles of Ansible.",
            next_command="pip install ansible-runner ansible-core",
        )
    return found


def digest_of_role(role: Path) -> str:
    """SHA-256 over the names and contents of all files of a role. Raises OSError."""
    digest = hashlib.sha256()
    for path in sorted(each for each in role.rglob("*") if each.is_file()):
        digest.update(f"{path.relative_to(role)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()}"


class AnsibleRole:
    """Action ``ansible.role``.

    Arguments: ``role`` (a directory), ``digest`` of its files, ``machines``, ``variables``, ``at_once``. Evidence: for
    each machine how many tasks were ok, changed something, were skipped. Safe to repeat as far as the role is, which
    Ansible asks of every role.
    """

    name = "ansible.role"
    anywhere = True

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Raises ToolMissing, PlanStale, StepFailed."""
        arguments: dict[str, Any] = dict(context.step.arguments)
        role = Path(arguments["role"])
        if digest_of_role(role) != arguments["digest"]:
            raise PlanStale(f"{role} was changed since the run was planned.", next_command="plan it anew")
        machines = [KnownMachine.model_validate(each) for each in arguments["machines"]]
        directory = context.workspace / "ansible"
        self._write(directory, role, machines, arguments)
        programs = f"{Path(runner_program()).parent}:{os.environ.get('PATH', '')}"
        done = run_command(
            [runner_program(), "run", directory, "-p", "site.json", "--ident", "run", "-q"],
            environment={**os.environ, "PATH": programs, "LC_ALL": "C.UTF-8"},
            timeout_seconds=SECONDS,
        )
        told = _told(directory / "artifacts" / "run" / "job_events")
        if done.exit_status or told["failed"]:
            raise StepFailed(
                f"The role {context.step.target} failed on {', '.join(told['failed']) or 'all machines'}.",
                evidence="\n".join(told["reasons"][:10]) or done.tail(),
                state="On the other machines it was carried out; tasks before the one that failed have been done.",
                next_command=f"onward runs resume {context.run_id}",
            )
        return {"machines": told["machines"], "log": str(directory / "artifacts" / "run" / "stdout")}

    def _write(self, directory: Path, role: Path, machines: list[KnownMachine], arguments: dict[str, Any]) -> None:
        """What ansible-runner reads. What an earlier attempt has left is removed."""
        shutil.rmtree(directory / "artifacts", ignore_errors=True)
        play = {
            "hosts": "all",
            "gather_facts": True,
            "roles": [{"role": str(role)}],
        }
        files = " ".join(str(path) for path in known_hosts(self._directories) if path.is_file())
        variables = {
            "ansible_ssh_common_args": f'-o StrictHostKeyChecking=yes -o UserKnownHostsFile="{files}"',
            **arguments["variables"],
        }
        write_private(directory / "project" / "site.json", json.dumps([play]))
        write_private(
            directory / "inventory" / "hosts.json",
            json.dumps({"all": {"hosts": {each.name: _inventoried(each) for each in machines}, "vars": variables}}),
        )
        settings = {"ANSIBLE_FORKS": str(arguments["at_once"]), "ANSIBLE_PIPELINING": "true", "ANSIBLE_NOCOLOR": "true"}
        write_private(directory / "env" / "envvars", json.dumps(settings))


def _inventoried(machine: KnownMachine) -> dict[str, Any]:
    """A machine as Ansible has it."""
    found: dict[str, Any] = {
        "ansible_host": machine.address.host,
        "ansible_port": machine.address.port,
        "ansible_user": machine.address.user,
        "ansible_become": machine.sudo and machine.address.user != "root",
    }
    if machine.identity:
        found["ansible_ssh_private_key_file"] = machine.identity
    return found


def _told(events: Path) -> dict[str, Any]:
    """What ansible-runner has written of each machine."""
    machines: dict[str, dict[str, int]] = {}
    failed: list[str] = []
    reasons: list[str] = []
    for path in sorted(events.glob("*.json"), key=lambda path: int(path.name.partition("-")[0])):
        event = json.loads(path.read_text(encoding="utf-8"))
        data = event.get("event_data", {})
        if event["event"] in ("runner_on_failed", "runner_on_unreachable") and not data.get("ignore_errors"):
            reasons.append(f"{data.get('host')}, {data.get('task')}: {data.get('res', {}).get('msg', '')}")
        if event["event"] == "playbook_on_stats":
            for word in ("ok", "changed", "skipped", "failures", "dark"):
                for host, count in data.get(word, {}).items():
                    machines.setdefault(host, {})[word] = count
            failed = sorted({*data.get("failures", {}), *data.get("dark", {})})
    return {"machines": machines, "failed": failed, "reasons": reasons}
