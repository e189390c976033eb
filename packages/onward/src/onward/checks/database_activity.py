"""Whether something goes on in the database servers that a migration would have to wait for. Pure."""

from collections.abc import Collection, Iterable, Sequence

from onward.checks.database_seen import Connection, DatabaseServer, Transaction, Unseen
from onward.checks.database_servers import nodes_of, one_by_one
from onward.checks.finding import Finding, Result

LONG_SECONDS = 10
"""Services' transactions take fractions of a second. One that is open for so long holds up whatever changes a table
that it has read, and through that everybody who uses the table afterwards."""
_LOCK_SECONDS = 5
"""Shorter waits are daily life."""
_METADATA_LOCKS = ("Waiting for table metadata lock", "Waiting for schema metadata lock", "Waiting for table flush")
_IN_ISOLATION = "Waiting to execute in isolation"
"""A change of a table that all nodes of a Galera cluster carry out at the same place. MariaDB shows this state also
while it waits for the table's lock."""
_MOST_NAMED = 5
_APPLIER = "system user"
"""Whoever carries out what came from other servers, in Galera and in replication."""
_SYSTEM = (_APPLIER, "event_scheduler")


def activity_findings(servers: Sequence[DatabaseServer], databases: Collection[str]) -> list[Finding]:
    """What is to be said of open transactions and locks on the services' ``databases``."""
    there = [each for each in servers if each.answers]
    if not there:
        return []
    open_to_all = [each for each in there if not isinstance(each.transactions, Unseen)]
    findings = [finding for name in ("long transactions", "locks") for finding in _unseen(name, there)]

    def long_ones(server: DatabaseServer) -> Iterable[Finding]:
        return (_long(server, each) for each in _transactions(server, databases) if each.seconds >= LONG_SECONDS)

    def waits(server: DatabaseServer) -> Iterable[Finding]:
        yield from _metadata_waits(server, databases)
        yield from _row_waits(server, databases)

    if open_to_all:
        well = f"none is open for {LONG_SECONDS} s or longer"
        findings += one_by_one("long transactions", open_to_all, long_ones, well)
        findings += one_by_one("locks", open_to_all, waits, "nobody waits for one")
    for each in there:
        if each not in open_to_all:
            findings += waits(each)
    return findings


def _unseen(name: str, servers: Sequence[DatabaseServer]) -> Iterable[Finding]:
    """One finding for each reason, however many nodes share it: what is granted on one is granted on all."""
    reasons: dict[Unseen, list[DatabaseServer]] = {}
    for server in servers:
        if isinstance(server.transactions, Unseen):
            reasons.setdefault(server.transactions, []).append(server)
    for reason, nodes in reasons.items():
        said = f"what other accounts do could not be seen on {nodes_of(nodes)}: {reason.why}"
        # Every cloud whose accounts have only what they need would be stopped, were this no warning.
        result: Result = "warn" if reason.withheld else "could-not-tell"
        yield Finding(name, result, said, reason.way_out, nodes[0].node if len(nodes) == 1 else "")


def _transactions(server: DatabaseServer, databases: Collection[str]) -> list[Transaction]:
    if isinstance(server.transactions, Unseen):
        return []
    return [each for each in server.transactions if _concerns(each.connection, databases)]


def _concerns(connection: Connection, databases: Collection[str]) -> bool:
    """Whether it may use the services' tables. Without a database of its own, it may use any."""
    return connection.user not in _SYSTEM and (not connection.database or connection.database in databases)


def _doing(connection: Connection) -> str:
    state = f", {connection.state}" if connection.state else ""
    verb = f" {connection.verb}" if connection.verb else ""
    return f"{connection.command or 'unknown'}{verb} for {connection.seconds} s{state}"


def _described(transaction: Transaction) -> str:
    connection = transaction.connection
    database = f" on {connection.database}" if connection.database else ""
    return (
        f"{connection.who}{database}: open for {transaction.seconds} s, {_doing(connection)};"
        f" {transaction.rows_locked} rows locked, {transaction.rows_changed} changed"
    )


def _kill(connection: Connection) -> str:
    """The way out; whether it is taken is for people to say."""
    return f"find out what it is for; if nobody needs it: KILL {connection.thread};"


def _long(server: DatabaseServer, transaction: Transaction) -> Finding:
    name = "long transactions"
    if not transaction.connection.thread:
        said = f"a prepared XA transaction has been open for {transaction.seconds} s, and no connection holds it"
        return Finding(name, "warn", said, "XA RECOVER; then: XA ROLLBACK '...';", server.node)
    meets = "would end it (error 1213)" if server.clustered else "would wait for it"
    said = f"{_described(transaction)}; a migration of a table that it has used {meets}"
    return Finding(name, "warn", said, _kill(transaction.connection), server.node)


def _metadata_waits(server: DatabaseServer, databases: Collection[str]) -> Iterable[Finding]:
    """Whoever waits to change a table lets nobody past: all who come to it afterwards wait as well."""
    waiting = [
        each for each in server.connections if _held_up(each) and (each.user == _APPLIER or _concerns(each, databases))
    ]
    if not waiting:
        return
    first = max(waiting, key=lambda each: each.seconds)
    holders = [
        each
        for each in _transactions(server, databases)
        if each.connection.thread != first.thread and each.seconds >= first.seconds and each.connection.thread
    ]
    said = f"{_waiter(first)} has waited for {first.seconds} s for a table, {first.state}"
    if len(waiting) > 1:
        said += f"; {len(waiting) - 1} more wait with it"
    if holders:
        said += "; it waits for " + " or ".join(_described(each) for each in holders)
        way = "find out what they are for; if nobody needs them: " + " ".join(
            f"KILL {each.connection.thread};" for each in holders
        )
    else:
        idle = _idle_since(server, first, databases)
        said += "; who holds the lock, the server does not show"
        said += f"; idle since before it: {', '.join(each.who for each in idle)}" if idle else ""
        way = "find out which of the idle ones has locked tables, and end it: KILL ...;"
    yield Finding("locks", "fail", said, way, server.node)


def _waiter(connection: Connection) -> str:
    if connection.user == _APPLIER:
        return f"thread {connection.thread}, which applies what other servers have written,"
    return f"{connection.who}, {connection.verb or connection.command},"


def _held_up(connection: Connection) -> bool:
    """Whether it waits for the lock of a table."""
    if connection.state not in (*_METADATA_LOCKS, _IN_ISOLATION):
        return False
    # A change of a table that waits for its lock keeps everybody else waiting from the first moment on.
    at_once = connection.state != _IN_ISOLATION and connection.user != _APPLIER
    return at_once or connection.seconds >= _LOCK_SECONDS


def _idle_since(server: DatabaseServer, first: Connection, databases: Collection[str]) -> list[Connection]:
    """Who may have locked the table (LOCK TABLES) and gone away. The longest first, and not more than can be read."""
    idle = [
        each
        for each in server.connections
        if each.command == "Sleep" and each.seconds >= first.seconds and each.database and _concerns(each, databases)
    ]
    return sorted(idle, key=lambda each: -each.seconds)[:_MOST_NAMED]


def _row_waits(server: DatabaseServer, databases: Collection[str]) -> Iterable[Finding]:
    known = _transactions(server, databases)
    for each in known:
        if each.waiting_seconds is None or each.waiting_seconds < _LOCK_SECONDS:
            continue
        blockers = [other for other in known if other.connection.thread in each.blocked_by]
        table = f" in {each.table}" if each.table else ""
        said = f"{each.connection.who} has waited for {each.waiting_seconds} s for rows{table}"
        if blockers:
            said += "; they are held by " + " and ".join(_described(other) for other in blockers)
            way = _kill(blockers[0].connection)
        else:
            said += "; who holds them, the server does not show"
            way = "SHOW ENGINE INNODB STATUS;"
        yield Finding("locks", "warn", said, way, server.node)
