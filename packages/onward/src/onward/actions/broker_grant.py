"""Give an application a virtual host of the broker, and a user who may use this and nothing else."""

from typing import Any
from urllib.parse import quote

import requests

from onward.actions.deployment import store_of
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.state import Directories
from onward.plan.deployment.grant import GrantWish

SECONDS = 30.0


class GrantBroker:
    """``broker.grant``: a virtual host, a user, and the right to use it, over the management API.

    https://www.rabbitmq.com/docs/3.10/management: PUT makes what is not there, and leaves alone what is. The argument
    ``wants`` has ``vhost`` and ``user``. Evidence: both.
    """

    name = "broker.grant"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Make what is missing. Raises StepFailed when the broker refuses or does not answer."""
        wish = GrantWish.model_validate(context.step.arguments)
        secrets = store_of(self._directories, context).secrets()
        vhost, user = wish.wants["vhost"], wish.wants["user"]
        base = f"http://{wish.address}:{wish.ports['management']}/api"
        host = quote(vhost, safe="")
        with requests.Session() as session:
            session.auth = ("onward", secrets[f"{wish.provider}/administrator"])
            for path, body in (
                (f"vhosts/{host}", {}),
                (f"users/{user}", {"password": secrets[wish.secret], "tags": ""}),
                (f"permissions/{host}/{user}", {"configure": ".*", "write": ".*", "read": ".*"}),
            ):
                _put(context, session, f"{base}/{path}", body)
        return {"vhost": vhost, "user": user}


def _put(context: StepContext, session: requests.Session, url: str, body: dict[str, Any]) -> None:
    try:
        answer = session.put(url, json=body, timeout=SECONDS)
        said = "" if answer.ok else f"{answer.status_code} {answer.text[:300]}"
    except requests.RequestException as error:
        said = str(error)
    if said:
        raise StepFailed(
            f"{context.step.target}: the broker refuses.",
            evidence=f"PUT {url}: {said}",
            next_command=f"onward runs resume {context.run_id}",
        )
