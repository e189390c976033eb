"""What the cloud's APIs show of themselves, from wherever they can be reached."""

from collections.abc import Iterator

from onward.checks.finding import Finding
from onward.survey.checks.context import CheckContext


def identity(context: CheckContext) -> Iterator[Finding]:
    """Whether the identity service gives out a token, and what it is worth here."""
    api = context.api()
    endpoints = api.catalogue()
    roles = ", ".join(sorted(api.roles())) or "none"
    details = f"{api.identity_url} gave a token; roles: {roles}; its catalogue has {len(endpoints)} URLs"
    yield Finding("identity API", "pass" if endpoints else "warn", details)
