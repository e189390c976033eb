"""The page of faults and of what is said of each: written by the tests that cause them, or compared with it."""

import fcntl
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from onward.checks.finding import Finding

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "faults-broker.md"
WRITES = "ONWARD_WRITE_FAULTS"
FAULTS = (
    "a node was killed",
    "a node hangs (SIGSTOP)",
    "a node is cut off from the others",
    "a node was cut off, and is back",
    "memory alarm on one node",
    "disk alarm on one node",
    "a queue that nobody reads",
    "few sockets left",
    "wrong password in transport_url",
    "a virtual host that is not there",
    "a certificate has expired",
    "a certificate expires in 10 days",
    "a certificate of an authority that the services do not know",
    "the services trust every certificate",
    "the services speak TLS where the broker does not",
    "the broker speaks TLS where the services do not",
    "a user without the tag monitoring",
    "a user with the tag monitoring, who is no administrator",
    "the management plugin does not run",
    "a node in maintenance mode",
    "feature flags that were never enabled",
    "a server of another cluster",
    "most nodes were killed",
    "memcached was killed",
    "memcached hangs (SIGSTOP)",
    "memcached has too little memory",
    "memcached has few connections left",
    "memcached has no connection left",
    "something else listens where memcached should",
)
"""In the order of the page."""
_HEAD = """# Faults of broker and memcached, and what is said of them

Each fault was caused on a real RabbitMQ of three nodes, or on a real memcached; the tests that do so write this page
and hold it. Everything else that was looked at passed. Ports and names of hosts are replaced by what they stand for.

| Fault | Finding | About | Result | What it says |
|---|---|---|---|---|
"""


def hold(fault: str, findings: Iterable[Finding], names: Mapping[str, str]) -> None:
    """Compare the page's rows of a fault with what was found, or write them where ONWARD_WRITE_FAULTS=1 is set.

    ``names`` are the words for addresses and nodes of this run. Names, what they are about and results have to be the
    same; the rest is an example.
    """
    assert fault in FAULTS
    rows = sorted({_row(fault, each, names) for each in findings if each.result != "pass"})
    assert rows, f"nothing was found of: {fault}"
    if os.environ.get(WRITES) == "1":
        _write(fault, rows)
    assert {row[:4] for row in rows} == {row[:4] for row in _rows(PAGE.read_text()) if row[0] == fault}


def rows() -> list[Sequence[str]]:
    """All rows of the page."""
    return list(_rows(PAGE.read_text()))


def _row(fault: str, finding: Finding, names: Mapping[str, str]) -> tuple[str, ...]:
    cells = (fault, finding.name, finding.about, finding.result, finding.details)
    return tuple(_normalised(cell, names).replace("|", "\\|") for cell in cells)


def _normalised(text: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _rows(text: str) -> list[tuple[str, ...]]:
    found = (tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in text.splitlines())
    return [row for row in found if row and row[0] in FAULTS]


def _write(fault: str, new: Iterable[tuple[str, ...]]) -> None:
    PAGE.touch()
    with PAGE.open("r+") as page:
        fcntl.flock(page, fcntl.LOCK_EX)
        others = [row for row in _rows(page.read()) if row[0] != fault]
        ordered = sorted([*others, *new], key=lambda row: (FAULTS.index(row[0]), row[1:]))
        page.seek(0)
        page.truncate()
        page.write(_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in ordered))
