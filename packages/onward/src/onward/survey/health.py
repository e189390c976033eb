"""What the APIs of a deployed model tell of what their calls found, asked of each unit once."""

import http.client
import json
import subprocess
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onward.catalog.health import HEALTH
from onward.hosts.command import run_command
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.deployment import ReadyProbe
from onward.model.health import ComponentHealth, HealthState, UnitHealth
from onward.plan.deployment.health import CODE, PATH, STATE_FILE
from onward.plan.deployment.topology import Topology
from onward.survey.recorded import known_model, placed_units, recorded_topology

ASK_SECONDS = 2.0
NOTED_SECONDS = 5.0
LONGEST_ANSWER = 262_144
"""Bytes: a unit knows of 32 components, and says some hundred characters of each."""
MOST_AT_ONCE = 32
MOST = 1e15
"""No number that a unit tells is larger."""

_STATES: Mapping[str, HealthState] = {"pass": "pass", "warn": "warn", "fail": "fail"}


def model_health(directories: Directories, model: str, application: str | None = None) -> tuple[UnitHealth, ...]:
    """All units of a model that have an API which can tell, or those of one application. Raises ModelUnknown."""
    store = known_model(directories, model)
    record = store.record()
    return health_of(recorded_topology(record), store, placed_units(store, record), application)


def health_of(
    found: Topology, store: ModelStore, elsewhere: Container[str], application: str | None = None
) -> tuple[UnitHealth, ...]:
    """The same of a model that is known already; ``elsewhere`` are its units on other machines."""
    names = [name for name in found.applications if HEALTH in found.charms[name].options]
    units = [unit for name in names if application in (None, name) for unit in found.units(name)]

    def one(unit: str) -> UnitHealth:
        if not tells(found, unit):
            return UnitHealth(unit, unit.partition("/")[0], "not told")
        return _asked(unit, store, here=unit not in elsewhere)

    with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
        return tuple(threads.map(one, units))


def tells(found: Topology, unit: str) -> bool:
    """Whether the bundle has chosen that the unit tells of its health."""
    name, _, number = unit.partition("/")
    entry = found.applications[name]
    return bool({**entry.options, **entry.unit_options.get(number, {})}.get(HEALTH, False))


def _asked(unit: str, store: ModelStore, *, here: bool) -> UnitHealth:
    """Asked from its own address where it is on this machine: then it tells everything."""
    name = unit.partition("/")[0]
    probe = next((each for each in store.probes(unit).values() if isinstance(each, ReadyProbe)), None)
    if probe is None:
        return UnitHealth(unit, name, "silent", notes=("it has not been started",))
    try:
        told = _answer(probe, probe.address if here else "")
    except (OSError, http.client.HTTPException, ValueError) as error:
        note = f"{probe.address}:{probe.port}{PATH}: {type(error).__name__}"
        return UnitHealth(unit, name, "silent", _noted(store.unit_directory(unit)) if here else (), (note,))
    notes = [] if here else ["it is on another machine, where it does not tell of what"]
    try:
        return read_health(unit, told, notes)
    except ValueError as error:
        return UnitHealth(unit, name, "silent", notes=(f"{probe.address}:{probe.port}{PATH}: {error}",))


def _noted(directory: Path) -> tuple[ComponentHealth, ...]:
    """What its workers have noted of their calls, though none of them answers: read by the unit's own code."""
    argv = [sys.executable, "-m", "onward_service.noted", str(directory / STATE_FILE)]
    try:
        done = run_command(argv, environment={"PYTHONPATH": str(directory / CODE)}, timeout_seconds=NOTED_SECONDS)
        return read_health("", json.loads(done.stdout)).components if done.exit_status == 0 else ()
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return ()


def _answer(probe: ReadyProbe, source: str) -> Any:
    """Raises OSError, HTTPException, ValueError."""
    connection = http.client.HTTPConnection(
        probe.address, probe.port, timeout=ASK_SECONDS, source_address=(source, 0) if source else None
    )
    try:
        connection.request("GET", PATH)
        body = connection.getresponse().read(LONGEST_ANSWER + 1)
    finally:
        connection.close()
    if len(body) > LONGEST_ANSWER:
        raise ValueError("an answer that is too long")
    return json.loads(body)


def read_health(unit: str, told: Any, notes: Iterable[str] = (), now: datetime | None = None) -> UnitHealth:
    """What an answer of onward-service says. Raises ValueError where it is none."""
    if not isinstance(told, dict) or told.get("status") not in _STATES:
        raise ValueError("another answer than onward-service gives")
    said, checks = told.get("notes", []), told.get("checks", {})
    return UnitHealth(
        unit=unit,
        application=unit.partition("/")[0],
        state=_STATES[told["status"]],
        components=tuple(_components(checks)) if isinstance(checks, dict) else (),
        notes=(*notes, *(str(each) for each in said)) if isinstance(said, list) else tuple(notes),
        seconds_apart=_apart(told.get("time"), now or datetime.now(UTC)),
    )


def _apart(told: object, now: datetime) -> float | None:
    try:
        return round((datetime.fromisoformat(str(told)) - now).total_seconds(), 1)
    except (ValueError, TypeError, OverflowError):
        return None


def _components(checks: Mapping[str, Any]) -> Iterator[ComponentHealth]:
    for name, each in checks.items():
        if isinstance(each, dict) and each.get("status") in _STATES:
            yield ComponentHealth(
                name=name,
                state=_STATES[each["status"]],
                age_seconds=_number(each, "age_seconds"),
                latency_ms=_number(each, "latency_ms"),
                usual_ms=_number(each, "usual_ms"),
                uses=int(_number(each, "uses")),
                losses=int(_number(each, "losses")),
                note=str(each.get("output", "")),
            )


def _number(told: Mapping[str, Any], name: str) -> float:
    found = told.get(name)
    return float(found) if isinstance(found, int | float) and abs(found) < MOST else 0.0
