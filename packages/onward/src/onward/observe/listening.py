"""Whether something serves: asked once, with a short timeout."""

import socket

import requests

from onward.model.deployment import ReadyProbe

ANSWER_SECONDS = 5.0


def answers(probe: ReadyProbe) -> bool:
    """Whether it accepts a connection and, where there is a path, answers with one of the statuses."""
    if probe.path is None:
        return accepts(probe.address, probe.port)
    try:
        answer = requests.get(
            f"http://{probe.address}:{probe.port}{probe.path}", timeout=ANSWER_SECONDS, allow_redirects=False
        )
    except requests.RequestException:
        return False
    return answer.status_code in probe.statuses


def accepts(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((address, port), timeout=ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def status_of(url: str) -> int | str:
    """The HTTP status of an address, or in words why there is none."""
    try:
        return requests.get(url, timeout=ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
