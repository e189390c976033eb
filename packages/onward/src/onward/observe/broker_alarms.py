"""Which nodes of a RabbitMQ cluster have stopped taking messages, because they have no disk or no memory left."""

from collections.abc import Iterable, Mapping

import requests

from onward.diagnosis.observation import Sight

ANSWER_SECONDS = 2.0
_ALARMS: tuple[tuple[str, Sight, str], ...] = (
    ("disk_free_alarm", "no-space", "its disk is too full: it takes no messages"),
    ("mem_alarm", "too-many", "it has no memory left: it takes no messages"),
)
"""https://www.rabbitmq.com/docs/3.10/alarms; fields of /api/nodes."""


def broker_alarms(addresses: Iterable[str], port: int, password: str) -> Mapping[str, tuple[Sight, str]]:
    """By the address that a node has in its name, what it is out of, as the first node that answers has it."""
    for address in addresses:
        try:
            answer = requests.get(
                f"http://{address}:{port}/api/nodes", auth=("onward", password), timeout=ANSWER_SECONDS
            )
            if answer.ok:
                return {
                    str(node["name"]).rpartition("@")[2]: (saw, words)
                    for node in answer.json()
                    for field, saw, words in reversed(_ALARMS)
                    if node.get(field) is True
                }
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}
