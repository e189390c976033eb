"""Deployed models, as they are remembered: their relations, and where they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onward.catalog.charms import charms
from onward.errors import ModelUnknown
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.user import own_name
from onward.model.bundle import Bundle
from onward.plan.deployment.remote import Remote
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology, topology


def models(directories: Directories) -> list[str]:
    """Names of all models that are deployed."""
    if not directories.models.is_dir():
        return []
    return sorted(path.name for path in directories.models.iterdir() if ModelStore(path).exists)


def known_model(directories: Directories, model: str) -> ModelStore:
    """What is kept of a model that is deployed. Raises ModelUnknown."""
    store = ModelStore(directories.models / model)
    if not store.exists:
        known = models(directories)
        raise ModelUnknown(
            f"No model called {model!r} is deployed here.",
            evidence=f"deployed: {', '.join(known) or 'none'}",
            next_command="onward status",
        )
    return store


def recorded_remotes(record: Mapping[str, Any]) -> dict[str, Remote]:
    """What a model was deployed with of other models' applications, by the names of its saas."""
    return {name: Remote.model_validate(told) for name, told in record.get("saas", {}).items()}


def recorded_topology(record: Mapping[str, Any]) -> Topology:
    """A model's applications and relations as they were deployed."""
    return topology(Bundle.model_validate(record["bundle"]), charms(), "model.json", recorded_remotes(record))


def recorded_site(store: ModelStore) -> Site:
    """Where a model is, without its programs and environments."""
    record = store.record()
    return Site(
        model=record["model"],
        directory=store.directory,
        sockets=Path(record["sockets"]),
        user=own_name(),
        network=record["network"],
        addresses=record["addresses"],
        programs={},
    )
