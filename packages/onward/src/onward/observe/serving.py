"""Whether a server does its work, and how not: asked in its own protocol for the least that it can say."""

import socket
import time

import requests

from onward.diagnosis.observation import Sight
from onward.model.deployment import ReadyProbe

SERVE_SECONDS = 2.0
PATIENCE_SECONDS = 8.0
"""After this who has said nothing hangs, and is not slow."""
SLOW_SECONDS = 2.0
MYSQL_ERROR = 0xFF
TOO_MANY_CONNECTIONS = 1040
_ASKED = {
    "mysql-shared": b"",
    "memcache": b"version\r\n",
    "rabbitmq": b"AMQP\x00\x00\x09\x01",
}
"""What a caller has to say first. MariaDB greets: https://mariadb.com/kb/en/connection/; memcached's protocol.txt;
AMQP 0-9-1, 4.2.2. The kernel accepts connections for a process that is stopped: only an answer shows that it works."""


def serving(probe: ReadyProbe, interfaces: frozenset[str], seconds: float = SERVE_SECONDS) -> tuple[Sight, str]:
    """How it serves, and what was seen of that. ``interfaces``: what its application offers; the protocol is theirs.

    ``seconds``: for how long an answer is waited for.
    """
    began = time.monotonic()
    spoken = next((each for each in _ASKED if each in interfaces), None)
    where = f"{probe.address}:{probe.port}{probe.path or ''}"
    try:
        saw, detail = _over_http(probe, seconds) if probe.path is not None else _over_tcp(probe, spoken, seconds)
    except (TimeoutError, requests.Timeout):
        return "timed-out", f"{where} has said nothing within {seconds:g} s"
    except ConnectionRefusedError:
        return "refused", f"nobody listens at {where}"
    except (OSError, requests.RequestException) as error:
        refused = "refused" in str(error).lower()
        return ("refused", f"nobody listens at {where}") if refused else ("failed", f"{where}: {type(error).__name__}")
    took = time.monotonic() - began
    if saw == "ok" and took > SLOW_SECONDS:
        return "slow", f"{where} took {took:.1f} s"
    return saw, f"{where} {detail}"


def _over_http(probe: ReadyProbe, seconds: float) -> tuple[Sight, str]:
    url = f"http://{probe.address}:{probe.port}{probe.path}"
    status = requests.get(url, timeout=seconds, allow_redirects=False).status_code
    return "ok" if status in probe.statuses else "failed", f"answers with status {status}"


def _over_tcp(probe: ReadyProbe, spoken: str | None, seconds: float) -> tuple[Sight, str]:
    with socket.create_connection((probe.address, probe.port), timeout=seconds) as connection:
        if spoken is None:
            return "ok", "accepts connections"
        connection.sendall(_ASKED[spoken])
        answer = connection.recv(512)
    if not answer:
        return "failed", "closes the connection"
    # Four bytes of a packet's head, then what kind it is, then for an error its number.
    if spoken == "mysql-shared" and len(answer) > 6 and answer[4] == MYSQL_ERROR:
        number = int.from_bytes(answer[5:7], "little")
        return "too-many" if number == TOO_MANY_CONNECTIONS else "failed", f"answers with error {number}"
    return "ok", "answers"
