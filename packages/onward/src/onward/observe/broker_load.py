"""How a message broker bears it: from RabbitMQ's management API, and by a message that is sent through it.

https://www.rabbitmq.com/docs/3.10/management#http-api: ``/api/overview`` has connections, messages and what was opened
(churn_rates), ``/api/nodes`` the memory, ``/api/health/checks/alarms`` the alarms.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import amqp
import requests
from amqp.exceptions import AMQPError

from onward.model.restart import BrokerLoad

SECONDS = 5.0
"""For one answer. A healthy broker takes milliseconds."""
MESSAGES = 5
"""That are sent in one look; the slowest counts."""


@dataclass(frozen=True)
class BrokerAccess:
    """Where a broker is asked, and with what."""

    addresses: tuple[str, ...]
    port: int
    management: int
    user: str
    password: str = field(repr=False)


class BrokerWatch:
    """Looks at a broker again and again, over one connection. Not for several threads."""

    def __init__(self, access: BrokerAccess) -> None:
        self._access = access
        self._session = requests.Session()
        self._session.auth = (access.user, access.password)
        self._connection: Any = None
        self._channel: Any = None
        self._queue = ""

    def __enter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what was opened."""
        self._close()
        self._session.close()

    def load(self) -> BrokerLoad:
        """How it is now. What cannot be asked is a ``failure``; nothing is raised."""
        try:
            overview = self._get("overview")
            nodes = self._get("nodes")
            alarms = self._get("health/checks/alarms", also=503)
        except (requests.RequestException, ValueError) as error:
            return BrokerLoad(failure=f"its management API: {type(error).__name__}")
        try:
            answer = self._answer_seconds()
        except (OSError, AMQPError) as error:
            self._close()
            return BrokerLoad(failure=f"no message goes through it: {type(error).__name__}: {error}")
        totals, messages = overview.get("object_totals") or {}, overview.get("queue_totals") or {}
        memory = max(((each.get("mem_used", 0), each.get("mem_limit", 0)) for each in nodes), default=(0, 0), key=_part)
        return BrokerLoad(
            alarms=tuple(f"{each['resource']} of {each['node']}" for each in alarms.get("alarms", ())),
            connections=int(totals.get("connections", 0)),
            opened=int((overview.get("churn_rates") or {}).get("connection_created", 0)),
            waiting=int(messages.get("messages_ready", 0) or 0),
            memory_used=int(memory[0]),
            memory_limit=int(memory[1]),
            answer_seconds=answer,
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

    def _answer_seconds(self) -> float:
        """The slowest of some messages to a queue of its own and back. Raises OSError, AMQPError."""
        if self._channel is None:
            self._open()
        slowest = 0.0
        for number in range(MESSAGES):
            began = time.monotonic()
            self._channel.basic_publish(amqp.Message(str(number)), exchange="", routing_key=self._queue)
            self._connection.drain_events(timeout=SECONDS)
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    def _open(self) -> None:
        error: Exception = OSError("it has no address")
        for address in self._access.addresses:
            try:
                self._connection = amqp.Connection(
                    host=f"{address}:{self._access.port}",
                    userid=self._access.user,
                    password=self._access.password,
                    virtual_host="/",
                    connect_timeout=SECONDS,
                    read_timeout=SECONDS,
                    write_timeout=SECONDS,
                    client_properties={"connection_name": "onward"},
                )
                self._connection.connect()
                self._channel = self._connection.channel()
                self._queue = self._channel.queue_declare(exclusive=True, auto_delete=True).queue
                self._channel.basic_consume(self._queue, no_ack=True, callback=lambda _message: None)
                return
            except (OSError, AMQPError) as failed:
                self._close()
                error = failed
        raise error

    def _close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            try:
                connection.close()
            except (OSError, AMQPError):
                connection.collect()


def _part(memory: Sequence[int]) -> float:
    return memory[0] / memory[1] if memory[1] else 0.0
