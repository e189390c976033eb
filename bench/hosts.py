"""The same on many machines: a command that does nothing, and a script that is copied and run; three programs.

    uv run python bench/hosts.py [HOSTS...] [--rounds NUMBER] [--case CASE]... [--tools DIRECTORY]

HOSTS (50 and 200) are addresses 127.0.0.x at which real sshd's listen, each at 16; each address has a directory of its
own. Onward, Ansible (ansible-core, 50 forks, pipelining, ControlPersist) and pyinfra (50 in parallel) take turns on
them, 50 at once each. They and all sshd's share the processors of this machine. A session's shell reads no ~/.bashrc.
Cases:

- *no-op*: one call, without a connection. ``onward hosts run -- true``; Ansible's module ``command``; ``pyinfra exec``.
  Ansible's module ``raw``, which needs no Python on the other side either, is measured beside it.
- *no-op again*: the same call once more. Ansible finds the connections of the call before, which ControlPersist has
  kept; Onward and pyinfra keep none, and open them again.
- *further no-op*: what each one of FURTHER more no-ops of one call costs over the connections of the first one: a file
  of commands, tasks of a playbook, operations of a deploy. The call with one of them is taken off.
- *copy and run*: a script is put there and run, in one call, without a connection.

That the script was there and has run on every machine is looked at each time. Ansible and pyinfra are installed into
DIRECTORY, or one that is removed afterwards. Seconds are those of the clock; processor seconds are those of both
sides together, as the kernel counts them for the bench and all that it has begun. Prints one JSON document. Needs
sshd, and the package index.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
PATIENCE = 60
"""Seconds that each program gives a machine to let it in: the usual limit of Onward, which is the longest."""
INSTALLED = ("ansible-core", "pyinfra")
FURTHER = 5
CASES = ("no-op", "no-op again", "further no-op", "copy and run")
TICKS = os.sysconf("SC_CLK_TCK")
IDLE = (3, 4)
"""Of the columns of /proc/stat: idle and iowait."""
SCRIPT = "#!/bin/sh\n# copied and run\necho ran >>ran\n"
FORCED = 'set -- $SSH_CONNECTION; cd {base}/$3 && eval "$SSH_ORIGINAL_COMMAND"'
"""Every address is a machine with a directory of its own."""
BARE = "SHLVL=1"
"""The shell of each session leaves ~/.bashrc alone, as if it were empty: what somebody has there on the machine of the
measurement may take longer than all the rest. bash(1), INVOCATION: it is read by the first shell below sshd."""


@dataclass
class Field:
    """The machines, and what the programs need to reach them."""

    directory: Path
    hosts: list[str]
    port: int
    identity: Path
    tools: Path
    """Where Ansible and pyinfra are installed."""

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


@dataclass(frozen=True)
class Cost:
    """Of one call."""

    seconds: float
    processor: float
    """Seconds of all processors."""

    def without(self, one: "Cost", parts: int) -> "Cost":
        """What is left without ``one``, for each of so many parts."""
        return Cost((self.seconds - one.seconds) / parts, (self.processor - one.processor) / parts)


class Processors:
    """What the processors have worked: for this bench and all that it has begun, or, where that is not told, in all."""

    def __init__(self) -> None:
        self.group = Path(f"/sys/fs/cgroup/cpuacct/onward-bench-{os.getpid()}")
        try:
            self.group.mkdir()
            (self.group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            self.group = Path()

    @property
    def whose(self) -> str:
        return "of the bench alone" if self.group.name else "of the whole machine"

    def seconds(self) -> float:
        """Since some moment: cpuacct.usage of cgroups, or proc(5), /proc/stat without guests, who count twice."""
        if self.group.name:
            return int((self.group / "cpuacct.usage").read_text()) / 1e9
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        return sum(int(word) for number, word in enumerate(words) if number not in IDLE) / TICKS

    def end(self) -> None:
        """Leave the group, which goes when nobody is in it."""
        if self.group.name:
            Path("/sys/fs/cgroup/cpuacct/cgroup.procs").write_text(str(os.getpid()))
            with suppress(OSError):
                self.group.rmdir()


PROCESSORS = Processors()


def run(argv: list[Any], directory: Path, **environment: str) -> Cost:
    began, worked = time.perf_counter(), PROCESSORS.seconds()
    done = subprocess.run(
        [str(word) for word in argv],
        check=False,
        capture_output=True,
        text=True,
        cwd=directory,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )
    cost = Cost(time.perf_counter() - began, PROCESSORS.seconds() - worked)
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return cost


class Onward:
    """``onward hosts run``."""

    def __init__(self, field: Field, count: int) -> None:
        self.field = field
        program = Path(sys.executable).with_name("onward")
        words = ["hosts", "run", "--inventory", field.inventory(count), "--at-once", AT_ONCE, "-f", "json"]
        self.words = [program, "--state-dir", field.directory / "state", *words]

    def no_op(self) -> Cost:
        return run([*self.words, "--", "true"], self.field.directory)

    def no_ops(self, number: int) -> Cost:
        commands = self.field.directory / "commands"
        commands.write_text("true\n" * number)
        return run([*self.words, "--commands", commands], self.field.directory)

    def copy_and_run(self) -> Cost:
        words = ["--put", self.field.script, "--to", "script.sh", "--", "./script.sh"]
        return run([*self.words, *words], self.field.directory)

    def end(self) -> None:
        """It has kept nothing."""


class Ansible:
    """ansible-core; its connections are kept until the end."""

    module = "command"

    def __init__(self, field: Field, count: int) -> None:
        self.field = field
        self.control = Path(tempfile.mkdtemp(dir=field.directory, prefix="c"))
        self.programs = field.tools / "bin"
        self.inventory = field.inventory(count)
        (field.directory / "ansible.cfg").write_text(
            f"[defaults]\nforks={AT_ONCE}\nretry_files_enabled=False\ntimeout={PATIENCE}\n[ssh_connection]\npipelining=True\n"
            f"control_path_dir={self.control}\n"
            f"ssh_args=-C -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={field.known_hosts}\n"
        )

    def no_op(self) -> Cost:
        words = ["all", "-i", self.inventory, "-m", self.module, "-a", "true"]
        return run([self.programs / "ansible", *words], self.field.directory)

    def no_ops(self, number: int) -> Cost:
        return self._play([{f"ansible.builtin.{self.module}": "true"}] * number)

    def copy_and_run(self) -> Cost:
        where = f"{self.field.base}/{{{{ inventory_hostname }}}}"
        copy = {"src": str(self.field.script), "dest": f"{where}/script.sh", "mode": "0755"}
        command = {"cmd": "./script.sh", "chdir": where}
        return self._play([{"ansible.builtin.copy": copy}, {"ansible.builtin.command": command}])

    def end(self) -> None:
        """End the connections that it has kept."""
        for socket in self.control.iterdir():
            subprocess.run(
                ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], check=False, capture_output=True
            )

    def _play(self, tasks: list[dict[str, Any]]) -> Cost:
        book = self.field.directory / "book.yml"
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        return run([self.programs / "ansible-playbook", "-i", self.inventory, book], self.field.directory)


class AnsibleRaw(Ansible):
    """The same without Python on the other side."""

    module = "raw"


class Pyinfra:
    """pyinfra."""

    def __init__(self, field: Field, count: int) -> None:
        self.field = field
        inventory = field.directory / f"inventory_{count}.py"
        settings = {
            "ssh_user": own_name(),
            "ssh_port": field.port,
            "ssh_key": str(field.identity),
            "ssh_known_hosts_file": str(field.known_hosts),
            "ssh_strict_host_key_checking": "yes",
            "ssh_paramiko_connect_kwargs": dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), PATIENCE),
        }
        inventory.write_text(f"machines = ({field.hosts[:count]!r}, {settings!r})\n")
        program = field.tools / "bin" / "pyinfra"
        self.words = [program, "-y", "--parallel", AT_ONCE, inventory]

    def no_op(self) -> Cost:
        return run([*self.words, "exec", "--", "true"], self.field.directory)

    def no_ops(self, number: int) -> Cost:
        return self._deploy("from pyinfra.operations import server", *["server.shell(commands=['true'])"] * number)

    def copy_and_run(self) -> Cost:
        return self._deploy(
            "from pyinfra import host\nfrom pyinfra.operations import files, server",
            f"where = '{self.field.base}/' + host.name",
            f"files.put(src={str(self.field.script)!r}, dest=where + '/script.sh', mode='755')",
            "server.shell(commands=['cd ' + where + ' && ./script.sh'])",
        )

    def end(self) -> None:
        """It has kept nothing."""

    def _deploy(self, *lines: str) -> Cost:
        deploy = self.field.directory / "deploy.py"
        deploy.write_text("\n".join(lines) + "\n")
        return run([*self.words, deploy], self.field.directory)


PROGRAMS: dict[str, Callable[[Field, int], Any]] = {
    "onward": Onward,
    "pyinfra": Pyinfra,
    "ansible": Ansible,
    "ansible_raw": AnsibleRaw,
}


def measured(field: Field, count: int, rounds: int, wanted: Sequence[str]) -> list[dict[str, object]]:
    """A row for each case; the programs take turns."""
    costs: dict[str, dict[str, list[Cost]]] = {case: {name: [] for name in PROGRAMS} for case in CASES}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            for case, cost in played(program, field, count, wanted):
                costs[case][name].append(cost)
                said = f"{cost.seconds:.2f} s, {cost.processor:.2f} s of processors"
                print(f"{count} {case} {name}: {said}", file=sys.stderr, flush=True)
    return [row(count, case, {name: each for name, each in costs[case].items() if each}) for case in wanted]


def played(
    program: Callable[[Field, int], Any], field: Field, count: int, wanted: Sequence[str]
) -> Iterator[tuple[str, Cost]]:
    """The cases of one program, each begun without connections but for what its name says."""
    if {"no-op", "no-op again"} & set(wanted):
        with player(program, field, count) as one:
            yield "no-op", one.no_op()
            if "no-op again" in wanted:
                yield "no-op again", one.no_op()
    if "further no-op" in wanted:
        with player(program, field, count) as one:
            first = one.no_ops(1)
        with player(program, field, count) as one:
            yield "further no-op", one.no_ops(1 + FURTHER).without(first, FURTHER)
    if "copy and run" in wanted and program is not AnsibleRaw:
        with player(program, field, count) as one:
            yield "copy and run", one.copy_and_run()
            field.check_copied(count)


@contextmanager
def player(program: Callable[[Field, int], Any], field: Field, count: int) -> Iterator[Any]:
    field.clean()
    one = program(field, count)
    try:
        yield one
    finally:
        one.end()


def row(count: int, case: str, costs: dict[str, list[Cost]]) -> dict[str, object]:
    medians = {name: statistics.median(cost.seconds for cost in each) for name, each in costs.items()}
    worked = {name: statistics.median(cost.processor for cost in each) for name, each in costs.items()}
    return {
        "hosts": count,
        "case": case,
        **{f"{name}_seconds": [round(cost.seconds, 2) for cost in each] for name, each in costs.items()},
        **{f"{name}_processor_seconds": [round(cost.processor, 2) for cost in each] for name, each in costs.items()},
        **{f"{name}_to_onward": round(seconds / medians["onward"], 1) for name, seconds in medians.items()},
        **{
            f"{name}_to_onward_in_processor_seconds": round(seconds / worked["onward"], 1)
            for name, seconds in worked.items()
        },
    }


def install(directory: Path) -> dict[str, str]:
    """Ansible and pyinfra into a directory of their own, unless they are there; their versions."""
    uv = [sys.executable, "-m", "uv"]
    python = directory / "bin/python"
    if not python.exists():
        subprocess.run([*uv, "venv", "-q", directory, "--python", sys.executable], check=True)
    subprocess.run([*uv, "pip", "install", "-q", "--python", python, *INSTALLED], check=True)
    said = subprocess.run(
        [*uv, "pip", "list", "-q", "--python", python, "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {each["name"]: each["version"] for each in json.loads(said.stdout) if each["name"] in INSTALLED}


def main() -> None:
    # Told to end, it ends the servers that it has begun.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts", type=int, nargs="*", default=[50, 200])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--tools", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="h") as name:
        directory = Path(name)
        hosts = [f"127.0.0.{number}" for number in range(2, 2 + max(wanted.hosts))]
        machine = Machine(directory / "sshd", hosts[0], 20_022)
        machine.prepare()
        tools = wanted.tools.absolute() if wanted.tools else directory / "tools"
        field = Field(directory, hosts, machine.port, machine.identity, tools)
        field.script.write_text(SCRIPT)
        field.script.chmod(0o755)
        field.clean()
        key = (machine.directory / "host_key.pub").read_text().split()[:2]
        field.known_hosts.write_text("".join(f"[{host}]:{machine.port} {' '.join(key)}\n" for host in hosts))
        (directory / "state").mkdir(mode=0o700)
        shutil.copy(field.known_hosts, directory / "state" / "known_hosts")
        versions = install(field.tools)
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
                SetEnv=BARE,
                Subsystem="sftp /usr/lib/openssh/sftp-server",
                ListenAddress="\nListenAddress ".join(own),
            )
        try:
            results = [
                row for count in wanted.hosts for row in measured(field, count, wanted.rounds, wanted.case or CASES)
            ]
        finally:
            for each in servers:
                each.stop()
            PROCESSORS.end()
    found = {
        "processor_seconds": PROCESSORS.whose,
        "versions": {"asyncssh": version("asyncssh"), **versions},
        "load_1m": os.getloadavg()[0],
        "runs": results,
    }
    print(json.dumps({"hosts": found}, indent=2))


if __name__ == "__main__":
    main()
