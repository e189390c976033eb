"""Keystone's API as its administrator uses it for services: https://docs.openstack.org/api-ref/identity/v3/."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from onward.observe.keystone_login import password_login
from onward.plan.deployment.grant import Registered

SECONDS = 60.0
_AGAIN = Retry(
    total=None,
    connect=0,
    read=0,
    status=14,
    status_forcelist=[requests.codes.service_unavailable],
    allowed_methods=None,
    backoff_factor=0.5,
    backoff_max=5,
    raise_on_status=False,
)
"""503 is a load balancer that has no unit at the moment: a busy one did not answer its looks in time. It has passed the
call to nobody, so that any may be made again: for about a minute."""
PROJECT = "service"
ROLES = ("admin", "service")
"""The services look after one another's objects: https://docs.openstack.org/keystone/latest/admin/service-api-protection.html"""


class KeystoneClient:
    """Keystone's API, as its administrator."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(max_retries=_AGAIN))
        self.made: list[str] = []
        self.removed: list[str] = []
        answer = self._session.post(
            f"{url}/auth/tokens",
            json=password_login("admin", password, "admin"),
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

    def region(self, region: str) -> None:
        """The region, which has to be there before an endpoint is in it."""
        # A list of regions cannot be asked for one of them.
        if self._session.get(f"{self._url}/regions/{region}", timeout=SECONDS).status_code == requests.codes.not_found:
            made = self._session.post(f"{self._url}/regions", json={"region": {"id": region}}, timeout=SECONDS)
            if made.status_code != requests.codes.conflict:
                made.raise_for_status()
                self.made.append(f"region {region}")

    def unregister(self, service: Registered, region: str) -> None:
        """Remove the service's endpoints in a region, and the service itself where it has none left in any other."""
        found = self._find("service", {"name": service.name, "type": service.type})
        if found is None:
            return
        endpoints = self._ask("GET", f"endpoints?{urlencode({'service_id': found})}")["endpoints"]
        here = [each for each in endpoints if each["region_id"] == region]
        for each in here:
            self.remove(f"endpoints/{each['id']}", f"endpoint {each['interface']} of {service.name} in {region}")
        if len(here) == len(endpoints):
            self.remove(f"services/{found}", f"service {service.name}")

    def types_in(self, region: str) -> set[str]:
        """Types of the services that have an endpoint in a region."""
        types = {each["id"]: str(each["type"]) for each in self._ask("GET", "services")["services"]}
        listed = self._ask("GET", f"endpoints?{urlencode({'region_id': region})}")["endpoints"]
        return {types[each["service_id"]] for each in listed if each["region_id"] == region}

    def remove_user(self, name: str) -> None:
        """Remove a user of the default domain."""
        found = self._find("user", {"name": name, "domain_id": "default"})
        if found is not None:
            self.remove(f"users/{found}", f"user {name}")

    def remove(self, path: str, what: str) -> None:
        """Remove one thing; where it is gone already, there is nothing to do."""
        answer = self._session.delete(f"{self._url}/{path}", timeout=SECONDS)
        if answer.status_code != requests.codes.not_found:
            answer.raise_for_status()
            self.removed.append(what)

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
