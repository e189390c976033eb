"""What is particular to a service. Another package adds its own in the entry-point group ``onward_service.plugins``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

GROUP = "onward_service.plugins"
Application = Callable[..., Any]
Environ = Mapping[str, Any]

_AUTHENTICATED = "keystone.token_info"
"""What keystonemiddleware leaves in the environ of a request whose token is valid."""


class UnknownPlugin(Exception):
    """A plug-in was asked for that is not installed."""


def _never(environ: Environ) -> bool:
    return False


def roles_of_token(environ: Environ) -> frozenset[str] | None:
    """The roles of an authenticated caller as keystonemiddleware leaves them; None where nobody was authenticated.

    Read from what lives in the process, never from headers: a caller can send ``X-Identity-Status`` as well.
    """
    told = environ.get(_AUTHENTICATED)
    if told is None:
        return None
    roles = told.get("token", {}).get("roles", ()) if isinstance(told, dict) else ()
    return frozenset(role.get("name", "") for role in roles)


def _by_keystonemiddleware(application: Application) -> Application:
    """The application behind an auth_token of its own, with the service's own [keystone_authtoken]."""
    from keystonemiddleware import auth_token  # noqa: PLC0415

    protected: Application = auth_token.AuthProtocol(application, {})
    return protected


def _by_placements_keystonemiddleware(application: Application) -> Application:
    """Placement keeps its configuration to itself; it is read once more, from where placement.wsgi finds it."""
    from keystonemiddleware import auth_token  # noqa: PLC0415

    file = os.path.join(os.environ.get("OS_PLACEMENT_CONFIG_DIR", "/etc/placement"), "placement.conf")
    protected: Application = auth_token.AuthProtocol(
        application, {"oslo_config_project": "placement", "oslo_config_file": file}
    )
    return protected


@dataclass(frozen=True)
class Plugin:
    """A service: its name, what it cannot do without, and how its callers are told apart."""

    name: str
    essential: frozenset[str] = frozenset({"sql"})
    """Kinds of components without which it serves nobody: sql, messaging, cache, rpc, service."""
    roles: Callable[[Environ], frozenset[str] | None] = roles_of_token
    """After a request: the caller's roles, or None where it was not authenticated."""
    logs_in: Callable[[Environ], bool] = _never
    """Before a request: whether it brings credentials in its body. A 2xx then authenticates."""
    protect: Callable[[Application], Application] = field(default=_by_keystonemiddleware)
    """Puts the service's own authentication around a WSGI application, for what only roles may see."""

    def authenticated(self, environ: Environ) -> bool:
        """After a request: whether its caller was. Asked at each, so that nobody's roles are gathered for it."""
        if self.roles is roles_of_token:
            return environ.get(_AUTHENTICATED) is not None
        return self.roles(environ) is not None


def _roles_of_keystone(environ: Environ) -> frozenset[str] | None:
    """As Keystone's own AuthContextMiddleware leaves them (keystone.common.authorization.AUTH_CONTEXT_ENV)."""
    told = environ.get("KEYSTONE_AUTH_CONTEXT")
    return frozenset(told.get("roles") or ()) if told else None


def _logs_in_to_keystone(environ: Environ) -> bool:
    return environ.get("REQUEST_METHOD") == "POST" and environ.get("PATH_INFO", "").endswith("/auth/tokens")


def _by_keystone(application: Application) -> Application:
    from keystone.server.flask.request_processing.middleware import (  # noqa: PLC0415
        auth_context,
    )

    protected: Application = auth_context.AuthContextMiddleware(application)
    return protected


KEYSTONE = Plugin("keystone", roles=_roles_of_keystone, logs_in=_logs_in_to_keystone, protect=_by_keystone)
GLANCE = Plugin("glance")
PLACEMENT = Plugin("placement", protect=_by_placements_keystonemiddleware)
NOVA = Plugin("nova", essential=frozenset({"sql", "messaging"}))
NEUTRON = Plugin("neutron", essential=frozenset({"sql", "messaging"}))
CINDER = Plugin("cinder", essential=frozenset({"sql", "messaging"}))
_OWN = {each.name: each for each in (KEYSTONE, GLANCE, PLACEMENT, NOVA, NEUTRON, CINDER)}


def plugin(name: str) -> Plugin:
    """The plug-in of a service. Raises UnknownPlugin."""
    for entry in entry_points(GROUP):
        if entry.name == name:
            found = entry.load()
            if not isinstance(found, Plugin):
                raise UnknownPlugin(f"service = {name}: {entry.value} is not an onward_service.plugins.Plugin")
            return found
    if name in _OWN:
        return _OWN[name]
    known = sorted({entry.name for entry in entry_points(GROUP)} | set(_OWN))
    raise UnknownPlugin(f"service = {name}: not installed; there are {', '.join(known)}")


def entry_points(group: str) -> list[metadata.EntryPoint]:
    """The installed entry points of a group; Python 3.9 has another signature for it."""
    found: Any = metadata.entry_points()
    return list(found.select(group=group) if hasattr(found, "select") else found.get(group, ()))
