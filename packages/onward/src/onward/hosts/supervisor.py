"""Keeps the processes of a model running where there is no systemd: http://supervisord.org, one for each model.

It outlives Onward. Its socket is reachable for its owner only. A unit is one group of it, whose file is rewritten
whole; a process is begun again by it when it ends, unless it was told to stop.

A unit has two places, of which one is at work. In the other one its next processes can be held: they have imported
their code, and wait for as long as there is a file, their gate. Without it they are as any others, so that to open it
is all that there is to do; whoever is killed meanwhile leaves them either held or at work.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from onward.errors import UnitNotReady
from onward.hosts.leftovers import end_leftovers_of
from onward.hosts.private_file import make_private, write_private
from onward.model.deployment import UnitProcess, name_in_paths

START_SECONDS = 30.0
STOP_SECONDS = 300.0
PROGRAM = "onward.hosts.supervisord_program"
"""By name: whoever only asks a supervisor imports none."""
_NOT_RUNNING = 10
"""BAD_NAME in supervisor.xmlrpc: there is no such group."""
_ALREADY_ADDED = 90
_STILL_RUNNING = 91
_SECOND = ".second"
"""What the name of a unit's second place ends with; a unit's own name has no dot."""


@dataclass(frozen=True)
class ProcessState:
    """What the supervisor says of a process."""

    unit: str
    name: str
    state: str
    """RUNNING, STARTING, BACKOFF, FATAL, STOPPED, EXITED."""
    pid: int
    seconds: int
    """How long it has been running."""
    said: str


class Supervisor:
    """The supervisor of one model."""

    def __init__(self, directory: Path, sockets: Path) -> None:
        self._directory = directory
        self._sockets = sockets
        self._socket = sockets / "supervisor.sock"
        self._pid_file = directory / "supervisor.pid"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        try:
            pid = int(self._pid_file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"supervisord" in words and os.fsencode(self._directory) in words else None

    def ensure(self) -> int:
        """Start it where it does not run, and wait until it answers; its process id. Raises UnitNotReady."""
        if not self.answers():
            self._begin()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > deadline:
                raise UnitNotReady(
                    "The supervisor of the model does not answer.", evidence=str(self._directory / "supervisor.log")
                )
            time.sleep(0.05)
        return self.pid or 0

    def _begin(self) -> None:
        make_private(self._directory / "programs")
        make_private(self._sockets)
        configuration = self._directory / "supervisor.conf"
        write_private(configuration, self._configuration())
        # What runs already, and only does not answer yet, holds the file of its process id.
        if self.pid is None:
            self._socket.unlink(missing_ok=True)
            subprocess.run(
                [sys.executable, "-m", PROGRAM, "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._directory,
                check=False,
                timeout=START_SECONDS,
                start_new_session=True,
            )

    def _configuration(self) -> str:
        directory = _escaped(str(self._directory))
        return (
            f"[unix_http_server]\nfile = {_escaped(str(self._socket))}\nchmod = 0600\n\n"
            f"[supervisord]\nlogfile = {directory}/supervisor.log\nlogfile_maxbytes = 5MB\nlogfile_backups = 2\n"
            f"pidfile = {_escaped(str(self._pid_file))}\nchildlogdir = {directory}\nidentifier = onward\numask = 077\n"
            "minfds = 4096\nstrip_ansi = true\n\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
            f"[include]\nfiles = {directory}/programs/*.conf\n"
        )

    def answers(self) -> bool:
        """Whether it runs and can be asked."""
        try:
            return bool(self._server().getState()["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error):
            return False

    def apply(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool:
        """Have the unit's processes run as described; those that run otherwise, or that read other files, begin again.

        ``configuration`` is a digest of the files that they read. Whether processes that were held have been let go,
        instead of being begun. Raises OSError when nobody answers.
        """
        first, second = _places(unit)
        for held, other in ((first, second), (second, first)):
            if self._gate(held).exists():
                if self._is(held, self._program_file(held, processes, configuration), ("RUNNING", "STARTING")):
                    self._leave(other)
                    self._gate(held).unlink()
                    return True
                self._leave(held)
        group, other = (second, first) if self._file(second).exists() else (first, second)
        self._leave(other)
        self._bring(group, processes, configuration)
        return False

    def hold(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool:
        """Have the unit's next processes import their code, and wait to be let go by :meth:`apply`; True.

        Those at work go on. What is held already as described stays so. Raises OSError when nobody answers.
        """
        first, second = _places(unit)
        at_work_second = self._file(second).exists() and not self._gate(second).exists()
        group = first if at_work_second else second
        make_private(self._gate(group).parent)
        self._gate(group).touch(mode=0o600)
        self._bring(group, processes, configuration)
        return True

    def imported(self, unit: str) -> bool:
        """Whether all processes of the unit that are held have imported their code, and wait for nothing but that."""
        groups = [group for group in _places(unit) if self._gate(group).exists()]
        # Each of them writes its number there.
        ready = {pid for group in groups for pid in self._gate(group).read_text().split()}
        pids = [str(each.pid) for each in self._states_of(groups)]
        return bool(pids) and set(pids) <= ready

    def held(self) -> list[str]:
        """The units whose next processes are held."""
        gates = (self._directory / "programs").glob("*.gate")
        return sorted({_unit_of(gate.name.removesuffix(".gate")) for gate in gates})

    def release(self, unit: str) -> None:
        """End the processes of a unit that are held; those at work go on."""
        for group in _places(unit):
            if self._gate(group).exists():
                self._leave(group)

    def _bring(self, group: str, processes: Sequence[UnitProcess], configuration: str) -> None:
        """Have the processes run in this place."""
        write_private(self._file(group), self._program_file(group, processes, configuration))
        server = self._server()
        added, changed, _ = server.reloadConfig()[0]
        if group in changed:
            self._remove_group(group)
            added = [group]
        if group in added or not self._states_of([group]):
            try:
                server.addProcessGroup(group)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != _ALREADY_ADDED:
                    raise
        for state in self._settled(group):
            if state.state not in ("RUNNING", "STARTING"):
                try:
                    server.startProcess(f"{group}:{state.name}", False)
                except xmlrpc.client.Fault as fault:
                    if "ALREADY_STARTED" not in fault.faultString:
                        raise

    def _settled(self, group: str) -> list[ProcessState]:
        """What the processes do once none is on its way to its end: such a one cannot be started again."""
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            found = self._states_of([group])
            if all(each.state != "STOPPING" for each in found) or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def runs(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool:
        """Whether the unit's processes run, as described and with these files."""
        return any(
            self._is(group, self._program_file(group, processes, configuration))
            for group in _places(unit)
            if not self._gate(group).exists()
        )

    def _is(self, group: str, wanted: str, fine: Sequence[str] = ("RUNNING",)) -> bool:
        """Whether the processes of a place run, as its file would have it."""
        states, file = self._states_of([group]), self._file(group)
        running = bool(states) and all(each.state in fine for each in states)
        return running and file.is_file() and file.read_text() == wanted

    def remove(self, unit: str) -> None:
        """Stop the unit's processes and what these have left running, and forget them."""
        for group in _places(unit):
            self._leave(group)
        self._end_leftovers(unit)

    def _leave(self, group: str) -> None:
        """End what is in a place, and forget it."""
        there = self._file(group).exists() or self._gate(group).exists()
        self._file(group).unlink(missing_ok=True)
        if self.answers() and (there or self._states_of([group])):
            self._server().reloadConfig()
            self._remove_group(group)
        # Last: without their gate they would go to work.
        self._gate(group).unlink(missing_ok=True)

    def stop(self, units: Sequence[str], unused: Callable[[str, str], bool] = lambda _unit, _process: False) -> None:
        """Stop the units' processes, all at once, and do not start them again by itself; wait until they have ended.

        ``unused`` says of a unit's process that has been told to stop whether nobody is waiting for it any more: then
        it is killed, for servers take their time even where there is nothing to finish.
        """
        at_work = [group for unit in units for group in _places(unit) if not self._gate(group).exists()]
        for group in at_work:
            self._file(group).unlink(missing_ok=True)
        spared: list[int] = []
        if self.answers():
            left = [each for each in self._states_of(at_work) if each.pid]
            for group in at_work:
                self._begin_stop(group)
            waiting = [group for unit in units for group in _places(unit) if group not in at_work]
            spared = [each.pid for each in self._states_of(waiting)]
            deadline = time.monotonic() + STOP_SECONDS
            while left := [each for each in left if _lives(each.pid)]:
                _kill_groups([each.pid for each in left if unused(each.unit, each.name)])
                if time.monotonic() > deadline:
                    raise UnitNotReady(
                        f"{left[0].name} of {left[0].unit} does not end.", evidence=f"process {left[0].pid}"
                    )
                time.sleep(0.02)
        for unit in units:
            self._end_leftovers(unit, spared)

    def _end_leftovers(self, unit: str, spared: Collection[int] = ()) -> None:
        end_leftovers_of(self._directory / "units" / name_in_paths(unit), spared)

    def _begin_stop(self, group: str) -> None:
        try:
            self._server().stopProcessGroup(group, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _NOT_RUNNING:
                raise

    def _remove_group(self, group: str) -> None:
        server = self._server()
        try:
            server.stopProcessGroup(group)
            deadline = time.monotonic() + STOP_SECONDS
            while True:
                try:
                    server.removeProcessGroup(group)
                    return
                except xmlrpc.client.Fault as fault:
                    if fault.faultCode != _STILL_RUNNING or time.monotonic() > deadline:
                        raise
                time.sleep(0.05)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _NOT_RUNNING:
                raise

    def states(self, unit: str | None = None) -> list[ProcessState]:
        """What the processes at work do: of one unit, or of all. Raises OSError when nobody answers."""
        return self._states_of(None if unit is None else _places(unit), held=False)

    def _states_of(self, groups: Sequence[str] | None, *, held: bool = True) -> list[ProcessState]:
        """What the processes of these places do, or of all."""
        found: Any = self._server().getAllProcessInfo()
        return [
            ProcessState(
                unit=_unit_of(each["group"]),
                name=each["name"],
                state=each["statename"],
                pid=each["pid"],
                seconds=max(0, each["now"] - each["start"]) if each["statename"] == "RUNNING" else 0,
                said=each["spawnerr"] or each["description"],
            )
            for each in found
            if (groups is None or each["group"] in groups) and (held or not self._gate(each["group"]).exists())
        ]

    def end(self) -> None:
        """Stop all processes, then itself; return when both are gone."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)

    def _file(self, group: str) -> Path:
        return self._directory / "programs" / f"{group}.conf"

    def _gate(self, group: str) -> Path:
        """The file that the processes of a place wait for as long as it is there."""
        return self._directory / "programs" / f"{group}.gate"

    def _program_file(self, group: str, processes: Sequence[UnitProcess], configuration: str) -> str:
        return _program_file(group, processes, configuration, self._gate(group))

    def _server(self) -> Any:
        return xmlrpc.client.ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{self._socket}")
        ).supervisor


def _lives(pid: int) -> bool:
    """Whether the process has not ended yet; what nobody has asked after still has a number."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill_groups(pids: Sequence[int]) -> None:
    """Kill the processes and what they have started; the supervisor gives each a group of its own."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _places(unit: str) -> tuple[str, str]:
    """The groups that a unit may be, of which at most one is at work."""
    return name_in_paths(unit), name_in_paths(unit) + _SECOND


def _unit_of(group: str) -> str:
    return "/".join(group.removesuffix(_SECOND).rsplit("-", 1))


def _program_file(group: str, processes: Sequence[UnitProcess], configuration: str, gate: Path) -> str:
    blocks = [f"[group:{group}]\nprograms = {','.join(f'{group}.{each.name}' for each in processes)}\n"]
    for each in processes:
        variables = {**each.environment, "ONWARD_CONFIGURATION": configuration}
        if each.waits:
            variables["ONWARD_GATE"] = str(gate)
        environment = ",".join(f'{name}="{_escaped(value)}"' for name, value in variables.items())
        log = Path(each.directory) / "log" / f"{each.name}.log"
        blocks.append(
            f"[program:{group}.{each.name}]\n"
            f"command = {_escaped(shlex.join(each.argv))}\n"
            f"process_name = {each.name}\n"
            f"directory = {_escaped(each.directory)}\n"
            f"environment = {environment}\n"
            "autostart = true\nautorestart = true\nstartsecs = 1\nstartretries = 10\n"
            f"stopsignal = {each.stop_signal}\nstopwaitsecs = {each.stop_seconds}\n"
            f"stopasgroup = {str(each.stop_group).lower()}\nkillasgroup = true\n"
            f"redirect_stderr = true\nstdout_logfile = {_escaped(str(log))}\n"
            "stdout_logfile_maxbytes = 10MB\nstdout_logfile_backups = 3\n"
        )
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    """As supervisor's files have it: % begins an expansion."""
    return text.replace("%", "%%")
