"""What is to be said of processes that report, or no longer do. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from onward.checks.finding import Finding, unclear
from onward.model.heartbeats import Reporter, Reporters

REPORTING = "services reporting"
DOWN = "services down"
STALE = "stale services"
DISABLED = "disabled services"
VERSIONS = "service versions"
TWICE = "services registered twice"

STALE_SECONDS = 3 * 86400.0
"""Who was not seen for longer is taken for gone; a host that is repaired over a weekend is not."""
_MOST_NAMED = 10


@dataclass(frozen=True)
class Least:
    """What the API of a series wants of other processes before it starts."""

    series: str
    version: int
    kind: str
    ignored: bool
    """It is told to start all the same."""
    option: str
    """What tells it so, as people write it."""


def reporter_findings(
    service: str, seen: Sequence[Reporters], remove: str, least: Least | None = None, *, once: bool = False
) -> Iterator[Finding]:
    """Who reports, who is down, who was left behind, and who is too old for the series that is moved to.

    ``remove`` is the command that removes a row, with {id}, {kind} and {host}. ``once``: there should be one row for a
    kind and a host.
    """
    for each in seen:
        if each.failure:
            about = f"{service} {each.place}".strip()
            yield unclear(REPORTING, f"{each.place or 'its database'}: {each.failure}", each.way_out, about)
    rows = [row for each in seen for row in each.rows]
    wanted = [row for row in rows if not _on_purpose(row)]
    gone = [row for row in wanted if _late(row) and _age(row) > STALE_SECONDS]
    down = [row for row in wanted if _late(row) and row not in gone]
    if rows and len(down) + len(gone) < len(wanted):
        yield Finding(REPORTING, "pass", _counted(row for row in wanted if not _late(row)), about=service)
    elif not rows and not any(each.failure for each in seen):
        yield Finding(REPORTING, "not-checked", "no process has registered in its database", about=service)
    for row in down:
        yield _down(row)
    if gone:
        yield _stale(service, gone, remove)
    if on_purpose := [row for row in rows if _on_purpose(row)]:
        yield Finding(DISABLED, "pass", "; ".join(_purpose(row) for row in on_purpose), about=service)
    if once:
        yield from _twice(service, rows, remove)
    yield from _versions(service, rows)
    if least is not None:
        yield from _least(service, rows, least, remove, unseen=any(each.failure for each in seen))


def _on_purpose(row: Reporter) -> bool:
    return row.disabled or row.forced_down


def _late(row: Reporter) -> bool:
    # As nova and cinder count: a clock that is ahead is no better than one that is behind.
    return row.age_seconds is None or abs(row.age_seconds) > row.limit_seconds


def _age(row: Reporter) -> float:
    return float("inf") if row.age_seconds is None else row.age_seconds


def _down(row: Reporter) -> Finding:
    if row.age_seconds is not None and row.age_seconds < 0:
        words = f"{row.kind} reports with a clock that is {_span(-row.age_seconds)} ahead of the database's"
        return Finding(DOWN, "fail", words, f"on {_machine(row)}: chronyc tracking", row.host)
    words = f"{row.kind} was last seen {_span(_age(row))} ago; after {row.limit_seconds:g} s it counts as down"
    unit = quote(f"*{row.kind}*")
    return Finding(
        DOWN, "fail", words, f"on {_machine(row)}: systemctl status {unit}; journalctl -u {unit} -n 50", row.host
    )


def _machine(row: Reporter) -> str:
    """The host, without the backend that cinder puts behind it."""
    return row.host.partition("@")[0]


def _stale(service: str, rows: Sequence[Reporter], remove: str) -> Finding:
    words = "; ".join(f"{row.kind} on {row.host}: {_last(row)}" for row in rows[:_MOST_NAMED]) + _more(rows)
    return Finding(STALE, "warn", words, f"where they are gone for good: {_removal(rows, remove)}", service)


def _last(row: Reporter) -> str:
    return "never seen" if row.age_seconds is None else f"last seen {_span(row.age_seconds)} ago"


def _purpose(row: Reporter) -> str:
    what = "disabled" if row.disabled else "forced down"
    late = f", {_last(row)}" if _late(row) else ""
    return f"{row.kind} on {row.host} is {what}{f' ({row.reason})' if row.reason else ''}{late}"


def _twice(service: str, rows: Iterable[Reporter], remove: str) -> Iterator[Finding]:
    by_name: dict[tuple[str, str], list[Reporter]] = {}
    for row in rows:
        by_name.setdefault((row.kind, row.host), []).append(row)
    # The one that was seen last is the one that lives.
    older = {name: sorted(members, key=_age)[1:] for name, members in sorted(by_name.items()) if len(members) > 1}
    if older:
        words = "; ".join(f"{kind} on {host}: {len(extra) + 1} rows" for (kind, host), extra in older.items())
        extra = [row for members in older.values() for row in members]
        yield Finding(TWICE, "warn", words, f"of each, those not seen last: {_removal(extra, remove)}", service)


def _versions(service: str, rows: Iterable[Reporter]) -> Iterator[Finding]:
    """Processes of one kind that speak different versions: the oldest row counts, also one that nobody answers to."""
    by_kind: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if any(row.versions):
            by_kind.setdefault(row.kind, {}).setdefault(" and ".join(row.versions), []).append(row.host)
    mixed = {kind: versions for kind, versions in by_kind.items() if len(versions) > 1}
    for kind, versions in mixed.items():
        words = "; ".join(f"{version}: {_some(hosts)}" for version, hosts in sorted(versions.items()))
        way_out = "have all of them on one release, restart them, and remove those that are gone"
        yield Finding(VERSIONS, "warn", f"{kind} is there in {len(versions)} versions: {words}", way_out, service)
    if by_kind and not mixed:
        yield Finding(VERSIONS, "pass", "those of one kind are of one version", about=service)


def _least(service: str, rows: Sequence[Reporter], least: Least, remove: str, *, unseen: bool) -> Iterator[Finding]:
    """Rows that keep the API of the target from starting; those that are forced down do not count, dead ones do."""
    of_kind = [row for row in rows if row.kind == least.kind and not row.forced_down]
    numbers = {row: int(row.versions[0]) for row in of_kind if row.versions and row.versions[0].isdigit()}
    old = [row for row, number in numbers.items() if 0 < number < least.version]
    about = f"{service} {least.series}"
    if not old:
        if not unseen:
            words = f"no {least.kind} is older than version {least.version}, which its API wants"
            yield Finding(VERSIONS, "pass", words, about=about)
        return
    words = (
        f"its API does not start while any {least.kind} is older than version {least.version}, and"
        f" {len(old)} {'is' if len(old) == 1 else 'are'}: "
        + "; ".join(f"{row.host} ({numbers[row]}, {_last(row)})" for row in old[:_MOST_NAMED])
        + _more(old)
    )
    if least.ignored:
        yield Finding(VERSIONS, "warn", f"{words}; {least.option} has it start all the same", "", about)
        return
    stale = [row for row in old if _late(row) and _age(row) > STALE_SECONDS]
    ways = [f"remove those that are gone: {_removal(stale, remove)}"] if stale else []
    if len(stale) < len(old):
        ways.append(f"take the others to a release that {least.series} works with first")
        ways.append(f"or, for the time of the move, set {least.option}")
    yield Finding(VERSIONS, "fail", words, "; ".join(ways), about)


def _removal(rows: Sequence[Reporter], remove: str) -> str:
    words = [
        remove.format(id=quote(row.identifier), kind=quote(row.kind), host=quote(row.host))
        for row in rows[:_MOST_NAMED]
    ]
    return "; ".join(dict.fromkeys(words)) + _more(rows)


def _more(rows: Sequence[Reporter]) -> str:
    return f"; and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""


def _some(hosts: Sequence[str]) -> str:
    return ", ".join(hosts[:_MOST_NAMED]) + (
        f" and {len(hosts) - _MOST_NAMED} more" if len(hosts) > _MOST_NAMED else ""
    )


def _counted(rows: Iterable[Reporter]) -> str:
    numbers = Counter(row.kind for row in rows)
    return "in time: " + ", ".join(f"{number} {kind}" for kind, number in sorted(numbers.items()))


def _span(seconds: float) -> str:
    """A time as people say it: ``4 min``, ``3 days``."""
    if seconds == float("inf"):
        return "for ever"
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
