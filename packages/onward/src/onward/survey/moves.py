"""Which services of a model have to be taken to another release, and over which."""

from collections.abc import Mapping
from typing import Any

from onward.catalog.load import in_force, recipe, series_list
from onward.errors import BundleInvalid
from onward.hosts.model_store import ModelStore
from onward.plan.deployment.move import Move
from onward.plan.deployment.topology import Topology
from onward.plan.forward import EnvironmentChoice
from onward.survey.pinned import Choose


def survey_moves(
    found: Topology,
    store: ModelStore,
    before: Mapping[str, Any],
    choices: Mapping[str, EnvironmentChoice],
    choose: Choose,
    default: str,
    *,
    slurp: bool = False,
) -> tuple[Move, ...]:
    """The services whose databases are at an older release than the bundle says; none of those that are new.

    ``before`` is what was remembered of the model, ``choose`` gives the environment of an application at a series,
    ``default`` is the release where no channel is named; with ``slurp`` they go through the SLURP releases only. Raises
    BundleInvalid where applications of a service would be at different releases, TargetNotAhead for a way back,
    NotSlurp, InterpreterMissing.
    """
    moves = []
    for service in dict.fromkeys(charm.service for charm in found.charms.values() if charm.service):
        applications = found.of_service(service)
        # One without a database is simply deployed at the other release.
        owner = found.owner(service) if recipe(service).connections else None
        source = _source(owner, service, store, before, default) if owner else None
        if owner is None or source is None or source == choices[owner].series:
            continue
        target = choices[owner].series
        behind = [name for name in applications if choices[name].series != target]
        if behind:
            raise BundleInvalid(
                f"{service} would be at two releases.",
                evidence="\n".join(f"applications.{name}.channel: {choices[name].series}" for name in (owner, *behind)),
            )
        path = tuple(each.id for each in series_list().path(source, target, slurp=slurp))
        finishes = in_force(found.charms[owner].online, source)
        needed = path if finishes else path[1:]
        moves.append(Move(service, owner, applications, path, {series: choose(owner, series) for series in needed}))
    return tuple(moves)


def deployed_series(found: Topology, store: ModelStore, before: Mapping[str, Any], default: str) -> dict[str, str]:
    """At which release the databases of each service are; nothing of those that have none yet. Raises UnknownSeries."""
    services = dict.fromkeys(charm.service for charm in found.charms.values() if charm.service)
    sources = {
        service: _source(owner, service, store, before, default)
        for service in services
        if recipe(service).connections and (owner := found.owner(service)) is not None
    }
    return {service: source for service, source in sources.items() if source is not None}


def _source(owner: str, service: str, store: ModelStore, before: Mapping[str, Any], default: str) -> str | None:
    """At which release a service's databases are; None where there are none yet."""
    noted = store.series().get(service)
    if noted is not None or f"initialise/{owner}" not in store.done():
        return noted
    # Deployed before its release was noted: that of its channel.
    entry = before.get("bundle", {}).get("applications", {}).get(owner, {})
    return series_list().find(str(entry.get("channel") or default).partition("/")[0]).id
