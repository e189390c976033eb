"""Who calls the APIs of a cloud while something happens to it: each call on a connection of its own."""

import requests

from onward.actions.waiting import wait_until
from onward.engine.action import StepContext
from onward.observe.availability import Watch
from onward.observe.keystone_login import password_login

CALL_SECONDS = 10.0
"""A caller gives up a call after that, and calls it failed."""
BACK_SECONDS = 300.0


def ask(url: str, token: str) -> None:
    """One call with a token. Raises requests.RequestException."""
    requests.get(url, headers={"X-Auth-Token": token}, timeout=CALL_SECONDS).raise_for_status()


def log_in(url: str, user: str, password: str, project: str) -> str:
    """A new token, which is a secret; ``url`` is Keystone's, with /v3. Raises requests.RequestException."""
    body = password_login(user, password, project)
    answer = requests.post(f"{url}/auth/tokens", json=body, timeout=CALL_SECONDS)
    answer.raise_for_status()
    return str(answer.headers["X-Subject-Token"])


def until_all_answer(context: StepContext, watch: Watch, since: float) -> None:
    """Return when every caller has had a good answer to a call that began after that time. Raises UnitNotReady."""
    wait_until(
        context,
        lambda: {name: watch.last_good(name) or watch.last_failure(name) for name in watch.names()},
        lambda seen: all(isinstance(last, float) and last > since for last in seen.values()),
        seconds=BACK_SECONDS,
        stopped="Stopped while the APIs were being called.",
        failed="An API does not answer as it should.",
    )
