"""Give a service a user of its own in Keystone, and enter it in the catalogue."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests

from onward.actions.deployment import store_of
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.state import Directories
from onward.plan.deployment.grant import GrantWish, Registered

SECONDS = 60.0
PROJECT = "service"
ROLES = ("admin", "service")
"""The services look after one another's objects: https://docs.openstack.org/keystone/latest/admin/service-api-protection.html"""


class GrantIdentity:
    """``identity.grant``: project, user, roles, service and endpoints; what exists under its name is used.

    Arguments: ``wants`` with ``user`` and perhaps ``roles`` that its users have, ``registers`` with the services of the
    catalogue. Evidence: what was ``made``.
    """

    name = "identity.grant"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Make what is missing. Raises StepFailed when Keystone refuses or does not answer."""
        wish = GrantWish.model_validate(context.step.arguments)
        secrets = store_of(self._directories, context).secrets()
        try:
            keystone = _Keystone(wish.offers["url"], secrets[f"{wish.provider}/admin-password"])
            keystone.user(wish.wants["user"], secrets[wish.secret])
            for role in wish.wants.get("roles", "").split():
                keystone.role(role)
            for service in wish.registers:
                keystone.register(service, wish.offers["region"])
        except requests.RequestException as error:
            said = getattr(error.response, "text", "") or str(error)
            raise StepFailed(
                f"{context.step.target}: Keystone refuses.",
                evidence=said[:500],
                next_command=f"onward runs resume {context.run_id}",
            ) from None
        return {"made": keystone.made}


class _Keystone:
    """Keystone's API, as its administrator."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._session = requests.Session()
        self.made: list[str] = []
        domain = {"id": "default"}
        answer = self._session.post(
            f"{url}/auth/tokens",
            json={
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {"user": {"name": "admin", "domain": domain, "password": password}},
                    },
                    "scope": {"project": {"name": "admin", "domain": domain}},
                }
            },
            timeout=SECONDS,
        )
        answer.raise_for_status()
        self._session.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    def user(self, name: str, password: str) -> None:
        """The user, with this password and the roles that services have."""
        project = self._ensure("project", {"name": PROJECT}, {"domain_id": "default"})
        user = self._ensure("user", {"name": name}, {"domain_id": "default", "password": password})
        self._ask("PATCH", f"users/{user}", {"user": {"password": password}})
        for role in ROLES:
            self._ask("PUT", f"projects/{project}/users/{user}/roles/{self.role(role)}")

    def role(self, name: str) -> str:
        """Identifier of the role of this name."""
        return self._ensure("role", {"name": name}, {})

    def register(self, service: Registered, region: str) -> None:
        """The service and its endpoints; an endpoint that says another URL is corrected."""
        found = self._ensure(
            "service", {"name": service.name, "type": service.type}, {"description": service.description}
        )
        for interface, url in (("public", service.public), ("internal", service.internal), ("admin", service.internal)):
            where = {"service_id": found, "interface": interface, "region_id": region}
            endpoint = self._ensure("endpoint", where, {"url": url})
            self._ask("PATCH", f"endpoints/{endpoint}", {"endpoint": {"url": url}})

    def _ensure(self, kind: str, where: Mapping[str, str], more: Mapping[str, str]) -> str:
        """Identifier of the one that is so, made where there is none: perhaps by another grant in this moment."""
        found = self._find(kind, where)
        if found is None:
            try:
                made = self._ask("POST", f"{kind}s", {kind: {**where, **more}})
            except requests.HTTPError as error:
                found = self._find(kind, where) if error.response.status_code == requests.codes.conflict else None
                if found is None:
                    raise
            else:
                self.made.append(f"{kind} {where.get('name') or where.get('interface')}")
                found = str(made[kind]["id"])
        return found

    def _find(self, kind: str, where: Mapping[str, str]) -> str | None:
        listed = self._ask("GET", f"{kind}s?{urlencode(where)}")[f"{kind}s"]
        fitting = (each for each in listed if all(each.get(key) == value for key, value in where.items()))
        return next((str(each["id"]) for each in fitting), None)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self._session.request(method, f"{self._url}/{path}", json=body, timeout=SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
