"""Waivers: somebody decides, by name and with a reason, that a finding stops nothing. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from onward.checks.finding import Finding
from onward.errors import WaiverMatchesNothing, WaiverUnclear

GATES = ("cloud.check", "model.check", "model.compare")
"""Actions of runs that let pass what is waived by name."""


def parse_waivers(texts: Iterable[str]) -> dict[str, str]:
    """Reasons by names, from ``NAME=REASON``. Raises WaiverUnclear."""
    waivers: dict[str, str] = {}
    for text in texts:
        name, _, reason = (part.strip() for part in text.partition("="))
        if not name or not reason:
            raise WaiverUnclear(
                "A waiver needs a name and a reason.",
                evidence=f"given: {text!r}",
                next_command="--waive 'NAME=REASON', with the name of the check as the table shows it",
            )
        if name in waivers:
            raise WaiverUnclear(f"{name} is waived twice.", evidence=f"{waivers[name]!r} and {reason!r}")
        waivers[name] = reason
    return waivers


def waived(findings: Sequence[Finding], waivers: Mapping[str, str]) -> list[Finding]:
    """The findings, with the reason at each that stops something and is waived, by ``NAME`` or ``NAME@ABOUT``."""
    return [
        replace(finding, waived=reason) if finding.stops and (reason := _reason(finding, waivers)) else finding
        for finding in findings
    ]


def require_all_used(findings: Sequence[Finding], waivers: Mapping[str, str]) -> None:
    """Return when each waiver has waived something in ``findings``. Raises WaiverMatchesNothing."""
    used = {name for finding in findings if finding.waived for name in _names(finding)}
    idle = [name for name in waivers if name not in used]
    if idle:
        could = dict.fromkeys(finding.name for finding in findings if finding.stops)
        passed = {name for finding in findings for name in _names(finding)}
        raise WaiverMatchesNothing(
            f"Nothing is waived by: {', '.join(idle)}.",
            evidence="\n".join(
                [
                    *(
                        f"{name}: {'it was found, and stops nothing' if name in passed else 'nothing of that name'}"
                        for name in idle
                    ),
                    f"what stops: {', '.join(could) or 'nothing'}",
                ]
            ),
            next_command="correct the name, or leave the waiver out",
        )


def _names(finding: Finding) -> tuple[str, str]:
    return finding.name, f"{finding.name}@{finding.about}"


def _reason(finding: Finding, waivers: Mapping[str, str]) -> str:
    name, exactly = _names(finding)
    return waivers.get(exactly) or waivers.get(name) or ""
