"""The message broker that the services' configuration names, or the cloud file."""

import time
from collections.abc import Iterator, Mapping, Sequence

from onward.catalog.rabbitmq import rabbitmq
from onward.checks.broker import MANAGEMENT, login_findings, management_findings
from onward.checks.broker_queues import queue_findings
from onward.checks.broker_release import release_findings
from onward.checks.certificates import Trust, certificate_findings
from onward.checks.finding import Finding, finding_of
from onward.errors import OnwardError
from onward.model.broker import BrokerObservation
from onward.observe.broker import ManagementAccess, observe_broker
from onward.observe.certificates import Server, observe_certificates
from onward.observe.transport_url import BrokerHost, Tls, Transport, transports
from onward.survey.checks.context import CheckContext

MANAGEMENT_PORT = 15672
NAME = "message broker"
_TRUST = Trust("broker certificate", "[oslo_messaging_rabbit] ssl_ca_file")


def broker(context: CheckContext) -> Iterator[Finding]:
    """Whether the cluster is whole, takes the services' credentials, and carries what is in it."""
    found: dict[str, tuple[Transport, ...]] = {}
    for service in context.configured:
        try:
            found[service] = transports(context.settings(service))
        except OnwardError as error:
            yield finding_of(NAME, error, about=service)
    for service, each in found.items():
        for transport in each:
            for secret in transport.secrets:
                context.secrets.register(secret)
            if not transport.is_rabbitmq and transport.kind != "none":
                why = f"its transport is {transport.kind}, and only RabbitMQ is looked at"
                yield Finding(NAME, "not-checked", why, about=service)
    logins = _logins(found)
    try:
        access = _access(context, logins)
    except OnwardError as error:
        yield finding_of(MANAGEMENT, error)
        access = ManagementAccess((), ())
    if logins or access.urls:
        yield from _seen(observe_broker(access, logins), context)
        yield from _certificates(logins)
    elif len(found) == len(context.configured):
        yield Finding(NAME, "not-checked", "no service names one (transport_url), nor does the cloud file")


def _logins(found: Mapping[str, Sequence[Transport]]) -> dict[BrokerHost, list[str]]:
    """The services' names by server and credentials."""
    logins: dict[BrokerHost, list[str]] = {}
    for service, each in found.items():
        for host in dict.fromkeys(host for transport in each if transport.is_rabbitmq for host in transport.hosts):
            logins.setdefault(host, []).append(service)
    return logins


def _seen(seen: BrokerObservation, context: CheckContext) -> Iterator[Finding]:
    yield from login_findings(seen.logins)
    yield from management_findings(seen)
    yield from queue_findings(seen)
    yield from release_findings(seen, rabbitmq(), context.target.id if context.target else None)


def _certificates(logins: Mapping[BrokerHost, Sequence[str]]) -> Iterator[Finding]:
    """The certificates that the servers show to the services; these do not look at the names (amqp/transport.py)."""
    by_tls: dict[Tls, dict[Server, None]] = {}
    for host in logins:
        if host.tls is not None:
            by_tls.setdefault(host.tls, {})[host.host, host.port] = None
    for tls, servers in by_tls.items():
        own = (tls.certificate, tls.key) if tls.certificate else None
        seen = observe_certificates(servers, tls.authorities or False, names_matter=False, own=own)
        yield from certificate_findings(seen, time.time(), _TRUST)


def _access(context: CheckContext, logins: dict[BrokerHost, list[str]]) -> ManagementAccess:
    """How the management API is asked: what the cloud file says; else each host, with the services' own credentials.

    Raises SecretUnavailable.
    """
    said = context.infrastructure.broker
    hosts = dict.fromkeys(f"[{each.host}]" if ":" in each.host else each.host for each in logins)
    urls = said.management or tuple(f"http://{host}:{MANAGEMENT_PORT}" for host in hosts)
    users = dict.fromkeys((each.user, each.password) for each in logins)
    if said.user is not None or said.password is not None:
        name = said.user or next((user for user, _ in users), "guest")
        # Nobody's password is tried with another's name.
        password = context.secret(said.password) if said.password is not None else dict(users).get(name, "")
        users = {(name, password): None}
    authorities = next((each.tls.authorities for each in logins if each.tls and each.tls.authorities), None)
    return ManagementAccess(urls, tuple(users), authorities or True)
