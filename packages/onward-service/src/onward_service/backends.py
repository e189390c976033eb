"""The back ends of ``/healthcheck``: files that take a unit out of its load balancer, and other packages' checks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from onward_service.options import Options
from onward_service.plugins import UnknownPlugin, entry_points

_LOG = logging.getLogger(__name__)
GROUP = "oslo.middleware.healthcheck"


@dataclass(frozen=True)
class Result:
    """What a back end says."""

    available: bool
    reason: str
    details: str | None = None
    kind: str = "HealthcheckResult"
    """Name of the class that it comes as; ``detailed`` answers show it."""


Backend = Callable[[int], Result]
"""Called with the port that the server listens on."""


def disabled_by_file(options: Options) -> Backend:
    """Out while a file is there."""
    path = options.disable_by_file_path

    def check(port: int) -> Result:
        if not path:
            return Result(True, "OK", "No 'disable_by_file_path' configuration value specified")
        if not os.path.exists(path):
            return Result(True, "OK", f"Path '{path}' was not found")
        return Result(False, "DISABLED BY FILE", f"Path '{path}' was found")

    return check


def disabled_by_files_of_ports(options: Options) -> Backend:
    """Out on one port while that port's file is there."""
    files = {int(port): file for port, _, file in (each.partition(":") for each in options.disable_by_file_paths)}

    def check(port: int) -> Result:
        path = files.get(port)
        if path and os.path.exists(path):
            return Result(False, "DISABLED BY FILE")
        return Result(True, "OK")

    return check


def enabled_by_files(options: Options) -> Backend:
    """Out where a file is missing."""

    def check(port: int) -> Result:
        for path in options.enable_by_file_paths:
            if not os.path.exists(path):
                return Result(False, "FILE PATH MISSING", f"File path {path} is missing")
        return Result(True, "OK", "Specified file paths are available")

    return check


_OWN: dict[str, Callable[[Options], Backend]] = {
    "disable_by_file": disabled_by_file,
    "disable_by_files_ports": disabled_by_files_of_ports,
    "enable_by_files": enabled_by_files,
}


def backends(options: Options, last_known: Backend) -> tuple[Backend, ...]:
    """The back ends that are asked for, in their order. Raises UnknownPlugin: at the start, not when it is needed."""
    return tuple(_backend(name, options, last_known) for name in options.backends)


def files(options: Options) -> tuple[Backend, ...]:
    """Those that say whether the unit is to be in its load balancer at all, whatever its health."""
    asked = [_OWN["disable_by_file"]] if options.disable_by_file_path else []
    asked += [_OWN["disable_by_files_ports"]] if options.disable_by_file_paths else []
    asked += [_OWN["enable_by_files"]] if options.enable_by_file_paths else []
    return tuple(each(options) for each in asked)


def _backend(name: str, options: Options, last_known: Backend) -> Backend:
    if name in _OWN:
        return _OWN[name](options)
    if name == "onward_health":
        return last_known
    for entry in entry_points(GROUP):
        if entry.name == name:
            from oslo_config import cfg  # noqa: PLC0415 - only where such a back end is installed

            return bounded(name, entry.load()(cfg.CONF, dict(options.given)).healthcheck, options.backend_seconds)
    known = sorted({entry.name for entry in entry_points(GROUP)} | {*_OWN, "onward_health"})
    raise UnknownPlugin(f"backends: {name} is not installed; there are {', '.join(known)}")


def bounded(name: str, check: Callable[[int], Any], seconds: float) -> Backend:
    """Somebody else's check, whose errors and hangs are failed checks.

    While one hangs, no other is begun: at most one thread for each back end is ever lost.
    """
    running = threading.Semaphore(1)

    def limited(port: int) -> Result:
        if not running.acquire(blocking=False):
            return Result(False, "NO ANSWER", f"{name} has not answered yet")
        found: list[Result] = []
        thread = threading.Thread(target=_run, args=(name, check, port, found, running), daemon=True)
        thread.start()
        thread.join(seconds)
        return found[0] if found else Result(False, "NO ANSWER", f"{name} has not answered in {seconds:g} s")

    return limited


def _run(name: str, check: Callable[[int], Any], port: int, found: list[Result], running: threading.Semaphore) -> None:
    try:
        told = check(port)
        found.append(Result(bool(told.available), told.reason, told.details, type(told).__name__))
    except BaseException as error:  # What is not our code may raise anything; it has then failed.
        _LOG.exception("back end %s of the health check failed", name)
        found.append(Result(False, "CHECK FAILED", f"{name}: {type(error).__name__}"))
    finally:
        running.release()
