"""Keeps the processes of a model running where there is systemd, with the words of :mod:`onward.hosts.supervisor`.

A service for each process, enabled, so that it is back after a boot.
https://www.freedesktop.org/software/systemd/man/252/systemd.service.html, systemd.exec(5), systemd.kill(5).
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from onward.errors import UnitNotReady
from onward.hosts.command import CommandResult, run_command
from onward.hosts.leftovers import end_leftovers_of
from onward.hosts.private_file import write_private
from onward.hosts.supervisor import STOP_SECONDS, ProcessState
from onward.model.deployment import UnitProcess, name_in_paths

UNITS = Path("/etc/systemd/system")
ROTATION = Path("/etc/logrotate.d")
"""What logrotate reads, where it is installed: systemd rotates no files."""
RUNS = Path("/run/systemd/system")
"""There where systemd is the system's manager: sd_booted(3)."""
COMMAND_SECONDS = 600.0
_SHOWN = "Id,ActiveState,SubState,MainPID,ExecMainStartTimestampMonotonic,Result"
_FINE = {"active": "RUNNING", "activating": "STARTING", "failed": "FATAL", "deactivating": "STOPPING"}


class Systemd:
    """The services of one model. Needs root."""

    def __init__(self, directory: Path, units: Path = UNITS, rotation: Path = ROTATION) -> None:
        self._directory = directory
        self._units = units
        self._rotation = rotation
        # Two state directories may have a model of the same name on one machine.
        self._prefix = f"onward.{directory.name}.{hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]}."

    def ensure(self) -> int:
        """Its process id, which is 1. Raises UnitNotReady where it does not answer."""
        if not self.answers():
            raise UnitNotReady("systemd does not answer.", evidence=f"{RUNS} is not there")
        return 1

    def answers(self) -> bool:
        """Whether it runs and can be asked."""
        return RUNS.is_dir() and self._asked("show", "--property=Version").exit_status == 0

    def apply(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool:
        """Have the unit's processes run as described; those that run otherwise, or that read other files, begin again.

        False: none of them was held. Raises UnitNotReady when systemd refuses.
        """
        wanted = {self._service(unit, each.name): service_file(unit, each, configuration) for each in processes}
        surplus = [name for name in self._services(unit) if name not in wanted]
        if surplus:
            self._remove(surplus)
        # Whoever wrote a file and was killed before the restart has left a process that runs with the older one.
        behind = {
            self._service(unit, each.name) for each in self.states(unit) if runs_with_other(each.pid, configuration)
        }
        changed = [name for name, text in wanted.items() if self._text(name) != text or name in behind]
        for name in changed:
            write_private(self._units / name, wanted[name])
        if self._rotation.is_dir():
            write_private(self._rules, rotation_file(self._directory))
        if changed:
            self._must("daemon-reload")
            self._must("enable", "--quiet", *changed)
            # One that began anew by itself meanwhile has read the new files, but not the new service.
            self._must("restart", *changed)
        if same := [name for name in wanted if name not in changed]:
            self._must("start", *same)
        return False

    def hold(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool:
        """Nothing is held here, and False says so: the unit is begun when it is its turn."""
        return False

    def imported(self, unit: str) -> bool:
        """None of its processes is held."""
        return False

    def held(self) -> list[str]:
        """No unit."""
        return []

    def release(self, unit: str) -> None:
        """Nothing is held."""

    def runs(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool:
        """Whether the unit's processes run, as described and with these files."""
        states = self.states(unit)
        same = all(
            self._text(self._service(unit, each.name)) == service_file(unit, each, configuration) for each in processes
        )
        return bool(states) and same and all(each.state == "RUNNING" for each in states)

    def remove(self, unit: str) -> None:
        """Stop the unit's processes and what these have left running, and forget them."""
        self.stop([unit])

    def stop(self, units: Sequence[str], unused: Callable[[str, str], bool] = lambda _unit, _process: False) -> None:
        """Stop the units' processes, all at once, and do not start them again; wait until they have ended.

        ``unused`` says of a unit's process that has been told to stop whether nobody is waiting for it any more: then
        it is killed.
        """
        names = [name for unit in units for name in self._services(unit)]
        if names:
            self._must("stop", "--no-block", *names)
        deadline = time.monotonic() + STOP_SECONDS
        while left := [each for unit in units for each in self.states(unit) if each.pid]:
            for each in left:
                if unused(each.unit, each.name):
                    self._asked("kill", "--signal=SIGKILL", self._service(each.unit, each.name))
            if time.monotonic() > deadline:
                break  # Whoever removes it waits for its end, and says why it does not come.
            time.sleep(0.02)
        self._remove(names)
        for unit in units:
            end_leftovers_of(self._directory / "units" / name_in_paths(unit))

    def states(self, unit: str | None = None) -> list[ProcessState]:
        """What the processes do: of one unit, or of all."""
        names = self._services(unit)
        if not names:
            return []
        said = self._must("show", f"--property={_SHOWN}", *names).stdout
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in said.strip().split("\n\n")]
        return [self._state(told) for told in blocks]

    def end(self) -> None:
        """Stop all processes of the model, and rotate its logs no more."""
        self._remove(self._services(None))
        self._rules.unlink(missing_ok=True)

    def _state(self, told: dict[str, str]) -> ProcessState:
        group, name = told["Id"].removeprefix(self._prefix).removesuffix(".service").split(".", 1)
        state = _FINE.get(told["ActiveState"], "STOPPED")
        if told["SubState"] == "auto-restart":
            state = "BACKOFF"
        began = int(told["ExecMainStartTimestampMonotonic"] or 0) / 1e6
        return ProcessState(
            unit="/".join(group.rsplit("-", 1)),
            name=name,
            state=state,
            pid=int(told["MainPID"]),
            seconds=max(0, int(time.monotonic() - began)) if state == "RUNNING" else 0,
            said="" if told["Result"] == "success" else f"systemd: {told['Result']}",
        )

    def _remove(self, names: Sequence[str]) -> None:
        if not names:
            return
        self._must("disable", "--now", "--quiet", *names)
        for name in names:
            (self._units / name).unlink(missing_ok=True)
        self._must("daemon-reload")
        # What had failed would be listed for ever; what had not is no failure to be told of.
        self._asked("reset-failed", *names)

    @property
    def _rules(self) -> Path:
        """The file for logrotate."""
        return self._rotation / self._prefix.rstrip(".")

    def _services(self, unit: str | None) -> list[str]:
        group = f"{name_in_paths(unit)}." if unit else ""
        return sorted(path.name for path in self._units.glob(f"{self._prefix}{group}*.service"))

    def _service(self, unit: str, process: str) -> str:
        return f"{self._prefix}{name_in_paths(unit)}.{process}.service"

    def _text(self, name: str) -> str:
        path = self._units / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _must(self, *words: str) -> CommandResult:
        said = self._asked(*words)
        if said.exit_status != 0:
            raise UnitNotReady(f"systemctl {words[0]} failed.", evidence=said.tail())
        return said

    def _asked(self, *words: str) -> CommandResult:
        return run_command(["systemctl", "--no-ask-password", "--no-pager", *words], timeout_seconds=COMMAND_SECONDS)


def runs_with_other(pid: int, configuration: str) -> bool:
    """Whether a process was begun with other files than those of this digest; not where it does not say with which."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    told = [word for word in words if word.startswith(b"ONWARD_CONFIGURATION=")]
    return bool(told) and told[0] != f"ONWARD_CONFIGURATION={configuration}".encode()


def rotation_file(directory: Path) -> str:
    """What logrotate is told of a model's logs: as much is kept as a supervisor keeps. Pure. logrotate(8)."""
    return "\n".join(
        [
            f"# Written by Onward, and removed with the model {directory.name}.",
            f'"{directory}/units/*/log/*.log" {{',
            "    daily",
            "    maxsize 10M",
            "    rotate 3",
            "    missingok",
            "    notifempty",
            # Processes hold it open, and append.
            "    copytruncate",
            "}",
            "",
        ]
    )


def service_file(unit: str, process: UnitProcess, configuration: str) -> str:
    """The service of one process. Pure. ``configuration`` is a digest of the files that it reads."""
    variables = {**process.environment, "ONWARD_CONFIGURATION": configuration}
    log = Path(process.directory) / "log" / f"{process.name}.log"
    return "\n".join(
        [
            "[Unit]",
            f"Description={process.name} of {unit}, deployed by Onward",
            "After=network.target",
            # It is begun again however often it ends; whoever deploys sees that it does not serve.
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={_line(process.argv)}",
            f"WorkingDirectory={_percent(process.directory)}",
            *(f"Environment={_quoted(f'{name}={value}')}" for name, value in variables.items()),
            "Restart=always",
            "RestartSec=1",
            f"KillSignal=SIG{process.stop_signal}",
            f"KillMode={'control-group' if process.stop_group else 'mixed'}",
            f"TimeoutStopSec={process.stop_seconds}",
            "UMask=0077",
            "LimitNOFILE=65536",
            f"StandardOutput=append:{_percent(str(log))}",
            "StandardError=inherit",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def _line(argv: Iterable[str]) -> str:
    """A command without a shell: systemd.service(5), COMMAND LINES. A dollar sign would begin a variable."""
    return " ".join(_quoted(word).replace("$", "$$") for word in argv)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{_percent(escaped)}"'


def _percent(text: str) -> str:
    return text.replace("%", "%%")
