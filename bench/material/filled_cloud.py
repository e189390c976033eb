"""A deployed cloud with much in it, made through its APIs, and what can be asked of it again afterwards."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from material.copied_servers import Copy, copy_servers
from onward.hosts.model_store import ModelStore
from onward.hosts.private_file import write_private
from onward.observe.keystone_login import password_login

PORTS = {
    "identity": 5000,
    "image": 9292,
    "network": 9696,
    "compute": 8774,
    "volume": 8776,
    "placement": 8778,
    "secret": 9311,
}
MOST_SERVERS = 10
"""Of a project: its quota."""
SIDE_BY_SIDE = 6
BUILT_AT_ONCE = 40
DATABASE_UNIT = "mariadb/0"
"""The one that is used, where there are several."""
CALL_SECONDS, SERVER_SECONDS = 300.0, 1800.0
"""For an answer; for all servers to become ACTIVE."""
Seen = dict[str, dict[str, Any]]
"""Of each kind of thing, by its id, what may not change."""
OF_A_SERVER = (
    "name",
    "status",
    "tenant_id",
    "created",
    "OS-EXT-STS:power_state",
    "OS-EXT-SRV-ATTR:host",
    "OS-SRV-USG:launched_at",
)


@dataclass(frozen=True)
class Amount:
    """How much there shall be. Servers are spread over the projects; each of these has a network, volume and secret."""

    projects: int
    servers: int
    images: int
    copied: int = 0
    """Of the servers: those that Nova does not build, and that are copies of the others' records."""

    def __post_init__(self) -> None:
        """Raises SystemExit where the projects' quotas do not carry the servers."""
        if self.servers > MOST_SERVERS * self.projects:
            raise SystemExit(f"{self.projects} projects hold {MOST_SERVERS * self.projects} servers")


class FilledCloud:
    """A model with Keystone, Glance, Nova, Neutron, Cinder, Barbican and Placement behind HAProxy.

    It is asked with the tokens that were issued when it was filled, and with no others.
    """

    def __init__(self, store: ModelStore, tokens: Path) -> None:
        """``tokens`` is the file that keeps them, so that another process can ask with the same ones."""
        self._address = store.record()["addresses"]["haproxy public"]
        self._password = store.secrets()["keystone/admin-password"]
        self._session = requests.Session()
        # On a machine that is busy HAProxy may take a unit for lost for a moment.
        again = Retry(total=40, status_forcelist=[503], allowed_methods=None, backoff_factor=0.3, backoff_max=10)
        self._session.mount("http://", HTTPAdapter(max_retries=again, pool_maxsize=SIDE_BY_SIDE))
        self._file = tokens
        self.tokens: dict[str, str] = json.loads(tokens.read_text()) if tokens.exists() else {}
        """By the name of the project."""
        self._store = store

    def fill(self, amount: Amount) -> None:
        """Make all of it, and wait until every server is ACTIVE."""
        self.tokens = {"admin": self._token("admin")}
        flavor = {"flavor": {"name": "small", "ram": 64, "vcpus": 1, "disk": 1}}
        kind = self.call("POST", "compute", "/v2.1/flavors", flavor)["flavor"]["id"]
        user = self.call("GET", "identity", "/v3/users?name=admin")["users"][0]["id"]
        role = self.call("GET", "identity", "/v3/roles?name=admin")["roles"][0]["id"]
        names = [f"project-{number}" for number in range(amount.projects)]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            images = list(pool.map(self._image, range(amount.images)))
            list(pool.map(lambda name: self._project(name, user, role), names))
        write_private(self._file, json.dumps(self.tokens))
        built = amount.servers - amount.copied
        of_projects = list(islice(cycle(names), built))
        for name in names[:built]:
            self._room()
            self._servers_of(name, of_projects.count(name), kind, images[0])
        self._active(built)
        self._copy(names, amount.copied)
        self._active(amount.servers)

    def remember(self) -> Seen:
        """What is there, as its users see it."""
        found: Seen = {
            "projects": self._listed("identity", "/v3/projects", "projects", "name"),
            "images": self._listed("image", "/v2/images?limit=100", "images", "checksum", "size", "owner"),
            "networks": self._listed("network", "/v2.0/networks", "networks", "name", "project_id"),
            "subnets": self._listed("network", "/v2.0/subnets", "subnets", "cidr", "network_id"),
            "ports": self._listed("network", "/v2.0/ports", "ports", "mac_address", "network_id"),
            "servers": self._listed("compute", "/v2.1/servers/detail?all_tenants=1&limit=200", "servers", *OF_A_SERVER),
            "volumes": {},
            "secrets": {},
        }
        providers = self.call("GET", "placement", "/resource_providers")["resource_providers"]
        paths = {each["uuid"]: f"/resource_providers/{each['uuid']}/usages" for each in providers}
        found["usages"] = {uuid: self.call("GET", "placement", path)["usages"] for uuid, path in paths.items()}
        for identifier, project in found["projects"].items():
            if project["name"] in self.tokens.keys() - {"admin"}:
                found["volumes"] |= self._volumes(identifier, project["name"])
                found["secrets"] |= self._secrets(project["name"])
        return found

    def call(
        self, method: str, service: str, path: str, body: Any = None, project: str = "admin", **headers: str
    ) -> dict[str, Any]:
        """One call with the project's token, through HAProxy; what it answers."""
        sent = {
            "X-Auth-Token": self.tokens[project],
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        answer = self._session.request(method, self._url(service, path), json=body, headers=sent, timeout=CALL_SECONDS)
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return dict(answer.json()) if answer.content else {}

    def _url(self, service: str, path: str) -> str:
        return f"http://{self._address}:{PORTS[service]}{path}"

    def _token(self, project: str) -> str:
        body = password_login("admin", self._password, project)
        answer = self._session.post(self._url("identity", "/v3/auth/tokens"), json=body, timeout=CALL_SECONDS)
        answer.raise_for_status()
        return str(answer.headers["X-Subject-Token"])

    def _image(self, number: int) -> str:
        body = {"name": f"image-{number}", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        made = str(self.call("POST", "image", "/v2/images", body)["id"])
        answer = self._session.put(
            self._url("image", f"/v2/images/{made}/file"),
            data=f"content of {number}".encode(),
            headers={"X-Auth-Token": self.tokens["admin"], "Content-Type": "application/octet-stream"},
            timeout=CALL_SECONDS,
        )
        answer.raise_for_status()
        return made

    def _project(self, name: str, user: str, role: str) -> None:
        body = {"project": {"name": name, "domain_id": "default"}}
        made = self.call("POST", "identity", "/v3/projects", body)["project"]["id"]
        self.call("PUT", "identity", f"/v3/projects/{made}/users/{user}/roles/{role}")
        self.tokens[name] = self._token(name)
        network = self.call("POST", "network", "/v2.0/networks", {"network": {"name": name}}, name)["network"]["id"]
        subnet = {"network_id": network, "ip_version": 4, "cidr": "192.0.2.0/24"}
        self.call("POST", "network", "/v2.0/subnets", {"subnet": subnet}, name)
        self.call("POST", "network", "/v2.0/ports", {"port": {"network_id": network}}, name)
        # The record of one: what would hold it is not there.
        self.call("POST", "volume", f"/v3/{made}/volumes", {"volume": {"name": name, "size": 1}}, name)
        secret = {"name": name, "payload": f"payload of {name}", "payload_content_type": "text/plain"}
        self.call("POST", "secret", "/v1/secrets", secret, name)

    def _servers_of(self, project: str, count: int, flavor: str, image: str) -> None:
        """One call for all: each is built by itself. No ports of their own, which are Neutron's work and not Nova's."""
        server = {"name": project, "flavorRef": flavor, "imageRef": image, "networks": "none", "min_count": count}
        version = "compute 2.37"
        self.call("POST", "compute", "/v2.1/servers", {"server": server}, project, OpenStack_API_Version=version)

    def _room(self) -> None:
        """Wait until so few are being built that nothing in Nova gives up waiting."""
        path = f"/v2.1/servers?all_tenants=1&status=BUILD&limit={BUILT_AT_ONCE}"
        deadline = time.monotonic() + SERVER_SECONDS
        while len(self.call("GET", "compute", path)["servers"]) > BUILT_AT_ONCE - MOST_SERVERS:
            if time.monotonic() > deadline:
                raise SystemExit("servers are not built")
            time.sleep(0.5)

    def _copy(self, names: Sequence[str], count: int) -> None:
        """Further servers in the projects that have the fewest."""
        projects = {each["name"]: each["id"] for each in self._pages("identity", "/v3/projects", "projects")}
        path = "/v2.1/servers/detail?all_tenants=1&limit=200"
        built = [(each["id"], each["tenant_id"]) for each in self._pages("compute", path, "servers")]
        owned = Counter(project for _, project in built)
        copies = []
        for number in range(count):
            name = min(names, key=lambda each: owned[projects[each]])
            owned[projects[name]] += 1
            copies.append(Copy(built[number % len(built)][0], projects[name], f"{name}-copy-{number}"))
        copy_servers(self._store, DATABASE_UNIT, copies)

    def _active(self, servers: int) -> None:
        deadline = time.monotonic() + SERVER_SECONDS
        while True:
            listed = self._pages("compute", "/v2.1/servers/detail?all_tenants=1&limit=200", "servers")
            states = [each["status"] for each in listed]
            if states.count("ACTIVE") == servers:
                return
            if "ERROR" in states or time.monotonic() > deadline:
                raise SystemExit(f"servers: { {each: states.count(each) for each in set(states)} }")
            time.sleep(2)

    def _volumes(self, identifier: str, project: str) -> dict[str, Any]:
        listed = self.call("GET", "volume", f"/v3/{identifier}/volumes/detail", project=project)["volumes"]
        return {each["id"]: {"name": each["name"], "size": each["size"]} for each in listed}

    def _secrets(self, project: str) -> dict[str, Any]:
        found = {}
        for each in self.call("GET", "secret", "/v1/secrets", project=project)["secrets"]:
            path = "/v1/secrets/" + each["secret_ref"].rpartition("/")[2] + "/payload"
            headers = {"X-Auth-Token": self.tokens[project], "Accept": "text/plain"}
            answer = self._session.get(self._url("secret", path), headers=headers, timeout=CALL_SECONDS)
            answer.raise_for_status()
            found[path] = {"payload": answer.text}
        return found

    def _listed(self, service: str, path: str, key: str, *kept: str) -> dict[str, Any]:
        return {each["id"]: {name: each[name] for name in kept} for each in self._pages(service, path, key)}

    def _pages(self, service: str, path: str, key: str) -> Iterator[Mapping[str, Any]]:
        """All of a list, however many pages it has."""
        following: Sequence[str] = [path]
        while following:
            answer = self.call("GET", service, following[0])
            yield from answer[key]
            following = _following(answer, key)


def _following(answer: Mapping[str, Any], key: str) -> list[str]:
    """The path of the next page, if there is one: each service says it in its own way."""
    said = answer.get("next")
    links = [link["href"] for link in answer.get(f"{key}_links", ()) if link["rel"] == "next"]
    return [said] if isinstance(said, str) else ["/" + link.split("/", 3)[3] for link in links]


def differences(before: Seen, after: Seen) -> list[str]:
    """What is gone, new or another one."""
    said: list[str] = []
    for kind, things in before.items():
        said += [f"{kind} {each} is gone" for each in things.keys() - after[kind].keys()]
        said += [f"{kind} {each} is new" for each in after[kind].keys() - things.keys()]
        both = [each for each in things.keys() & after[kind].keys() if things[each] != after[kind][each]]
        said += [f"{kind} {each}: {things[each]} is {after[kind][each]}" for each in both]
    return sorted(said)
