"""Whether the services of a model can go to another release while they serve, and the releases on that way."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from onward.actions.build_environment import specification
from onward.catalog.load import recipe, series_list
from onward.errors import RollingImpossible
from onward.hosts.state import Directories
from onward.plan.deployment.move import Move
from onward.plan.deployment.rolling import Hop, plan_rolling
from onward.plan.deployment.serving import only_answers
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan
from onward.survey.carried import CarriedOptions
from onward.survey.pinned import Choose

SERVE = 2
"""Units of an API that it takes: one that serves while another one begins anew."""
MOST_BESIDES = 8


def survey_rolling(
    directories: Directories,
    wish: DeploymentWish,
    choose: Choose,
    carry: CarriedOptions,
    batch: int,
    progress: Callable[[str], None],
) -> Plan:
    """The plan of taking the services of ``wish.moves`` forward while they serve. Raises RollingImpossible."""
    found = wish.topology
    if not wish.moves:
        raise _nothing_moves(wish)
    _require_units(found, wish.site, wish.moves)
    for name in (name for move in wish.moves for name in move.applications):
        if len(found.units(name)) < SERVE and not _answers(found, wish.site, name):
            progress(f"{name} has one unit: what is asked of it waits while it begins anew")
    plan, besides = plan_rolling(wish, tuple(_hops(directories, wish, choose, carry)), batch)
    if besides:
        raise _more_than_releases(found, besides)
    return plan


def _nothing_moves(wish: DeploymentWish) -> RollingImpossible:
    return RollingImpossible(
        "No service of the bundle goes to another release.",
        evidence="every channel is that of the release that is deployed",
        next_command=f"onward status {wish.site.model}",
    )


def _more_than_releases(found: Topology, steps: Collection[str]) -> RollingImpossible:
    services = {name: charm.service for name, charm in found.charms.items() if charm.service}
    units = dict.fromkeys(step.split("/")[1] for step in steps if "/" in step)
    dashboards = [name for name in units if name in services and not recipe(services[name]).connections]
    lines = [
        f"{name}: it has no database, and is restarted unit by unit by a deployment without --rolling"
        for name in dashboards
    ]
    lines += [step for step in steps if step.partition("/")[2].partition("/")[0] not in dashboards][:MOST_BESIDES]
    return RollingImpossible(
        "The bundle changes more than the releases of services that can go one unit after the other.",
        evidence="\n".join(lines),
        next_command="deploy what else has changed first, or name the services that shall go, with --service",
    )


def _require_units(found: Topology, site: Site, moves: Iterable[Move]) -> None:
    """Return when each can be rolled. Raises RollingImpossible, which names all that cannot."""
    wrong = {
        move.service: [each for name in move.applications for each in _in_the_way(found, site, name)] for move in moves
    }
    if any(wrong.values()):
        can = [service for service, faults in wrong.items() if not faults]
        services = " ".join(f"--service {each}" for each in can)
        raise RollingImpossible(
            f"Not without an outage: {', '.join(service for service, faults in wrong.items() if faults)}.",
            evidence="\n".join(fault for faults in wrong.values() for fault in faults),
            next_command=(f"the others alone: add {services}\n" if can else "")
            + "in one outage: the same command without --rolling",
        )


def _in_the_way(found: Topology, site: Site, name: str) -> Iterable[str]:
    charm = found.charms[name]
    if charm.rolling is None:
        yield f"{name}: upstream documents no way to upgrade {charm.service} while it serves"
    elif _answers(found, site, name):
        units = found.units(name)
        if found.balancer(name) is None:
            yield f"{name}: no load balancer stands before it; its callers would find {units[0]} gone"
        elif len(units) < SERVE:
            yield f"{name} has one unit: an outage of {name} while it begins anew; onward add-unit {name}"


def _answers(found: Topology, site: Site, name: str) -> bool:
    """Whether it has callers who wait for it: an API."""
    words = Words(found, site, name)
    return only_answers(words) or any(each.wsgi is not None for each in words.processes())


def _hops(directories: Directories, wish: DeploymentWish, choose: Choose, carry: CarriedOptions) -> Iterable[Hop]:
    order = series_list()
    ahead = {series for move in wish.moves for series in move.ahead}
    for series in sorted(ahead, key=order.position):
        moves = tuple(move for move in wish.moves if series in move.ahead)
        names = [name for move in moves for name in move.applications]
        environments = {
            name: _environment(directories, wish, choose, name, series, move)
            for move in moves
            for name in move.applications
        }
        site = replace(
            wish.site,
            series={**wish.site.series, **dict.fromkeys(names, series)},
            environments={**wish.site.environments, **environments},
        )
        between = [name for move in moves if series != move.path[-1] for name in move.applications]
        found = carry.at(wish.topology, between, series)
        yield Hop(series, found, _mixed(found, names), site, moves)


def _environment(
    directories: Directories, wish: DeploymentWish, choose: Choose, name: str, series: str, move: Move
) -> str:
    """Where what an application runs at a release is. Raises RollingImpossible, InterpreterMissing."""
    if series == move.path[-1]:
        return wish.site.environments[name]
    service = wish.topology.charms[name].service or ""
    choice = choose(name, series)
    if choice != move.environments[series]:
        raise RollingImpossible(
            f"{name} would need an environment of its own at {series}, which is on the way only.",
            evidence=f"other packages or another interpreter than {move.owner} has",
            next_command=f"go to {series} first, with --to {series}",
        )
    return str(directories.environments / specification(service, choice).key)


def _mixed(found: Topology, names: Iterable[str]) -> Topology:
    """The model with what lets units of two releases talk to one another; what the bundle says itself holds."""
    pins: Mapping[str, Mapping[str, str]] = {
        name: rolling.pins for name in names if (rolling := found.charms[name].rolling) is not None
    }
    return replace(
        found,
        applications={
            name: entry.model_copy(update={"options": {**pins[name], **entry.options}}) if pins.get(name) else entry
            for name, entry in found.applications.items()
        },
    )
