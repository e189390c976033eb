"""Give an application a virtual host of the broker, and a user who may use this and nothing else; take both away."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import requests

from onward.actions.deployment.noted import Withdrawal, elsewhere, provider_of, store_of
from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.plan.deployment.grant import GrantWish

CONNECT_SECONDS = 10.0
SECONDS = 150.0
"""For an answer, and for all nodes to have a virtual host: three took more than 30 s on a machine that had ten times as
much to do as it had processors for."""
_RUNNING = "running"


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
        password = store_of(self._directories, context).secrets()[wish.secret]
        vhost, user = wish.wants["vhost"], wish.wants["user"]
        host = quote(vhost, safe="")
        broker = _Broker(context, wish, provider_of(self._directories, context, wish))
        self._make(context, broker, f"vhosts/{host}")
        broker.ask("PUT", f"users/{user}", {"password": password, "tags": ""})
        broker.ask("PUT", f"permissions/{host}/{user}", {"configure": ".*", "write": ".*", "read": ".*"})
        return {"vhost": vhost, "user": user, **elsewhere(context, wish)}

    def _make(self, context: StepContext, broker: "_Broker", host: str) -> None:
        """A virtual host that all nodes run. The broker gives up waiting for slow ones, some of which then never do.

        https://www.rabbitmq.com/docs/3.10/vhosts: cluster_state, restarting a virtual host. Raises StepFailed.
        """
        try:
            broker.ask("PUT", host, {})
        except StepFailed:
            if not broker.known(host):
                raise
        if all(state == _RUNNING for state in broker.known(host).values()):
            return
        context.progress(f"{context.step.target}: waiting until all nodes run the virtual host")

        def look() -> Mapping[str, str]:
            nodes = broker.known(host)
            for node in (name for name, state in nodes.items() if state != _RUNNING):
                broker.start(host, node)
            return broker.known(host)

        wait_until(
            context,
            look,
            lambda nodes: bool(nodes) and all(state == _RUNNING for state in nodes.values()),
            seconds=SECONDS,
            stopped="Stopped while the broker made a virtual host.",
            failed="Not all nodes of the broker run the virtual host.",
        )


class WithdrawBroker(Withdrawal):
    """``broker.withdraw``: the virtual host with its queues, and the user."""

    name = "broker.withdraw"

    def withdraw(self, context: StepContext, wish: GrantWish, provider: ModelStore) -> list[str]:
        """Remove what is there."""
        broker, vhost, user = _Broker(context, wish, provider), wish.wants["vhost"], wish.wants["user"]
        broker.ask("DELETE", f"vhosts/{quote(vhost, safe='')}")
        broker.ask("DELETE", f"users/{user}")
        return [f"virtual host {vhost}", f"user {user}"]


class _Broker:
    """The management API, as its administrator."""

    def __init__(self, context: StepContext, wish: GrantWish, provider: ModelStore) -> None:
        self._context = context
        self._base = f"http://{wish.address}:{wish.ports['management']}/api"
        self._login = ("onward", provider.secrets()[f"{wish.provider}/administrator"])

    def known(self, host: str) -> dict[str, str]:
        """How each node has the virtual host; nothing where there is none, or the broker does not say."""
        try:
            answer = requests.get(f"{self._base}/{host}", auth=self._login, timeout=(CONNECT_SECONDS, SECONDS))
            return {str(node): str(state) for node, state in answer.json().get("cluster_state", {}).items()}
        except (requests.RequestException, ValueError, AttributeError):
            return {}

    def start(self, host: str, node: str) -> None:
        """Have a node begin to run the virtual host; what comes of it is seen in what is known of it."""
        url = f"{self._base}/{host}/start/{quote(node, safe='')}"
        with suppress(requests.RequestException):
            requests.post(url, auth=self._login, timeout=(CONNECT_SECONDS, SECONDS))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Ask it; what shall go and is not there is well. Raises StepFailed."""
        try:
            answer = requests.request(
                method, f"{self._base}/{path}", json=body, auth=self._login, timeout=(CONNECT_SECONDS, SECONDS)
            )
            gone = method == "DELETE" and answer.status_code == requests.codes.not_found
            said = "" if answer.ok or gone else f"{answer.status_code} {answer.text[:300]}"
        except requests.RequestException as error:
            said = str(error)
        if said:
            raise StepFailed(
                f"{self._context.step.target}: the broker refuses.",
                evidence=f"{method} {self._base}/{path}: {said}",
                next_command=f"onward runs resume {self._context.run_id}",
            )
