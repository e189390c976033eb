"""How a message broker bears it: from RabbitMQ's management API, and by a message that is sent through it.

https://www.rabbitmq.com/docs/3.10/management#http-api: ``/api/overview`` has connections, messages and what was opened
(churn_rates), ``/api/nodes`` the memory, ``/api/health/checks/alarms`` the alarms.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import amqp
import requests
from amqp.exceptions import AMQPError

from onward.model.restart import BrokerLoad

SECONDS = 5.0
"""For one answer. A healthy broker takes milliseconds."""
BETWEEN_SECONDS = 0.04
"""Between two messages."""
SLOW_PART = 0.9
"""Of the messages since the last look, the one that counts is slower than this part of them."""
LEAST_SPAN_SECONDS = 1.0
AGAIN_SECONDS = 1.0
"""After a failure."""


@dataclass(frozen=True)
class BrokerAccess:
    """Where a broker is asked, and with what."""

    addresses: tuple[str, ...]
    port: int
    management: int
    user: str
    password: str = field(repr=False)


class BrokerWatch:
    """Looks at a broker again and again; messages go through it all the while. A context. Not for several threads."""

    def __init__(self, access: BrokerAccess) -> None:
        self._access = access
        self._session = requests.Session()
        self._session.auth = (access.user, access.password)
        self._pulse = _Pulse(access)

    def __enter__(self) -> Self:
        """Messages begin to go through it."""
        self._pulse.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the broker."""
        self._pulse.end()
        self._session.close()

    def load(self) -> BrokerLoad:
        """How it is now, and how its answers were since the last look. What cannot be asked is a ``failure``."""
        try:
            overview = self._get("overview")
            nodes = self._get("nodes")
            alarms = self._get("health/checks/alarms", also=503)
        except (requests.RequestException, ValueError) as error:
            return BrokerLoad(failure=f"its management API: {type(error).__name__}")
        answers, failure = self._pulse.taken()
        if failure or not answers:
            return BrokerLoad(failure=f"no message goes through it: {failure or 'none has come back'}")
        totals, messages = overview.get("object_totals") or {}, overview.get("queue_totals") or {}
        memory = max(((each.get("mem_used", 0), each.get("mem_limit", 0)) for each in nodes), default=(0, 0), key=_part)
        return BrokerLoad(
            alarms=tuple(f"{each['resource']} of {each['node']}" for each in alarms.get("alarms", ())),
            connections=int(totals.get("connections", 0)),
            opened=int((overview.get("churn_rates") or {}).get("connection_created", 0)),
            waiting=int(messages.get("messages_ready", 0) or 0),
            memory_used=int(memory[0]),
            memory_limit=int(memory[1]),
            answer_seconds=sorted(answers)[int(SLOW_PART * len(answers))],
            slowest_seconds=max(answers),
        )

    def takers(self, virtual_host: str, queue: str) -> frozenset[str] | None:
        """Names of the connections over which somebody takes messages from a queue; None where nobody could tell.

        A connection's name is made of its addresses and ports: a new one has another name.
        """
        try:
            told = self._get(f"queues/{quote(virtual_host, safe='')}/{quote(queue, safe='')}", also=404)
            details = [each.get("channel_details") or {} for each in told.get("consumer_details") or ()]
        except (requests.RequestException, ValueError):
            return None
        return frozenset(str(each.get("connection_name", "")) for each in details)

    def _get(self, question: str, also: int = 200) -> Any:
        """The JSON of the first node that answers. Raises requests.RequestException, ValueError."""
        error: Exception = requests.ConnectionError("it has no address")
        for address in self._access.addresses:
            try:
                answer = self._session.get(
                    f"http://{address}:{self._access.management}/api/{question}", timeout=SECONDS, allow_redirects=False
                )
                if answer.status_code not in (200, also):
                    raise requests.HTTPError(f"{answer.status_code} to {question}")
                return answer.json()
            except (requests.RequestException, ValueError) as failed:
                error = failed
        raise error


def counted_answers(answers: Sequence[tuple[float, float]], looked: float, now: float) -> list[tuple[float, float]]:
    """Those that came since the last look, or in the last second, whichever is longer: when, and after how long. Pure.

    Of the few of a short time one is slow by chance.
    """
    since = min(looked, now - LEAST_SPAN_SECONDS)
    return [each for each in answers if each[0] >= since]


class _Pulse:
    """Sends a message to a queue of its own now and then, and takes the time until it is back, in a thread of its own.

    What happens between two looks is seen as well: a storm of connections is over in less than a second.
    """

    def __init__(self, access: BrokerAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._answers: list[tuple[float, float]] = []
        """When each came back, and after how many seconds."""
        self._looked = 0.0
        self._failure = ""
        self._first, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="broker-pulse", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Leave the broker."""
        self._over.set()
        self._thread.join(SECONDS)

    def taken(self) -> tuple[list[float], str]:
        """Seconds of all messages since this was asked last, or of the last second, and why there are no more.

        The longer of both spans.
        """
        self._first.wait(SECONDS)
        now = time.monotonic()
        with self._lock:
            self._answers, self._looked = counted_answers(self._answers, self._looked, now), now
            return [seconds for _, seconds in self._answers], self._failure

    def _beat(self) -> None:
        while not self._over.is_set():
            try:
                with closing(_connected(self._access)) as connection:
                    self._send(connection)
            except (OSError, AMQPError) as error:
                with self._lock:
                    self._failure = f"{type(error).__name__}: {error}"
                self._first.set()
                self._over.wait(AGAIN_SECONDS)

    def _send(self, connection: Any) -> None:
        """Send until it is over. Raises OSError, AMQPError."""
        channel = connection.channel()
        queue = channel.queue_declare(exclusive=True, auto_delete=True).queue
        channel.basic_consume(queue, no_ack=True, callback=lambda _message: None)
        while not self._over.wait(BETWEEN_SECONDS):
            began = time.monotonic()
            channel.basic_publish(amqp.Message(b"."), exchange="", routing_key=queue)
            connection.drain_events(timeout=SECONDS)
            with self._lock:
                now = time.monotonic()
                self._answers.append((now, now - began))
                self._failure = ""
            self._first.set()


def _connected(access: BrokerAccess) -> Any:
    """A connection to the first node that accepts one. Raises OSError, AMQPError."""
    error: Exception = OSError("it has no address")
    for address in access.addresses:
        connection: Any = amqp.Connection(
            host=f"{address}:{access.port}",
            userid=access.user,
            password=access.password,
            virtual_host="/",
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            write_timeout=SECONDS,
            client_properties={"connection_name": "onward"},
        )
        try:
            connection.connect()
            return connection
        except (OSError, AMQPError) as failed:
            connection.collect()
            error = failed
    raise error


def _part(memory: Sequence[int]) -> float:
    return memory[0] / memory[1] if memory[1] else 0.0
