"""The keys of Keystone: those on this machine, and whether its units share them."""

import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from onward.checks.finding import Finding, unclear
from onward.checks.key_repository import KeyRepository, agreement_findings, encrypted_findings, repository_findings
from onward.errors import ApiUnavailable, UnreadableConfig
from onward.observe.cloud_api import CloudApi
from onward.observe.key_repository import observe_key_repository
from onward.observe.settings import Settings
from onward.survey.checks.context import CheckContext

SERVICE = "keystone"
# Defaults of Keystone's own (keystone/conf/fernet_tokens.py, credential.py, token.py).
_TOKENS, _CREDENTIALS = "/etc/keystone/fernet-keys/", "/etc/keystone/credential-keys/"
_MOST = 3
"""max_active_keys of tokens by default, and of credentials always (keystone/credential/providers/fernet/core.py)."""


def keys(context: CheckContext) -> Iterator[Finding]:
    """The directories of keys of this machine, and whether the stored credentials were encrypted with what is there."""
    if context.services != (SERVICE,):
        yield Finding("fernet keys", "not-checked", f"{context.services[0]} has none")
        return
    settings, now = context.settings(SERVICE), time.time()
    if (settings.text("token", "provider") or "fernet") == "fernet":
        most = _most(settings)
        tokens = observe_key_repository(Path(settings.text("fernet_tokens", "key_repository") or _TOKENS))
        yield from repository_findings("fernet keys", tokens, most, now, rotates=True)
    else:
        yield Finding("fernet keys", "not-checked", "tokens are not made by the provider fernet")
    credentials = observe_key_repository(Path(settings.text("credential", "key_repository") or _CREDENTIALS))
    yield from repository_findings("credential keys", credentials, _MOST, now, rotates=False)
    if not credentials.unreadable:
        yield from _stored(context, credentials)


def _stored(context: CheckContext, credentials: KeyRepository) -> Iterator[Finding]:
    try:
        with context.read_only(SERVICE).connect() as connection:
            rows = connection.execute(text("SELECT key_hash, COUNT(*) FROM credential GROUP BY key_hash"))
            yield from encrypted_findings(credentials, {str(digest): int(number) for digest, number in rows})
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error)
        yield unclear("stored credentials", f"the database does not show them: {words}", "see: schema")


def _most(settings: Settings) -> int:
    """How many keys of tokens there may be. Raises UnreadableConfig."""
    said = settings.text("fernet_tokens", "max_active_keys") or str(_MOST)
    if not said.isdigit():
        raise UnreadableConfig(
            "[fernet_tokens] max_active_keys is no number.", evidence=f"{said}: {', '.join(map(str, settings.files))}"
        )
    return int(said)


def shared(context: CheckContext) -> Iterator[Finding]:
    """Whether each unit of Keystone accepts the tokens of all others: the keys are the same, or they are not."""
    units = {} if context.cloud is None or SERVICE not in context.services else _units(context)
    if len(units) <= 1:
        why = "fewer than two units of keystone have a url in the cloud file"
        yield Finding("tokens of other units", "not-checked", why)
        return
    api = context.api()
    tokens = {name: _token(api, url) for name, url in units.items()}
    accepted: dict[tuple[str, str], bool | str] = {}
    for issuer, token in tokens.items():
        if isinstance(token, ApiUnavailable):
            accepted[issuer, issuer] = _words(token)
            continue
        context.secrets.register(token)
        for judge, url in units.items():
            try:
                accepted[issuer, judge] = api.accepts(url, token)
            except ApiUnavailable as error:
                accepted[issuer, judge] = _words(error)
    yield from agreement_findings(accepted, tuple(units))


def _words(error: ApiUnavailable) -> str:
    return f"{error.what.rstrip('.')}: {error.evidence}"


def _units(context: CheckContext) -> dict[str, str]:
    return {unit.name: unit.url for unit in context.entry(SERVICE).units if unit.url is not None}


def _token(api: CloudApi, url: str) -> str | ApiUnavailable:
    try:
        return api.at(url).token()
    except ApiUnavailable as error:
        return error
