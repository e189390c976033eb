"""Whether servers that replicate from another, outside of Galera, keep up. Pure."""

from collections.abc import Mapping, Sequence

from onward.checks.database_seen import DatabaseServer, Unseen
from onward.checks.finding import Finding, unclear

NAME = "replication"
LAG_WARN_SECONDS = 30
"""A replica that is further behind would be a poor place to go back to."""


def is_replica(server: DatabaseServer) -> bool:
    """Whether it replicates from another server, as far as can be seen.

    To an account that may not ask, a replica that was stopped looks like a server that is none.
    """
    if not isinstance(server.replication, Unseen):
        return bool(server.replication)
    running = server.status.get("slaves_running", "0") not in ("", "0") or _is("ON", server.status.get("slave_running"))
    return running or any(each.user == "system user" and "Slave" in each.command for each in server.connections)


def replication_findings(servers: Sequence[DatabaseServer]) -> list[Finding]:
    """What is to be said of each source of each replica."""
    findings = []
    for server in servers:
        if not isinstance(server.replication, Unseen):
            findings += [_source(server.node, each) for each in server.replication]
        elif is_replica(server):
            why = f"it replicates from another server, and does not show how: {server.replication.why}"
            findings.append(unclear(NAME, why, server.replication.way_out, server.node))
    if findings or not any(each.answers for each in servers):
        return findings
    return [Finding(NAME, "not-checked", "no server replicates from another outside of Galera")]


def _is(word: str, value: str | None) -> bool:
    return (value or "").upper() == word.upper()


def _source(node: str, source: Mapping[str, str]) -> Finding:
    of = f"from {source.get('master_host', '?')}:{source.get('master_port', '?')}"
    parts = ("Slave_IO_Running", "Slave_SQL_Running")
    stopped = [f"{part} is {source.get(part.lower())}" for part in parts if not _is("YES", source.get(part.lower()))]
    if stopped:
        error = source.get("last_sql_error") or source.get("last_io_error") or "no error is given: somebody stopped it"
        way = "SHOW REPLICA STATUS; when what it says is mended: START REPLICA;"
        return Finding(NAME, "fail", f"{of}: {', '.join(stopped)}; {error}", way, node)
    behind = source.get("seconds_behind_master", "")
    if not behind.isdigit():
        return unclear(NAME, f"{of}: it does not say how far it is behind", "SHOW REPLICA STATUS;", node)
    if int(behind) > LAG_WARN_SECONDS:
        way = "wait until it has caught up: SHOW REPLICA STATUS;"
        return Finding(NAME, "warn", f"{of}: {behind} s behind", way, node)
    return Finding(NAME, "pass", f"{of}: {behind} s behind", about=node)
