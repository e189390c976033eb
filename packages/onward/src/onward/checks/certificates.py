"""The certificates of servers: what is said of those that are not accepted, or will not be for long. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from onward.checks.finding import Finding

DAY = 86_400.0
EXPIRY_WARN_DAYS = 30
"""Time to order and distribute a new certificate."""
EXPIRY_FAIL_DAYS = 3
"""An upgrade and the days after it should not meet it."""

CertificateFault = Literal[
    "expired", "not-yet-valid", "wrong-name", "self-signed", "untrusted-root", "untrusted", "tls"
]
"""Why it was not accepted. ``untrusted``: who issued it is neither trusted nor sent along. ``tls``: what came was no
certificate, but a refusal to speak TLS."""


@dataclass(frozen=True)
class Certificate:
    """The certificate of one server, as it was presented and verified."""

    address: str
    """HOST:PORT."""
    begins: float | None = None
    """Seconds since 1970, as ``expires``; None where it was not shown."""
    expires: float | None = None
    issuer: str = ""
    names: tuple[str, ...] = ()
    """Names and addresses of the servers that it is for."""
    fault: CertificateFault | None = None
    words: str = ""
    """What OpenSSL said of the fault."""
    verified: bool = True
    """Whether it was looked at whether anybody trusts it."""


@dataclass(frozen=True)
class Trust:
    """Who verifies the certificates that are looked at, and where it is said whom they trust."""

    name: str = "certificate"
    """Of the findings."""
    setting: str = "OS_CACERT"
    """Where a file with the authorities that are trusted is named."""


ENDPOINTS = Trust()


def certificate_findings(certificates: Iterable[Certificate], now: float, trust: Trust = ENDPOINTS) -> list[Finding]:
    """Whether the chain of each server is trusted, and for how long. ``now`` in seconds since 1970."""
    findings = []
    lasting: list[float] = []
    for each in certificates:
        if each.fault is not None:
            details, way_out = _refused(each, now, trust)
            findings.append(Finding(trust.name, "fail", f"not trusted: {details}", way_out, each.address))
            continue
        if each.expires is None:
            continue
        days = (each.expires - now) / DAY
        if days < EXPIRY_FAIL_DAYS:
            details = f"it expires in {_span(days)}" if days > 0 else _expired(each.expires, now)
            findings.append(Finding(trust.name, "fail", details, "renew it before anything else", each.address))
        elif days < EXPIRY_WARN_DAYS:
            findings.append(Finding(trust.name, "warn", f"it expires in {_span(days)}", "renew it", each.address))
        elif each.verified:
            lasting.append(days)
        if not each.verified:
            why = "nobody verifies it: whoever answers at this address is believed"
            findings.append(Finding(trust.name, "warn", why, f"name who is trusted with {trust.setting}", each.address))
    if lasting:
        servers = "1 server" if len(lasting) == 1 else f"{len(lasting)} servers"
        details = f"{servers}: trusted; the first expires in {min(lasting):.0f} days"
        findings.append(Finding(trust.name, "pass", details))
    return findings


def _refused(seen: Certificate, now: float, trust: Trust) -> tuple[str, str]:
    """What is wrong with it, and the way out."""
    show = f"openssl s_client -connect {seen.address} -showcerts </dev/null"
    fault, begins, expires = seen.fault, seen.begins or 0.0, seen.expires or 0.0
    if fault == "expired":
        if expires > now:
            return f"one above it in its chain has expired ({seen.words})", f"see which, and replace it: {show}"
        return f"{_expired(expires, now)}; {seen.issuer} issued it", "renew it, and have the server load it"
    name_it = f"name its authority with {trust.setting}"
    told = {
        "not-yet-valid": (
            f"it is valid from {_day(begins)} on, in {_span((begins - now) / DAY)}",
            "compare the clocks (date -u, on both machines); if they are right, use the one before",
        ),
        "wrong-name": (
            f"it is for {', '.join(seen.names) or 'no server'}, and not for the name it was asked by",
            "have one issued for this name too, or use the name that it has in the URL",
        ),
        "self-signed": ("it has signed itself", f"if it is yours, {name_it}; to see it: {show}"),
        "untrusted-root": (
            f"the root of its chain is not trusted here; {seen.issuer} issued it",
            f"if it is yours, {name_it}: {show}",
        ),
        "untrusted": (
            f"{seen.issuer} issued it, who is neither trusted here nor vouched for by the server ({seen.words})",
            f"have the server send the intermediate certificates ({show}), or {name_it}",
        ),
    }
    return told.get(str(fault), (seen.words, show))


def _expired(expires: float, now: float) -> str:
    return f"it expired {_span((now - expires) / DAY)} ago, on {_day(expires)}"


def _span(days: float) -> str:
    return f"{days:.0f} days" if days >= 1 else f"{days * 24:.0f} hours"


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
