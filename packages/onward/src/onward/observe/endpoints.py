"""Asks the URLs of a service catalogue from here: whether they answer, and what time they have.

Nothing but GET without credentials, and a TLS handshake, is ever sent.
"""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from onward.checks.endpoints import EndpointAnswer, NoAnswer
from onward.errors import ApiUnavailable
from onward.observe.certificates import NO_TLS, Server, speaks_tls
from onward.observe.cloud_api import CloudApi

ANSWER_SECONDS = 10.0
"""For one URL."""
AT_ONCE = 16
_REDIRECTS = (301, 302, 303, 305, 307, 308)
"""Those that keystoneauth follows, up to 30 times (keystoneauth1/session.py)."""
_BAD_REQUEST = 400


def observe_endpoints(api: CloudApi, urls: Iterable[str]) -> dict[str, EndpointAnswer]:
    """Ask each URL once, side by side. Raises nothing."""
    wanted = list(dict.fromkeys(urls))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(lambda url: _ask(api, url), wanted), strict=True))


def tls_servers(urls: Iterable[str]) -> tuple[Server, ...]:
    """The https servers among the URLs, each once."""
    return tuple(dict.fromkeys(server for url in urls if url.startswith("https:") and (server := _server(url, 443))))


def _ask(api: CloudApi, url: str) -> EndpointAnswer:
    began, clock = time.monotonic(), time.time()
    try:
        response = api.get(url, authenticated=False, timeout_seconds=ANSWER_SECONDS)
    except ApiUnavailable as error:
        missing = _kind(error.evidence)
        if missing == "broken" and _secured(url):
            missing = "tls"
        # Most of them repeat the URL.
        words = error.evidence.partition(url)[2].strip(" :/") or error.evidence
        return EndpointAnswer(url, missing=missing, words=words)
    took = time.monotonic() - began
    redirected = _redirected(url, response.url)
    answer = EndpointAnswer(
        url,
        response.status_code,
        redirected=redirected,
        # It is the clock of the server that answered in the end.
        behind_seconds=None if redirected else _behind(response.headers, clock + took / 2),
        unsure_seconds=1.0 + took / 2,
    )
    if response.status_code in _REDIRECTS:
        words = f"{len(response.history) + 1} times; at last to {response.headers.get('Location', 'nowhere')}"
        return replace(answer, status=None, missing="astray", words=words)
    if response.status_code == _BAD_REQUEST and _secured(url):
        # What servers say to somebody who forgot to encrypt.
        return replace(answer, status=None, missing="tls", words=f"it answers with {response.status_code}")
    return answer


def _redirected(url: str, final: str) -> str:
    """Where the answer came from, unless only the path is another one."""
    first, last = urlsplit(url), urlsplit(final)
    same = (first.scheme, _server(url, _port(first))) == (last.scheme, _server(final, _port(last)))
    return "" if same else final


def _port(parts: SplitResult) -> int:
    """The one that is meant where a URL names none."""
    return 443 if parts.scheme == "https" else 80


def _secured(url: str) -> bool:
    server = _server(url, 80)
    return server is not None and url.startswith("http:") and speaks_tls(server)


def _server(url: str, port: int) -> Server | None:
    try:
        parts = urlsplit(url)
        return (parts.hostname, parts.port or port) if parts.hostname else None
    except ValueError:
        return None


def _behind(headers: Mapping[str, str], now: float) -> float | None:
    if headers.get("Age"):
        return None  # It was made earlier, and kept by a cache.
    try:
        return now - parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _kind(words: str) -> NoAnswer:
    """Why no answer came, from the words of the libraries below, which have no better way to tell."""
    told: tuple[tuple[str, NoAnswer], ...] = (
        ("No scheme supplied", "astray"),  # a redirection without a host, which keystoneauth does not complete
        *((reason, "no-tls") for reason in NO_TLS),
        ("SSL", "certificate"),
        ("CERTIFICATE", "certificate"),
        ("NameResolution", "unknown-name"),
        ("Name or service not known", "unknown-name"),
        ("name resolution", "unknown-name"),
        ("refused", "refused"),
        ("timed out", "silent"),
        ("Timeout", "silent"),
        ("unreachable", "unreachable"),
        ("No route", "unreachable"),
    )
    return next((kind for part, kind in told if part in words), "broken")
