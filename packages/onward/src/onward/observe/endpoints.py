"""Asks the URLs of a service catalogue from here: whether they answer, with which certificate, and what time they have.

Nothing but GET without credentials, and a TLS handshake, is ever sent.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from onward.checks.endpoints import Certificate, EndpointAnswer, NoAnswer
from onward.errors import ApiUnavailable
from onward.observe.cloud_api import CloudApi

ANSWER_SECONDS = 10.0
"""For one URL, and for one handshake."""
AT_ONCE = 16


def observe_endpoints(api: CloudApi, urls: Iterable[str]) -> dict[str, EndpointAnswer]:
    """Ask each URL once, side by side. Raises nothing."""
    wanted = list(dict.fromkeys(urls))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(lambda url: _ask(api, url), wanted), strict=True))


def observe_certificates(urls: Iterable[str], verify: bool | str) -> tuple[Certificate, ...]:
    """The certificates of the https servers among the URLs, each once. ``verify`` as requests takes it.

    Servers that cannot be reached are left out: the URLs' own answers say that. Raises nothing.
    """
    servers = dict.fromkeys(server for url in urls if (server := _tls_server(url)) is not None)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda server: _certificate(server[0], server[1], verify), servers)
        return tuple(each for each in found if each is not None)


def _ask(api: CloudApi, url: str) -> EndpointAnswer:
    began, clock = time.monotonic(), time.time()
    try:
        response = api.get(url, authenticated=False, timeout_seconds=ANSWER_SECONDS)
    except ApiUnavailable as error:
        return EndpointAnswer(url, missing=_kind(error.evidence), words=error.evidence)
    took = time.monotonic() - began
    behind = _behind(response.headers, clock + took / 2)
    return EndpointAnswer(url, response.status_code, behind_seconds=behind, unsure_seconds=1.0 + took / 2)


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


def _tls_server(url: str) -> tuple[str, int] | None:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    try:
        return parts.hostname, parts.port or 443
    except ValueError:
        return None


def _certificate(host: str, port: int, verify: bool | str) -> Certificate | None:
    address = f"{host}:{port}"
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    try:
        with (
            socket.create_connection((host, port), timeout=ANSWER_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            presented = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return Certificate(address, fault=error.verify_message)
    except ssl.SSLError as error:
        return Certificate(address, fault=error.reason or "no TLS could be agreed on")
    except OSError:
        return None
    return Certificate(address, expires=float(ssl.cert_time_to_seconds(str(presented["notAfter"]))))
