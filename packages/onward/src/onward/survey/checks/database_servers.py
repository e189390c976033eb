"""The database servers below the services: all of their nodes, looked at with the services' own accounts."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import URL

from onward.catalog.load import may_create_triggers, oldest_servers, recipe
from onward.checks.database_activity import activity_findings
from onward.checks.database_servers import server_findings, trigger_findings, version_findings
from onward.checks.finding import Finding, finding_of
from onward.checks.galera import galera_findings
from onward.checks.replication import replication_findings
from onward.errors import OnwardError
from onward.hosts.user import own_name
from onward.observe.database import backend_of, database_url
from onward.observe.database_servers import observe_servers
from onward.survey.checks.context import NO_DATABASE, CheckContext

_PORT = 3306


@dataclass
class _Wanted:
    """What the services' configuration says of their databases."""

    urls: list[URL] = field(default_factory=list)
    databases: set[str] = field(default_factory=set)
    services: list[str] = field(default_factory=list)


def database_servers(context: CheckContext) -> Iterator[Finding]:
    """Whether the servers are all there, well, and fit to have tables changed."""
    wanted = _Wanted()
    for service in context.services:
        yield from _collect(context, service, wanted)
    if not wanted.urls:
        return
    servers = observe_servers(_accounts(context, wanted), wanted.databases)
    yield from server_findings(servers)
    yield from galera_findings(servers, _expected(context))
    yield from replication_findings(servers)
    yield from activity_findings(servers, wanted.databases)
    target = context.target
    oldest = oldest_servers(target.id) if target is not None else None
    yield from version_findings(servers, oldest, target.id if target is not None else "")
    if target is not None:
        yield from trigger_findings(servers, {each: _creates_triggers(context, each) for each in wanted.services})


def _collect(context: CheckContext, service: str, wanted: _Wanted) -> Iterator[Finding]:
    """Add what one service says. Yields what stands in the way of that."""
    if not recipe(service).connections:
        yield Finding("database servers", "not-checked", NO_DATABASE, about=service)
        return
    try:
        urls = [context.database_url(service), *_further(context, service)]
        kinds = {backend_of(url) for url in urls}
    except OnwardError as error:
        yield finding_of("database servers", error, about=service)
        return
    if kinds == {"sqlite"}:
        yield Finding("database servers", "not-checked", "its database is a file of SQLite", about=service)
        return
    wanted.services.append(service)
    wanted.urls += [url for url in urls if url not in wanted.urls]
    wanted.databases |= {url.database for url in urls if url.database}


def _further(context: CheckContext, service: str) -> Iterator[URL]:
    """Where the service's other databases are: those of nova's cells and API. Raises UnreadableConfig."""
    for group, name in recipe(service).connections[1:]:
        text = context.settings(service).text(group, name)
        if not text:
            continue
        try:
            url = database_url(text)
        except ValueError:
            continue  # the service's own check stumbles over it
        context.secrets.register(url.password)
        yield url


def _accounts(context: CheckContext, wanted: _Wanted) -> dict[str, list[URL]]:
    """By node, with which accounts it can be looked at."""
    nodes = context.infrastructure.database.nodes
    accounts: dict[str, list[URL]] = {node: [] for node in nodes}
    for url in wanted.urls:
        for node, there in _places(url, nodes):
            known = accounts.setdefault(node, [])
            if all((each.username, each.password) != (there.username, there.password) for each in known):
                known.append(there)
    for node, socket in context.infrastructure.database.sockets.items():
        here = URL.create("mysql+pymysql", username=own_name(), host="localhost", query={"unix_socket": socket})
        accounts.setdefault(node, []).append(here)
    return accounts


def _places(url: URL, nodes: tuple[str, ...]) -> Iterator[tuple[str, URL]]:
    """The servers that hold the database of a URL: all nodes of the cloud file or, without any, the one it names."""
    for node in nodes:
        host, _, port = node.rpartition(":")
        there = url.set(host=host.strip("[]"), port=int(port)).difference_update_query(["unix_socket"])
        yield node, there
    if not nodes:
        socket = url.query.get("unix_socket")
        host = url.host or "localhost"
        yield str(socket or f"{f'[{host}]' if ':' in host else host}:{url.port or _PORT}"), url


def _expected(context: CheckContext) -> int | None:
    """How many nodes a cluster should have, where the cloud file says it. Behind one address may be several."""
    database = context.infrastructure.database
    return database.cluster_size or len(database.nodes) or None


def _creates_triggers(context: CheckContext, service: str) -> bool:
    """Whether a migration on the way may create a trigger; also where the way is not known."""
    try:
        path = context.path(service)
    except OnwardError:
        return True
    return may_create_triggers(service, [each.id for each in path[1:]])
