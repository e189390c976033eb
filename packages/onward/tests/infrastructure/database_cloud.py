"""A cloud file with one service whose database is on a Galera cluster, and what the check says of it."""

from pathlib import Path
from typing import Any

import yaml
from galera_cluster import PASSWORD, GaleraCluster

from onward.catalog.load import series_list
from onward.checks.finding import Finding
from onward.hosts.state import Directories
from onward.survey.checks.check import Check
from onward.survey.checks.context import CheckContext
from onward.survey.checks.database_servers import database_servers
from onward.survey.checks.runner import run_checks
from onward.survey.cloud import load_cloud


class Cloud:
    """A cloud file with one service on the cluster."""

    def __init__(self, directory: Path, directories: Directories, cluster: GaleraCluster) -> None:
        self.file = directory / "cloud.yaml"
        self._directory = directory
        self._directories = directories
        self._cluster = cluster
        self.describe()

    def describe(
        self, user: str = "keystone", service: str = "keystone", series: str = "2023.1", **database: Any
    ) -> None:
        group = "placement_database" if service == "placement" else "database"
        url = f"mysql+pymysql://{user}:{PASSWORD}@{self._cluster.addresses[0]}/keystone"
        configuration = self._directory / f"{service}.conf"
        configuration.write_text(f"[{group}]\nconnection = {url}\n")
        described = {"nodes": self._cluster.addresses, **database}
        self.file.write_text(
            yaml.safe_dump(
                {
                    "cloud": "example",
                    "services": {service: {"series": series, "configuration": [str(configuration)]}},
                    "infrastructure": {"identity": {"ask": False}, "database": described},
                }
            )
        )

    def findings(self, target: str | None = None) -> list[Finding]:
        cloud = load_cloud(self.file)
        series = series_list().find(target) if target else None
        with CheckContext(self._directories, cloud, cloud.services, target=series) as context:
            found = run_checks([Check("database servers", database_servers)], context)
        assert PASSWORD not in str(found)
        return found
