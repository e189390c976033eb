"""What the cloud's APIs show of themselves, from wherever they can be reached."""

import time
from collections.abc import Iterator

from onward.checks.endpoints import certificate_findings, clock_findings, endpoint_findings
from onward.checks.finding import Finding
from onward.observe.endpoints import observe_certificates, observe_endpoints
from onward.survey.checks.context import CheckContext


def identity(context: CheckContext) -> Iterator[Finding]:
    """Whether the identity service gives out a token, and what it is worth here."""
    api = context.api()
    endpoints = api.catalogue()
    roles = ", ".join(sorted(api.roles())) or "none"
    details = f"{api.identity_url} gave a token; roles: {roles}; its catalogue has {len(endpoints)} URLs"
    yield Finding("identity API", "pass" if endpoints else "warn", details)


def endpoints(context: CheckContext) -> Iterator[Finding]:
    """Whether all URLs of all regions answer, their certificates are good, and their clocks right."""
    api = context.api()
    catalogue = api.catalogue()
    if not catalogue:
        yield Finding("endpoint", "not-checked", "the catalogue of these credentials is empty")
        return
    urls = [each.url for each in catalogue]
    answers = observe_endpoints(api, urls)
    yield from endpoint_findings(catalogue, answers)
    secured = [url for url in [api.identity_url, *urls] if url.startswith("https:")]
    if secured and api.verify is False:
        yield Finding("certificate", "warn", "these credentials say that none is verified", "leave out OS_INSECURE")
    elif secured:
        yield from certificate_findings(observe_certificates(secured, api.verify), time.time())
    else:
        yield Finding("certificate", "not-checked", "the catalogue has no https")
    yield from clock_findings(answers.values())
