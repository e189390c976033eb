"""A cloud file with one service that uses a broker, and what the check says of it."""

import urllib.parse
from pathlib import Path
from typing import Any

import yaml
from broker_cluster import PASSWORD, USER, Node

from onward.checks.finding import Finding
from onward.hosts.state import Directories
from onward.model.cloud import described
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks
from onward.survey.checks.table import BUILT_IN

CHECK = "message broker"


class Cloud:
    """A cloud whose only service uses the broker, and what the broker's check says of it."""

    def __init__(self, directory: Path, nodes: list[Node]) -> None:
        self._directory = directory
        self.nodes = nodes
        self.file = directory / "cloud.yaml"
        self.described: dict[str, Any] = {}
        self.write()

    def write(
        self,
        *,
        password: str = PASSWORD,
        virtual_host: str = "",
        password_reference: str = "",
        addresses: list[str] | None = None,
        options: str = "",
        **broker: Any,
    ) -> None:
        """``options`` stand in the group oslo_messaging_rabbit, ``addresses`` in place of those without TLS."""
        addresses = addresses or [node.amqp_address for node in self.nodes]
        places = (f"{USER}:{urllib.parse.quote(password, safe='')}@{address}" for address in addresses)
        configuration = self._directory / "nova.conf"
        url = f"rabbit://{','.join(places)}/{virtual_host}"
        configuration.write_text(f"[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_rabbit]\n{options}\n")
        secret = {"password": password_reference} if password_reference else {}
        management = [f"http://{node.management_address}" for node in self.nodes]
        self.described = {
            "cloud": "example",
            "services": {"nova": {"series": "2023.1", "configuration": [str(configuration)]}},
            "infrastructure": {"identity": {"ask": False}, "broker": {"management": management, **broker, **secret}},
        }
        self.file.write_text(yaml.safe_dump(self.described))

    def check(self) -> list[Finding]:
        cloud = described(self.described, "cloud.yaml")
        directories = Directories(self._directory / "state", self._directory / "cache").prepared()
        with CheckContext(directories, cloud, ("nova",)) as context:
            found = run_checks([each for each in BUILT_IN if each.name == CHECK], context)
        words = " ".join(f"{each.details} {each.way_out}" for each in found)
        assert PASSWORD not in words
        assert urllib.parse.quote(PASSWORD, safe="") not in words
        assert all(each.way_out for each in found if each.result not in ("pass", "not-checked"))
        return found

    @property
    def names(self) -> dict[str, str]:
        """What stands on the page for this run's addresses."""
        found = {}
        for number, node in enumerate(self.nodes, 1):
            found |= {
                node.amqp_address: f"node{number}:5672",
                node.tls_address: f"node{number}:5671",
                node.management_address: f"node{number}:15672",
                node.name: f"rabbit@node{number}",
            }
        return found


def faults(found: list[Finding]) -> dict[tuple[str, str], Finding]:
    """What does not pass, by name and what it is about."""
    return {(each.name, each.about): each for each in found if each.result != "pass"}
