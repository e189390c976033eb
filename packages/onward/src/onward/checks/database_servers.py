"""Whether each database server answers, in which version, takes writes, keeps up and has room. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from onward.catalog.database import OldestServers
from onward.checks.database_seen import DatabaseServer, Unseen
from onward.checks.finding import Finding, unclear
from onward.checks.replication import is_replica

_FULL_PART = 0.9
"""Of max_connections. Services that are started again all connect anew."""
_WORDS = {
    "refused": "nobody listens there",
    "silent": "it accepts the connection and says nothing: stopped, overloaded, or its disk hangs",
    "unreachable": "there is no way there from here",
    "full": "it has no connection left (max_connections)",
    "login": "it answers, and does not let the account in",
    "broken": "the connection broke",
}
_WAYS_OUT = {
    "refused": "on that machine: systemctl status mariadb; journalctl -u mariadb -n 50",
    "silent": "on that machine: systemctl status mariadb; ps -o pid,stat,wchan:20,cmd -C mariadbd; journalctl -k -n 50",
    "unreachable": "ping it; compare its address with [database] connection and infrastructure.database.nodes",
    "full": "see who has them: SHOW PROCESSLIST; as an administrator: SET GLOBAL max_connections = ...",
    "login": "compare [database] connection with the server's accounts: SELECT user, host FROM mysql.user",
    "broken": "on that machine: journalctl -u mariadb -n 50",
}


def server_findings(servers: Sequence[DatabaseServer]) -> list[Finding]:
    """What is to be said of each server by itself, whatever it is part of."""
    there = [each for each in servers if each.answers]
    findings = _reachable(servers)
    if there:
        findings += _writable(there)
        findings += one_by_one("database connections", there, _short_of_connections, "there are connections left")
        findings += _room(there)
    for each in there:
        findings += [unclear("database servers", what, _WAYS_OUT["broken"], each.node) for what in each.unread]
    return findings


def one_by_one(
    name: str,
    servers: Sequence[DatabaseServer],
    judge: Callable[[DatabaseServer], Iterable[Finding]],
    well: str,
) -> list[Finding]:
    """What is wrong with some of them or, in one line, that nothing is with any."""
    wrong = [finding for each in servers for finding in judge(each)]
    return wrong or [Finding(name, "pass", f"{well}: {nodes_of(servers)}")]


def nodes_of(servers: Iterable[DatabaseServer]) -> str:
    """Their names, for people."""
    return ", ".join(each.node for each in servers)


def version_findings(servers: Sequence[DatabaseServer], oldest: OldestServers | None, target: str) -> list[Finding]:
    """Whether all are of one version, and of one that the target supports, where that is documented."""
    name = "database version"
    there = [each for each in servers if each.answers and each.release]
    if not there:
        return []
    versions = {each.node: each.version for each in there}
    findings = []
    for each in there:
        least = _oldest(each, oldest)
        if oldest is not None and each.release < tuple(int(part) for part in least.split(".")):
            said = f"{each.version}; {target} supports {each.product} {least} and later ({oldest.source})"
            way = f"take the servers to a later {each.product} first, with a backup: mariadb-upgrade"
            findings.append(Finding(name, "warn", said, way, each.node))
    if len({each.release for each in there}) > 1:
        said = "; ".join(f"{node}: {version}" for node, version in versions.items())
        findings.append(Finding(name, "warn", f"not all are of one version: {said}", "finish their upgrade first"))
    bound = f"; {target} supports it" if oldest else ""
    return findings or [Finding(name, "pass", f"{there[0].version}{bound}: {nodes_of(there)}")]


def _oldest(server: DatabaseServer, oldest: OldestServers | None) -> str:
    if oldest is None:
        return ""
    return oldest.mariadb if server.product == "MariaDB" else oldest.mysql


def trigger_findings(servers: Sequence[DatabaseServer], moved: Mapping[str, bool]) -> list[Finding]:
    """Whether a migration may create triggers; ``moved`` says by service whether one of them might.

    With the binary log on, the server refuses them (error 1419) to accounts without SUPER or BINLOG ADMIN, unless
    log_bin_trust_function_creators is ON (MySQL's manual, "Stored Program Binary Logging").
    """
    name = "triggers and the binary log"
    there = [each for each in servers if each.answers and "log_bin" in each.variables]
    might = ", ".join(service for service, creates in moved.items() if creates)

    def judge(server: DatabaseServer) -> Iterable[Finding]:
        refused = [account for account, may in server.grants.items() if not may]
        if _on(server, "log_bin") and not _on(server, "log_bin_trust_function_creators") and refused:
            yield Finding(
                name,
                "warn",
                "log_bin is ON, log_bin_trust_function_creators is OFF, and neither SUPER nor BINLOG ADMIN is granted"
                f" to {', '.join(refused)}: a migration that creates a trigger is refused (error 1419);"
                f" whether one does is not known of {might}",
                "for the time of the upgrade, on every node: SET GLOBAL log_bin_trust_function_creators = 1;",
                server.node,
            )

    if not there:
        return []
    if not might:
        return [Finding(name, "pass", f"no migration on the way creates a trigger: {', '.join(moved)}")]
    return one_by_one(name, there, judge, "triggers may be created")


def _reachable(servers: Sequence[DatabaseServer]) -> list[Finding]:
    def judge(server: DatabaseServer) -> Iterable[Finding]:
        if server.no_answer is not None:
            yield Finding(
                "database servers",
                "could-not-tell" if server.no_answer == "login" else "fail",
                f"{_WORDS[server.no_answer]} ({server.words})",
                _WAYS_OUT[server.no_answer],
                server.node,
            )

    return one_by_one("database servers", servers, judge, "answer")


def _on(server: DatabaseServer, variable: str) -> bool:
    return server.variables.get(variable, "OFF").upper() not in ("OFF", "0", "")


def _writable(servers: Sequence[DatabaseServer]) -> list[Finding]:
    """A replica takes no writes, and is meant not to; one that does must be among them."""
    name = "database writable"
    writable = [each for each in servers if not _read_only(each)]
    replicas = [each for each in servers if is_replica(each) and _read_only(each)] if writable else []

    def judge(server: DatabaseServer) -> Iterable[Finding]:
        on = _read_only(server)
        if not on:
            return
        said = f"{' and '.join(f'{each} is {server.variables[each]}' for each in on)}: writes are refused there"
        way = "find out who set it, and why; then: " + " ".join(f"SET GLOBAL {each} = OFF;" for each in reversed(on))
        if "innodb_read_only" in on:
            way = "take innodb_read_only out of its configuration, and start it anew"
        yield Finding(name, "fail", said, way, server.node)

    well = "read_only is OFF" if not replicas else f"read_only is OFF on all but the replicas ({nodes_of(replicas)})"
    return one_by_one(name, [each for each in servers if each not in replicas], judge, well)


def _read_only(server: DatabaseServer) -> list[str]:
    return [name for name in ("read_only", "super_read_only", "innodb_read_only") if _on(server, name)]


def _short_of_connections(server: DatabaseServer) -> Iterable[Finding]:
    used, most = server.status.get("threads_connected"), server.variables.get("max_connections")
    if used and most and int(used) >= _FULL_PART * int(most):
        said = f"{used} of {most} connections are in use (max_connections)"
        way = "SELECT user, COUNT(*) FROM information_schema.processlist GROUP BY user;"
        yield Finding("database connections", "warn", said, way, server.node)


def _room(servers: Sequence[DatabaseServer]) -> list[Finding]:
    name = "database disk"
    findings, blind = [], []
    for server in servers:
        if isinstance(server.free_bytes, Unseen):
            blind.append((server.node, server.free_bytes.why))
            continue
        largest = max(server.table_bytes.items(), key=lambda item: item[1], default=("no table", 0))
        whole = sum(server.table_bytes.values())
        said = (
            f"{_size(server.free_bytes)} free; the services' tables take {_size(whole)},"
            f" the largest, {largest[0]}, {_size(largest[1])}"
        )
        if server.free_bytes < largest[1]:
            why = "a migration that writes it anew would fill the disk"
            findings.append(Finding(name, "fail", f"{said}: {why}", "make room on that disk first", server.node))
        elif server.free_bytes < whole:
            findings.append(Finding(name, "warn", said, "make room for a second copy of them", server.node))
        else:
            findings.append(Finding(name, "pass", said, about=server.node))
    if blind:
        nodes = ", ".join(node for node, _ in blind)
        way = "on each machine: df -h /var/lib/mysql"
        findings.append(
            Finding(name, "not-checked", f"{'; '.join(dict.fromkeys(why for _, why in blind))}: {nodes}", way)
        )
    return findings


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"
