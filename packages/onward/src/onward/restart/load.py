"""Whether what all units share bears it: compared with how it was before anything began. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from onward.model.described import Described
from onward.model.restart import BrokerLoad, DatabaseLoad, Seen

LEAST_SECONDS = 0.002
"""Below that an answer is quick, whatever it was before."""
MEMORY_PART = 0.8
"""Of what the broker may take before it stops whoever publishes (vm_memory_high_watermark)."""
WAITING_MORE = 500
"""Messages that may wait more than before."""
CONNECTIONS_PART = 0.9
QUEUED = 100
PAUSED_PART = 0.3
RUNNING_TIMES, RUNNING_LEAST = 4, 32
LAG_MORE = 10.0


class Calm(Described):
    """How it was before anything began."""

    answer_seconds: float | None = None
    waiting: int = 0
    running: int = Field(default=0, description="Statements at once, of the busiest database server")
    lag_seconds: float = 0.0


@dataclass(frozen=True)
class Judgement:
    """What stands against another batch."""

    alarm: str = ""
    """For which everything ends."""
    busy: str = ""
    """For which it waits, and goes on with less."""
    felt: bool = False
    """Whether more than this would be too much: the broker answers half of the way from calm to that."""


def calm_of(seen: Sequence[Seen]) -> Calm:
    """What several looks before the beginning amount to: the middle one of each thing.

    Of answers the slowest of a second: so long somebody waits anyway, once a second. Later nine of ten are held against
    it, so that not every hiccup of a machine is taken for a broker that bears no more.
    """
    answers = [each.broker.slowest_seconds for each in seen if each.broker and each.broker.slowest_seconds is not None]
    waiting = [each.broker.waiting for each in seen if each.broker]
    running = [max((server.running for server in each.databases), default=0) for each in seen]
    lag = [max((server.lag_seconds or 0.0 for server in each.databases), default=0.0) for each in seen]
    return Calm(
        answer_seconds=_middle(answers) if answers else None,
        waiting=int(_middle(waiting)) if waiting else 0,
        running=int(_middle(running)) if running else 0,
        lag_seconds=_middle(lag) if lag else 0.0,
    )


def judge(seen: Seen, calm: Calm, slower: float) -> Judgement:
    """What stands against another batch now. What cannot be asked is not calm."""
    if seen.broker is not None and seen.broker.alarms:
        return Judgement(alarm=f"the broker is in alarm: {', '.join(seen.broker.alarms)}")
    found = list(_broker(seen.broker, calm, slower)) if seen.broker is not None else []
    found += [f"{each.server} {what}" for each in seen.databases for what in _database(each, calm)]
    return Judgement(busy="; ".join(found), felt=_answers_later(seen.broker, calm, (1 + slower) / 2))


def _broker(load: BrokerLoad, calm: Calm, slower: float) -> Iterator[str]:
    if load.failure:
        yield f"the broker cannot be asked: {load.failure}"
        return
    if _answers_later(load, calm, slower):
        most = slower * max(calm.answer_seconds or 0.0, LEAST_SECONDS)
        took = load.answer_seconds or 0.0
        yield f"the broker takes {took * 1000:.0f} ms for a message, {most * 1000:.0f} are allowed"
    if load.memory_limit and load.memory_used > MEMORY_PART * load.memory_limit:
        part = load.memory_used / load.memory_limit
        yield f"the broker has taken {part:.0%} of the memory that it may take"
    if load.waiting > calm.waiting + WAITING_MORE:
        yield f"{load.waiting} messages wait at the broker, {calm.waiting} did before"


def _answers_later(load: BrokerLoad | None, calm: Calm, times: float) -> bool:
    """Whether a message takes more than so many times what it took before."""
    if load is None or load.answer_seconds is None or calm.answer_seconds is None:
        return False
    return load.answer_seconds > times * max(calm.answer_seconds, LEAST_SECONDS)


def _database(load: DatabaseLoad, calm: Calm) -> Iterator[str]:
    if load.failure:
        yield f"cannot be asked: {load.failure}"
        return
    if load.allowed and load.connected > CONNECTIONS_PART * load.allowed:
        yield f"has {load.connected} connections of {load.allowed} that it takes"
    if load.running > max(RUNNING_LEAST, RUNNING_TIMES * calm.running):
        yield f"carries out {load.running} statements at once, {calm.running} before"
    if load.queued > QUEUED:
        yield f"has {load.queued} write sets of its cluster to apply"
    if load.paused > PAUSED_PART:
        yield f"has its cluster wait for {load.paused:.0%} of the time"
    if load.lag_seconds is not None and load.lag_seconds > calm.lag_seconds + LAG_MORE:
        yield f"is {load.lag_seconds:.0f} s behind"


def _middle(values: Sequence[float]) -> float:
    return float(sorted(values)[len(values) // 2])
