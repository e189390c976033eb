"""What came of asking the URLs of a service catalogue, and what that means. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from onward.checks.finding import Finding

SKEW_WARN_SECONDS = 5.0
SKEW_FAIL_SECONDS = 30.0
"""Half of nova's service_down_time (60 s, nova/conf/service.py): from there on services begin to look dead."""
_OUTSIDE = "public"
_NAME_IN_TEMPLATE = re.compile(r"[$%]\((\w+)\)s")
"""As Keystone fills them (keystone/common/utils.py, format_url): any other % in a URL is an error."""
_OF_TOKEN = frozenset({"project_id", "tenant_id", "user_id"})
"""Names that every token of a project fills in. Without one of a project, such a URL is left out on purpose."""
_WORDS = {
    "unknown-name": "its name is not known here",
    "refused": "nobody listens there",
    "silent": "no answer came in time",
    "unreachable": "there is no way there from here",
    "certificate": "its certificate is not accepted",
    "no-tls": "it speaks plain HTTP, and the catalogue says https",
    "tls": "it speaks TLS, and the catalogue says http",
    "astray": "it redirects, and OpenStack's clients never get to an answer",
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
    """In the catalogue of a token; where it is registered, it may be a template: http://10.0.0.1/v3/%(project_id)s."""
    id: str = ""


NoAnswer = Literal[
    "unknown-name", "refused", "silent", "unreachable", "certificate", "no-tls", "tls", "astray", "broken"
]


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
    redirected: str = ""
    """Where the answer came from in the end, where that is another server, or another way to speak to it."""
    behind_seconds: float | None = None
    """How far the server's clock is behind this machine's; negative: ahead. None: it did not say its time.

    The header has whole seconds, and the answer was under way: see ``unsure_seconds``.
    """
    unsure_seconds: float = 0.0


def endpoint_findings(catalogue: Sequence[Endpoint], answers: Mapping[str, EndpointAnswer]) -> list[Finding]:
    """Whether each URL answers. What cannot be reached from here, and need not be, could not be told.

    Any answer counts that the service itself gives: 300 of versions, 401 without a token.
    """
    findings: list[Finding] = []
    well = 0
    for endpoint in catalogue:
        answer = answers[endpoint.url]
        if answer.status is None:
            findings.append(_unanswered(endpoint, answer))
        elif answer.status >= 500:
            details = f"{endpoint.url} answers with {answer.status}"
            way_out = f"look at the log of {endpoint.service}"
            findings.append(Finding("endpoint", "fail", details, way_out, _which(endpoint)))
        elif answer.redirected:
            details = f"{endpoint.url} sends everybody on to {answer.redirected}; a POST does not follow everywhere"
            findings.append(Finding("endpoint", "warn", details, _name_it(endpoint), _which(endpoint)))
        else:
            well += 1
    if well:
        findings.append(Finding("endpoint", "pass", f"{well} of {len(catalogue)} URLs of the catalogue answer"))
    return findings


def template_findings(
    registered: Sequence[Endpoint], catalogue: Sequence[Endpoint], going: Mapping[str, str]
) -> list[Finding]:
    """Whether Keystone can fill the templates of all URLs; it leaves out of the catalogue, silently, what it cannot.

    ``registered`` are those that are enabled, as they were written. ``going`` are names that Keystone will not know any
    more at the end of the way, by name the series.
    """
    name = "endpoint template"
    shown = {endpoint.id for endpoint in catalogue}
    templates = [endpoint for endpoint in registered if "%" in endpoint.url or "$(" in endpoint.url]
    findings = []
    for endpoint in templates:
        names = dict.fromkeys(_NAME_IN_TEMPLATE.findall(endpoint.url))
        rest = _NAME_IN_TEMPLATE.sub("", endpoint.url).replace("%%", "")
        odd = "%" in rest or "$(" in rest or not names.keys() <= _OF_TOKEN
        lost = [each for each in names if each in going]
        if odd and endpoint.id not in shown:
            why = "Keystone leaves it out of the catalogue, so that no client finds it: it cannot fill the template"
        elif lost:
            since = f"from {going[lost[0]]} on, Keystone does not know {', '.join(lost)}"
            why = f"{since}, and leaves it out of the catalogue"
        else:
            continue
        findings.append(Finding(name, "fail", f"{endpoint.url}: {why}", _write_out(endpoint), _which(endpoint)))
    filled = len(templates) - len(findings)
    return findings or [Finding(name, "pass", f"{filled} of {len(registered)} URLs are templates; all can be filled")]


def _unanswered(endpoint: Endpoint, answer: EndpointAnswer) -> Finding:
    why = _WORDS[answer.missing or "broken"]
    details = f"{endpoint.url}: {why} ({answer.words})" if answer.words else f"{endpoint.url}: {why}"
    # Other interfaces may be on networks that this machine has no part in.
    elsewhere = endpoint.interface != _OUTSIDE and answer.missing in ("unknown-name", "silent", "unreachable")
    return Finding("endpoint", "could-not-tell" if elsewhere else "fail", details, _name_it(endpoint), _which(endpoint))


def _which(endpoint: Endpoint) -> str:
    words = (endpoint.service or endpoint.service_type, endpoint.interface, endpoint.region)
    return " ".join(word for word in words if word)


def _name_it(endpoint: Endpoint) -> str:
    return f"openstack endpoint list --service {endpoint.service_type}"


def _write_out(endpoint: Endpoint) -> str:
    return f"write out all but %(project_id)s and %(user_id)s: openstack endpoint set --url URL {endpoint.id}"


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
