"""What the cloud's APIs show of themselves, from wherever they can be reached."""

import time
from collections.abc import Iterator

from onward.catalog.load import endpoint_names_gone, recipe, services
from onward.checks.certificates import certificate_findings
from onward.checks.endpoints import Endpoint, clock_findings, endpoint_findings, template_findings
from onward.checks.finding import Finding
from onward.checks.heartbeats import REPORTING, reporter_findings
from onward.errors import ApiUnavailable
from onward.observe.certificates import observe_certificates
from onward.observe.cloud_api import CloudApi
from onward.observe.endpoints import observe_endpoints, tls_servers
from onward.observe.heartbeats import observe_reporters_by_api
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
    yield from _templates(context, api, catalogue)
    secured = tls_servers([api.identity_url, *urls])
    if secured and api.verify is False:
        yield Finding("certificate", "warn", "these credentials say that none is verified", "leave out OS_INSECURE")
    elif secured:
        yield from certificate_findings(observe_certificates(secured, api.verify), time.time())
    else:
        yield Finding("certificate", "not-checked", "the catalogue has no https")
    yield from clock_findings(answers.values())


def _templates(context: CheckContext, api: CloudApi, catalogue: tuple[Endpoint, ...]) -> Iterator[Finding]:
    try:
        registered = api.registered()
    except ApiUnavailable as error:
        yield Finding("endpoint template", "not-checked", f"{error.what} {error.evidence}", "ask with the role admin")
        return
    target = context.target.id if context.target is not None else None
    yield from template_findings(registered, catalogue, endpoint_names_gone(target) if target is not None else {})


def reporting(context: CheckContext) -> Iterator[Finding]:
    """Whether the processes of services report, as their APIs list them: of those whose database is not known here."""
    if not context.asks_api:
        yield Finding(REPORTING, "not-checked", "the cloud file says that the APIs are not asked")
        return
    api, described = context.api(), context.cloud.services if context.cloud is not None else {}
    asked = False
    for service in services():
        facts = recipe(service).heartbeats
        if facts is None or facts.api is None or service in described:
            continue
        url = next((found for kind in facts.api.types if (found := api.url_of(kind)) is not None), None)
        if url is not None:
            asked = True
            seen = observe_reporters_by_api(api, url, facts, facts.api)
            yield from reporter_findings(service, [seen], facts.remove, once=facts.once)
    if not asked:
        yield Finding(REPORTING, "not-checked", "the catalogue has no further service that lists its processes")
