"""What came of asking the URLs of a service catalogue, and what that means. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from onward.checks.finding import Finding

DAY = 86_400.0
EXPIRY_WARN_DAYS = 30
"""Time to order and distribute a new certificate."""
EXPIRY_FAIL_DAYS = 3
"""An upgrade and the days after it should not meet it."""
SKEW_WARN_SECONDS = 5.0
SKEW_FAIL_SECONDS = 30.0
"""Half of nova's service_down_time (60 s, nova/conf/service.py): from there on services begin to look dead."""
_OUTSIDE = "public"
_WORDS = {
    "unknown-name": "its name is not known here",
    "refused": "nobody listens there",
    "silent": "no answer came in time",
    "unreachable": "there is no way there from here",
    "certificate": "its certificate is not accepted",
    "broken": "the connection broke",
}


@dataclass(frozen=True)
class Endpoint:
    """One URL of the service catalogue."""

    service: str
    """Name in the catalogue, which is mostly the project's: nova."""
    service_type: str
    interface: str
    region: str
    url: str


NoAnswer = Literal["unknown-name", "refused", "silent", "unreachable", "certificate", "broken"]


@dataclass(frozen=True)
class EndpointAnswer:
    """What came of asking one URL."""

    url: str
    status: int | None = None
    """HTTP status; None where no answer came."""
    missing: NoAnswer | None = None
    """Why there is none."""
    words: str = ""
    """What the system said of that."""
    behind_seconds: float | None = None
    """How far the server's clock is behind this machine's; negative: ahead. None: it did not say its time.

    The header has whole seconds, and the answer was under way: see ``unsure_seconds``.
    """
    unsure_seconds: float = 0.0


@dataclass(frozen=True)
class Certificate:
    """The certificate of one server, as it was presented and verified."""

    address: str
    """HOST:PORT."""
    expires: float | None = None
    """Seconds since 1970; None where it was not verified."""
    fault: str = ""
    """Why it could not be verified, in OpenSSL's words."""


def endpoint_findings(catalogue: Sequence[Endpoint], answers: Mapping[str, EndpointAnswer]) -> list[Finding]:
    """Whether each URL answers. What cannot be reached from here, and need not be, could not be told.

    Any answer counts that the service itself gives: 300 of versions, 401 without a token.
    """
    findings: list[Finding] = []
    well: list[str] = []
    for endpoint in catalogue:
        answer = answers[endpoint.url]
        if answer.status is not None and answer.status < 500:
            well.append(endpoint.url)
            continue
        about = " ".join(
            word for word in (endpoint.service or endpoint.service_type, endpoint.interface, endpoint.region) if word
        )
        if answer.status is not None:
            details = f"{endpoint.url} answers with {answer.status}"
            findings.append(Finding("endpoint", "fail", details, f"look at the log of {endpoint.service}", about))
            continue
        why = _WORDS[answer.missing or "broken"]
        details = f"{endpoint.url}: {why} ({answer.words})" if answer.words else f"{endpoint.url}: {why}"
        # Other interfaces may be on networks that this machine has no part in.
        elsewhere = endpoint.interface != _OUTSIDE and answer.missing in ("unknown-name", "silent", "unreachable")
        way_out = f"openstack endpoint list --service {endpoint.service_type}"
        findings.append(Finding("endpoint", "could-not-tell" if elsewhere else "fail", details, way_out, about))
    if well:
        findings.append(Finding("endpoint", "pass", f"{len(well)} of {len(catalogue)} URLs of the catalogue answer"))
    return findings


def certificate_findings(certificates: Iterable[Certificate], now: float) -> list[Finding]:
    """Whether the chain of each server is trusted, and for how long. ``now`` in seconds since 1970."""
    findings = []
    lasting: list[float] = []
    for each in certificates:
        if each.expires is None:
            way_out = "renew it, or name the authority that signed it with OS_CACERT"
            findings.append(Finding("certificate", "fail", f"not trusted: {each.fault}", way_out, each.address))
            continue
        days = (each.expires - now) / DAY
        details = f"it expires in {days:.0f} days" if days >= 1 else f"it expires in {days * 24:.0f} hours"
        if days < EXPIRY_FAIL_DAYS:
            findings.append(Finding("certificate", "fail", details, "renew it before anything else", each.address))
        elif days < EXPIRY_WARN_DAYS:
            findings.append(Finding("certificate", "warn", details, "renew it", each.address))
        else:
            lasting.append(days)
    if lasting:
        servers = "1 server" if len(lasting) == 1 else f"{len(lasting)} servers"
        findings.append(
            Finding("certificate", "pass", f"{servers}: trusted; the first expires in {min(lasting):.0f} days")
        )
    return findings


def clock_findings(answers: Iterable[EndpointAnswer]) -> list[Finding]:
    """Whether the servers' clocks agree with this machine's. One finding for each server."""
    by_server: dict[str, EndpointAnswer] = {}
    for answer in answers:
        if answer.behind_seconds is not None:
            by_server.setdefault(_server(answer.url), answer)
    findings = []
    for server, answer in by_server.items():
        behind = answer.behind_seconds or 0.0
        skew = max(0.0, abs(behind) - answer.unsure_seconds)
        if skew < SKEW_WARN_SECONDS:
            continue
        word = "behind" if behind > 0 else "ahead of"
        details = f"its clock is {abs(behind):.0f} s {word} this machine's"
        way_out = "chronyc tracking, on both machines"
        findings.append(Finding("clock", "fail" if skew >= SKEW_FAIL_SECONDS else "warn", details, way_out, server))
    if by_server and not findings:
        findings.append(Finding("clock", "pass", f"{len(by_server)} servers agree with this machine's"))
    if not by_server:
        findings.append(Finding("clock", "not-checked", "no server says its time"))
    return findings


def _server(url: str) -> str:
    return url.split("://", 1)[-1].split("/", 1)[0]
