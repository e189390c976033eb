"""Deployed models, as they are remembered: their relations, and where they are."""

import socket
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from onward.actions.remote.placed import MARK
from onward.catalog.charms import charms
from onward.errors import ModelUnknown
from onward.hosts.model_store import ModelStore
from onward.hosts.runtime import runtime_key
from onward.hosts.state import Directories
from onward.hosts.user import own_name
from onward.model.bundle import Bundle
from onward.model.machine import RemoteMachine
from onward.plan.deployment.remote import Remote
from onward.plan.deployment.site import Place, Site
from onward.plan.deployment.topology import Topology, topology


def models(directories: Directories) -> list[str]:
    """Names of all models that are deployed."""
    if not directories.models.is_dir():
        return []
    return sorted(path.name for path in directories.models.iterdir() if ModelStore(path).exists)


def only_model(directories: Directories, named: str | None) -> str:
    """The model that is named, or the only one there is. Raises ModelUnknown."""
    known = models(directories)
    if named is None and len(known) == 1:
        return known[0]
    if named is None and known:
        raise ModelUnknown(
            "Several models are deployed here, and none was named.",
            evidence=", ".join(known),
            next_command=f"onward status {known[0]}",
        )
    if named is None:
        raise ModelUnknown(
            "No model is deployed here.",
            evidence=f"looked in {directories.models}",
            next_command="onward deploy BUNDLE",
        )
    return known_model(directories, named).directory.name


def known_model(directories: Directories, model: str) -> ModelStore:
    """What is kept of a model that is deployed. Raises ModelUnknown."""
    store = ModelStore(directories.models / model)
    if not store.exists:
        known = models(directories)
        raise ModelUnknown(
            f"No model called {model!r} is deployed here.",
            evidence=f"deployed in {directories.models}: {', '.join(known) or 'none'}",
            next_command="onward status",
        )
    return store


def recorded_remotes(record: Mapping[str, Any]) -> dict[str, Remote]:
    """What a model was deployed with of other models' applications, by the names of its saas."""
    return {name: Remote.model_validate(told) for name, told in record.get("saas", {}).items()}


def recorded_topology(record: Mapping[str, Any]) -> Topology:
    """A model's applications and relations as they were deployed."""
    bundle = Bundle.model_validate(record["bundle"])
    return topology(bundle, charms(), "model.json", recorded_remotes(record), numbers_of(record))


def recorded_site(store: ModelStore) -> Site:
    """Where a model is, without its programs and environments."""
    return site_of(store, store.record())


def site_of(store: ModelStore, record: Mapping[str, Any]) -> Site:
    """The same, for what is to be remembered of a model."""
    return Site(
        model=record["model"],
        directory=store.directory,
        sockets=Path(record["sockets"]),
        user=own_name(),
        network=record["network"],
        addresses=record["addresses"],
        programs={},
        machines=placed_units(store, record),
        places={
            name: place_of(store, RemoteMachine.model_validate({"name": name, **told}))
            for name, told in record.get("machines", {}).items()
        },
    )


def place_of(store: ModelStore, machine: RemoteMachine) -> Place:
    """What of another machine the units of a model depend on, without their environments."""
    return Place(
        directory=PurePath(machine.directory) / "models" / store.directory.name,
        sockets=PurePath(machine.sockets),
        user=machine.user,
        programs=machine.programs,
        owner=owner_of(store),
        runtime=runtime_key(),
    )


def owner_of(store: ModelStore) -> str:
    """The name by which another machine tells this model from one of somebody else's that has the same name."""
    return f"{socket.gethostname()}:{store.directory}"


def placed_units(store: ModelStore, record: Mapping[str, Any]) -> dict[str, str]:
    """By unit, the machine where it is or shall be; none for those on this one."""
    return {**record.get("placed", {}), **machines_of_units(store)}


def machines_of_units(store: ModelStore) -> dict[str, str]:
    """By unit, the machine where it is, or has begun to be; none for those on this one."""
    marks = {unit: store.unit_directory(unit) / MARK for unit in units_of(store)}
    return {unit: mark.read_text(encoding="utf-8") for unit, mark in marks.items() if mark.is_file()}


def units_of(store: ModelStore) -> tuple[str, ...]:
    """Units that exist already, or have begun to."""
    directory = store.directory / "units"
    found = [path.name.rsplit("-", 1) for path in sorted(directory.iterdir())] if directory.is_dir() else []
    return tuple("/".join(each) for each in found)


def kept_bundle(directories: Directories, model: str) -> Bundle:
    """What a model shall be, as a bundle. Raises ModelUnknown."""
    return Bundle.model_validate(known_model(directories, model).record()["bundle"])


def numbers_of(record: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Which units a model has, by application; none where it is not deployed."""
    return {name: tuple(numbers) for name, numbers in record.get("units", {}).items()}
