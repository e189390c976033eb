"""Puts findings together that say the same of several things. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from onward.checks.finding import Finding, in_order_of_gravity


@dataclass(frozen=True)
class Group:
    """The same finding about several things, or the same reason why several checks could not tell."""

    finding: Finding
    """The first of them."""
    title: str
    """Names, and what they are about: ``doctor (keystone 2023.2, 2024.1)``."""


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """The findings in the order of their gravity; those that differ only in what they are about are one group."""
    groups: dict[Finding, list[Finding]] = {}
    for finding in in_order_of_gravity(findings):
        # Why a check could not tell is often the same for many: no cloud file, no credentials, no database.
        key = replace(finding, about="", check="")
        if finding.result == "could-not-tell":
            key = replace(key, name="")
        groups.setdefault(key, []).append(finding)
    return [Group(members[0], named(members)) for members in groups.values()]


def named(findings: Iterable[Finding]) -> str:
    """The findings by name, each once: ``doctor (keystone 2023.2, 2024.1); disk (db1)``."""
    abouts: dict[str, dict[str, None]] = {}
    for finding in findings:
        abouts.setdefault(finding.name, {}).update({finding.about: None} if finding.about else {})
    return "; ".join(f"{name} ({together(about)})" if about else name for name, about in abouts.items())


def together(abouts: Iterable[str]) -> str:
    """Several things in few words: ``keystone 2023.2, 2024.1; nova 2024.1``."""
    lasts: dict[str, list[str]] = {}
    for about in abouts:
        first, _, last = about.rpartition(" ")
        lasts.setdefault(first, []).append(last)
    return "; ".join(f"{first} {', '.join(last)}".strip() for first, last in lasts.items())
