"""The same on many machines: a command that does nothing, and a script that is copied and run; three programs.

    uv run python bench/hosts.py [HOSTS...] [--rounds NUMBER]

HOSTS (50 and 200) are addresses 127.0.0.x at which real sshd's listen, each at 16; each address has a directory of its
own. Onward, Ansible (ansible-core, 50 forks, pipelining) and pyinfra (50 in parallel) take turns on them, 50 at once
each, all beginning without a connection. Ansible and pyinfra are installed into a directory that is removed afterwards.
That the script was there and has run on every machine is looked at each time. Prints one JSON document. Needs sshd, and
the package index.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward" / "tests" / "deployment"))

from machines import Machine

from onward.hosts.user import own_name

AT_ONCE = 50
ADDRESSES = 16
"""An sshd listens at no more than so many."""
INSTALLED = ("ansible-core", "pyinfra")
SCRIPT = "#!/bin/sh\n# copied and run\necho ran >>ran\n"
FORCED = 'set -- $SSH_CONNECTION; cd {base}/$3 && eval "$SSH_ORIGINAL_COMMAND"'
"""Every address is a machine with a directory of its own."""


@dataclass
class Field:
    """The machines, and what the programs need to reach them."""

    directory: Path
    hosts: list[str]
    port: int
    identity: Path

    @property
    def base(self) -> Path:
        """What stands for the disks of the machines."""
        return self.directory / "machines"

    @property
    def known_hosts(self) -> Path:
        """The keys of all of them."""
        return self.directory / "known_hosts"

    @property
    def script(self) -> Path:
        """What is copied and run."""
        return self.directory / "script.sh"

    def inventory(self, count: int) -> Path:
        """An inventory of Ansible with the first of them."""
        path = self.directory / f"hosts-{count}"
        lines = [
            "[all:vars]",
            f"ansible_user={own_name()}",
            f"ansible_port={self.port}",
            f"ansible_ssh_private_key_file={self.identity}",
            "ansible_python_interpreter=/usr/bin/python3",
        ]
        path.write_text("\n".join(["[machines]", *self.hosts[:count], *lines]) + "\n")
        return path

    def clean(self) -> None:
        """Leave nothing of the measurement before."""
        shutil.rmtree(self.base, ignore_errors=True)
        for host in self.hosts:
            (self.base / host).mkdir(parents=True)

    def check_copied(self, count: int) -> None:
        """Raise AssertionError unless the script is everywhere and has run there once."""
        for host in self.hosts[:count]:
            assert (self.base / host / "script.sh").read_text() == SCRIPT, host
            assert (self.base / host / "ran").read_text() == "ran\n", host


def run(argv: list[Any], directory: Path, **environment: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in argv],
        check=False,
        capture_output=True,
        text=True,
        cwd=directory,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return seconds


def onward(field: Field, count: int, case: str) -> float:
    base = [Path(sys.executable).with_name("onward"), "--state-dir", field.directory / "state"]
    words = ["hosts", "run", "--inventory", field.inventory(count), "--at-once", AT_ONCE, "-f", "json"]
    if case == "no-op":
        return run([*base, *words, "--", "true"], field.directory)
    return run([*base, *words, "--put", field.script, "--to", "script.sh", "--", "./script.sh"], field.directory)


def ansible(field: Field, count: int, case: str) -> float:
    # Each measurement begins without connections: those of the one before are found by this path.
    control = tempfile.mkdtemp(dir=field.directory, prefix="c")
    (field.directory / "ansible.cfg").write_text(
        f"[defaults]\nforks={AT_ONCE}\nretry_files_enabled=False\n[ssh_connection]\npipelining=True\n"
        f"control_path_dir={control}\n"
        f"ssh_args=-C -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={field.known_hosts}\n"
    )
    programs = field.directory / "tools" / "bin"
    inventory = field.inventory(count)
    try:
        if case == "no-op, raw":
            return run([programs / "ansible", "all", "-i", inventory, "-m", "raw", "-a", "true"], field.directory)
        if case == "no-op":
            return run([programs / "ansible", "all", "-i", inventory, "-m", "command", "-a", "true"], field.directory)
        book = field.directory / "book.yml"
        where = f"{field.base}/{{{{ inventory_hostname }}}}"
        copy = {"src": str(field.script), "dest": f"{where}/script.sh", "mode": "0755"}
        tasks = [
            {"ansible.builtin.copy": copy},
            {"ansible.builtin.command": {"cmd": "./script.sh", "chdir": where}},
        ]
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        return run([programs / "ansible-playbook", "-i", inventory, book], field.directory)
    finally:
        end_masters(Path(control))


def end_masters(control: Path) -> None:
    for socket in control.iterdir():
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], check=False, capture_output=True)


def pyinfra(field: Field, count: int, case: str) -> float:
    inventory = field.directory / f"inventory_{count}.py"
    settings = {
        "ssh_user": own_name(),
        "ssh_port": field.port,
        "ssh_key": str(field.identity),
        "ssh_known_hosts_file": str(field.known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }
    inventory.write_text(f"machines = ({field.hosts[:count]!r}, {settings!r})\n")
    base = [field.directory / "tools" / "bin" / "pyinfra", "-y", "--parallel", AT_ONCE, inventory]
    if case == "no-op":
        return run([*base, "exec", "--", "true"], field.directory)
    deploy = field.directory / "deploy.py"
    deploy.write_text(
        "from pyinfra import host\nfrom pyinfra.operations import files, server\n"
        f"where = '{field.base}/' + host.name\n"
        f"files.put(src={str(field.script)!r}, dest=where + '/script.sh', mode='755')\n"
        "server.shell(commands=['cd ' + where + ' && ./script.sh'])\n"
    )
    return run([*base, deploy], field.directory)


PROGRAMS: dict[str, Callable[[Field, int, str], float]] = {"onward": onward, "pyinfra": pyinfra, "ansible": ansible}


def measured(field: Field, count: int, rounds: int) -> list[dict[str, object]]:
    found = []
    for case in ("no-op", "copy and run"):
        times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(rounds):
            for name, program in PROGRAMS.items():
                field.clean()
                times[name].append(program(field, count, case))
                if case == "copy and run":
                    field.check_copied(count)
        medians = {name: statistics.median(each) for name, each in times.items()}
        found.append(
            {
                "hosts": count,
                "case": case,
                **{f"{name}_seconds": [round(each, 2) for each in seconds] for name, seconds in times.items()},
                "ansible_to_onward": round(medians["ansible"] / medians["onward"], 1),
                "pyinfra_to_onward": round(medians["pyinfra"] / medians["onward"], 1),
            }
        )
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    return found


def install(directory: Path) -> dict[str, str]:
    """Ansible and pyinfra into a directory of their own; their versions."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", directory, "--python", sys.executable], check=True)
    python = directory / "bin/python"
    subprocess.run([*uv, "pip", "install", "-q", "--python", python, *INSTALLED], check=True)
    said = subprocess.run(
        [*uv, "pip", "list", "-q", "--python", python, "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {each["name"]: each["version"] for each in json.loads(said.stdout) if each["name"] in INSTALLED}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts", type=int, nargs="*", default=[50, 200])
    parser.add_argument("--rounds", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="h") as name:
        directory = Path(name)
        hosts = [f"127.0.0.{number}" for number in range(2, 2 + max(wanted.hosts))]
        machine = Machine(directory / "sshd", hosts[0], 20_022)
        machine.prepare()
        field = Field(directory, hosts, machine.port, machine.identity)
        field.script.write_text(SCRIPT)
        field.script.chmod(0o755)
        field.clean()
        key = (machine.directory / "host_key.pub").read_text().split()[:2]
        field.known_hosts.write_text("".join(f"[{host}]:{machine.port} {' '.join(key)}\n" for host in hosts))
        (directory / "state").mkdir(mode=0o700)
        shutil.copy(field.known_hosts, directory / "state" / "known_hosts")
        versions = install(directory / "tools")
        servers = [machine]
        for first in range(ADDRESSES, len(hosts), ADDRESSES):
            shutil.copytree(machine.directory, directory / f"sshd{first}")
            servers.append(Machine(directory / f"sshd{first}", hosts[first], machine.port))
        for number, each in enumerate(servers):
            own = hosts[number * ADDRESSES : (number + 1) * ADDRESSES]
            each.start(
                MaxStartups="1000",
                LogLevel="ERROR",
                ForceCommand=FORCED.format(base=field.base),
                Subsystem="sftp /usr/lib/openssh/sftp-server",
                ListenAddress="\nListenAddress ".join(own),
            )
        try:
            results = [row for count in wanted.hosts for row in measured(field, count, wanted.rounds)]
        finally:
            for each in servers:
                each.stop()
    found = {"versions": {"asyncssh": version("asyncssh"), **versions}, "load_1m": os.getloadavg()[0], "runs": results}
    print(json.dumps({"hosts": found}, indent=2))


if __name__ == "__main__":
    main()
