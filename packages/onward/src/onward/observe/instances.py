"""The instances of a cloud, as Nova has them: what must be the same after its services have gone to another release."""

from typing import Any

import requests

from onward.model.instances import Instance

CALL_SECONDS = 120.0
PAGE = 500


def instances(compute: str, token: str) -> dict[str, Instance]:
    """All instances of all projects, by id; ``compute`` is the URL of Nova's API with /v2.1.

    Raises requests.RequestException. https://docs.openstack.org/api-ref/compute/#list-servers-detailed
    """
    found: dict[str, Instance] = {}
    page: dict[str, Any] = {"all_tenants": 1, "limit": PAGE}
    while True:
        answer = requests.get(
            f"{compute}/servers/detail", params=page, headers={"X-Auth-Token": token}, timeout=CALL_SECONDS
        )
        answer.raise_for_status()
        servers = answer.json()["servers"]
        found |= {each["id"]: _instance(each) for each in servers}
        if len(servers) < PAGE:
            return found
        page["marker"] = servers[-1]["id"]


def _instance(server: dict[str, Any]) -> Instance:
    return Instance(
        power_state=server.get("OS-EXT-STS:power_state"),
        host=server.get("OS-EXT-SRV-ATTR:host"),
        launched_at=server.get("OS-SRV-USG:launched_at"),
    )
