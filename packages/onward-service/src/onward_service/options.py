"""The options of the middleware: what may stand in ``[filter:onward_health]``, or be given to ``wrap``. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

OWN_BACKENDS = frozenset({"disable_by_file", "disable_by_files_ports", "enable_by_files", "onward_health"})


class OptionInvalid(Exception):
    """An option has a value that means nothing, or is not known."""


def _option(default: Any, words: str) -> Any:
    return field(default=default, metadata={"words": words})


@dataclass(frozen=True)
class Options:
    """Everything that can be set; the words are the reference's."""

    service: str = _option(
        "", "the service's plug-in: keystone, glance, nova, neutron, cinder, placement, or another that is installed"
    )
    path: str = _option("/health", "where the answers are; the paths below it as well")
    state_file: Path | None = _option(
        None,
        "the file that the unit's workers share; without it, those share that were forked after loading",
    )
    retry_seconds: float = _option(
        30.0, "a failure older than this only warns: the load balancer sends traffic again, and that finds out"
    )
    forget_seconds: float = _option(300.0, "what a worker saw that has ended is forgotten after this")
    refresh_seconds: float = _option(
        1.0, "what other workers saw is looked at again after this; callers are answered from memory meanwhile"
    )
    detail_sources: tuple[Network, ...] = _option((), "networks whose callers see details; never through a proxy")
    detail_roles: frozenset[str] = _option(
        frozenset(), "roles whose callers see details at PATH/details, with a token; none: there is no such path"
    )
    healthcheck_path: str = _option(
        "", "where oslo.middleware's answers are given, /healthcheck; without it the service's own are left alone"
    )
    backends: tuple[str, ...] = _option(
        (),
        "disable_by_file, disable_by_files_ports, enable_by_files, onward_health, or another that is installed",
    )
    backend_seconds: float = _option(2.0, "a backend of another package that has not answered after this has failed")
    detailed: bool = _option(
        False, "as oslo.middleware's: stacks, interpreter and platform to everybody who asks at healthcheck_path"
    )
    allowed_source_ranges: tuple[Network, ...] = _option(
        (), "as oslo.middleware's: callers of healthcheck_path from elsewhere reach the service"
    )
    ignore_proxied_requests: bool = _option(
        False, "as oslo.middleware's: callers of healthcheck_path through a proxy reach the service"
    )
    disable_by_file_path: str = _option(
        "", "as oslo.middleware's: while this file is there, the unit is out of its load balancer"
    )
    disable_by_file_paths: tuple[str, ...] = _option((), "as oslo.middleware's: PORT:FILE, the same for one port")
    enable_by_file_paths: tuple[str, ...] = _option(
        (), "as oslo.middleware's: files without which the unit is out of its load balancer"
    )
    probes: tuple[str, ...] = _option(
        (), "what an authenticated caller may have tried with POST PATH/probe: sql; none: there is no such path"
    )
    probe_roles: frozenset[str] = _option(frozenset({"admin"}), "roles whose callers may")
    probe_seconds: float = _option(5.0, "a probe that has not answered after this has failed")
    probe_interval_seconds: float = _option(10.0, "a probe is not made again before this; the last result is given")
    push_to: str = _option(
        "", "a collector that is told of the health: unix:/PATH, or udp:ADDRESS:PORT; without it nobody is told"
    )
    push_unit: str = _option("", "the unit's name for the collector: glance/0")
    push_key_file: str = _option("", "for UDP: a file with a secret that the collector has as well")
    given: Mapping[str, Any] = field(default_factory=dict)
    """The words as they were given, for backends of other packages."""


def options(given: Mapping[str, Any]) -> Options:
    """Options from words. Raises OptionInvalid, which names the option.

    What is not known is refused, but where a back end of another package may know it.
    """
    known = {each.name: each for each in fields(Options) if each.name != "given"}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in known:
            try:
                values[name] = _value(str(known[name].type), value)
            except (ValueError, TypeError) as error:
                raise OptionInvalid(f"{name} = {value}: {error}") from None
        elif not _others(given):
            raise OptionInvalid(f"{name}: not known; there are {', '.join(sorted(known))}")
    found = Options(**values, given=dict(given))
    if not found.path.startswith("/") or found.path.endswith("/"):
        raise OptionInvalid(f"path = {found.path}: begins with a slash and does not end with one")
    if found.healthcheck_path and not found.healthcheck_path.startswith("/"):
        raise OptionInvalid(f"healthcheck_path = {found.healthcheck_path}: begins with a slash")
    if {"disable_by_file", "enable_by_files"} <= set(found.backends):
        raise OptionInvalid("backends: disable_by_file and enable_by_files exclude each other")
    for each in found.disable_by_file_paths:
        if not each.partition(":")[0].isdigit():
            raise OptionInvalid(f"disable_by_file_paths = {each}: PORT:FILE is expected")
    return found


def _value(kind: str, value: Any) -> Any:
    if kind == "bool":
        return _switch(value)
    if kind == "float":
        return _seconds(value)
    if kind.startswith("Path"):
        return Path(str(value)) if value else None
    if kind == "str":
        return str(value)
    words = value.split(",") if isinstance(value, str) else [str(each) for each in value]
    listed = [word.strip() for word in words if word.strip()]
    if "Network" in kind:
        return tuple(ipaddress.ip_network(word) for word in listed)
    return frozenset(listed) if kind.startswith("frozenset") else tuple(listed)


def _switch(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in ("true", "1", "on", "yes"):
        return True
    if word in ("false", "0", "off", "no"):
        return False
    raise ValueError("true or false is expected")


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 < seconds <= 86400:
        raise ValueError("seconds are expected, more than 0 and at most 86400")
    return seconds


def _others(given: Mapping[str, Any]) -> bool:
    """Whether there is a back end of another package."""
    return bool(set(_value("tuple", given.get("backends", ""))) - OWN_BACKENDS)
