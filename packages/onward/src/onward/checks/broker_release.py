"""What is to be said of a broker's release, and of its upgrade. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from onward.catalog.rabbitmq import RabbitMq, numbers, series_of
from onward.checks.finding import Finding, Result, unclear
from onward.model.broker import BrokerObservation

RELEASES = "broker releases"
WAY = "broker release"
FLAGS = "broker feature flags"
_NO_ADMINISTRATOR = "Not administrator"


def release_findings(seen: BrokerObservation, facts: RabbitMq, target: str | None) -> Iterator[Finding]:
    """Whether all nodes have one release, whether a later one could start, and what the target is deployed with."""
    answered = [answer for answer in seen.management if answer.outcome == "answered" and answer.release]
    told = {answer.node: f"RabbitMQ {answer.release}, Erlang {answer.erlang}" for answer in answered}
    told |= {each.address: f"RabbitMQ {each.release}" for each in seen.logins if each.release and not answered}
    releases = sorted(
        {answer.release for answer in answered} | {each.release for each in seen.logins if each.release}, key=numbers
    )
    if not releases:
        for name in (RELEASES, FLAGS, *((WAY,) if target else ())):
            yield unclear(name, "no node says which release it is", "rabbitmqctl version")
        return
    yield _same(told, releases)
    now = releases[0]
    way = _way(facts, now, target)
    yield _flags(seen, facts, now, way)
    if target is not None:
        yield _target(facts, now, target, way)


def _same(told: dict[str, str], releases: Sequence[str]) -> Finding:
    kinds = sorted(set(told.values()))
    if len(releases) == 1 and len(kinds) == 1:
        return Finding(RELEASES, "pass", f"{kinds[0]} on all nodes that answer ({len(told)})")
    # Documentation of rolling upgrades: mixed clusters are for the time of an upgrade only.
    half = len({series_of(release) for release in releases}) > 1
    result: Result = "fail" if half else "warn"
    details = "; ".join(f"{node}: {what}" for node, what in sorted(told.items()))
    return Finding(RELEASES, result, details, f"finish the upgrade to {releases[-1]} on the nodes that are behind")


def _way(facts: RabbitMq, now: str, target: str | None) -> tuple[str, ...]:
    """The release series ahead, the present one first: to what the target is deployed with, otherwise to the next."""
    series = series_of(now)
    wanted = facts.deployed.get(target or "")
    if wanted is not None and numbers(wanted) > numbers(series):
        return facts.way(series, wanted) or (series,)
    ahead = sorted((hop.to for hop in facts.hops if hop.source == series), key=numbers)
    return (series, ahead[0]) if ahead else (series,)


def _flags(seen: BrokerObservation, facts: RabbitMq, now: str, way: Sequence[str]) -> Finding:
    if seen.flags is None:
        # They are shown to administrators alone (rabbit_mgmt_wm_feature_flags.erl).
        way_out = "rabbitmqctl list_feature_flags; they are shown here to a user with the tag administrator"
        # The tag that is recommended for looking does not show them: that stops nothing.
        result: Result = "warn" if _NO_ADMINISTRATOR in seen.flags_reason else "could-not-tell"
        return Finding(FLAGS, result, seen.flags_reason, way_out)
    disabled = sorted(name for name, enabled in seen.flags.items() if not enabled and name not in facts.opt_in)
    if not disabled:
        return Finding(FLAGS, "pass", f"all {len(seen.flags)} stable ones are enabled")
    needed = set(facts.needed_for(way[0], way[1])) if len(way) > 1 else set[str]()
    blocking = [name for name in disabled if name in needed]
    details = f"disabled: {', '.join(disabled)}"
    if blocking:
        details += f"; RabbitMQ {way[1]} does not start without {', '.join(blocking)}"
    return Finding(FLAGS, "warn", details, f"rabbitmqctl enable_feature_flag all, before RabbitMQ {now} is upgraded")


def _target(facts: RabbitMq, now: str, target: str, way: Sequence[str]) -> Finding:
    wanted = facts.deployed.get(target)
    if wanted is None:
        return Finding(WAY, "not-checked", f"with which RabbitMQ {target} is deployed is not in the catalogue")
    said = f"Kolla deploys {target} with RabbitMQ {wanted}"
    if numbers(now)[:2] >= numbers(wanted):
        return Finding(WAY, "pass", f"it is {now}; {said}")
    if len(way) < 2:
        return Finding(
            WAY, "warn", f"it is {now}; {said}, and no way there is known", "a new cluster beside the old one"
        )
    hops = []
    for source, ahead in pairwise(way):
        least = facts.least(source, ahead)
        if least is not None and numbers(now if source == way[0] else source) < numbers(least):
            hops.append(least)
        hops.append(ahead)
    details = f"it is {now}; {said}. RabbitMQ itself is upgraded {' -> '.join([now, *hops])}"
    way_out = "rabbitmqctl enable_feature_flag all before every step, then https://www.rabbitmq.com/docs/upgrade"
    return Finding(WAY, "warn", details, way_out)
