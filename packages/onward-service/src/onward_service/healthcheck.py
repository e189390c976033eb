"""``/healthcheck`` as oslo.middleware 5 to 8 answers it, byte for byte: load balancers of every cloud ask it.

The tests compare it with the real oslo.middleware, also that of every release.
"""

from __future__ import annotations

import gc
import html
import io
import ipaddress
import json
import platform
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from onward_service.backends import Backend, Result
from onward_service.options import Options

Answer = tuple[str, list[tuple[str, str]], bytes]
_PROXY = tuple(f"HTTP_X_FORWARDED{each}" for each in ("", "_PROTO", "_HOST", "_FOR", "_PREFIX"))
_OFFERS = ("text/plain", "text/html", "application/json")


class Healthcheck:
    """Answers one request after the other; what it shows is asked anew each time, as it is in oslo.middleware."""

    def __init__(self, options: Options, asked: Sequence[Backend]) -> None:
        self._options = options
        self._asked = asked

    def answer(self, environ: Mapping[str, Any]) -> Answer | None:
        """The answer; None where the caller is one that shall reach the service instead."""
        if not self._allowed(environ):
            return None
        try:
            port = int(environ.get("SERVER_PORT", 80))
        except ValueError:
            port = 80
        results = [backend(port) for backend in self._asked]
        healthy = all(result.available for result in results)
        if environ.get("REQUEST_METHOD") == "HEAD":
            # webob leaves the type out of an answer that has no content.
            if healthy:
                return "204 No Content", [], b""
            return (
                "503 Service Unavailable",
                [("Content-Type", "text/plain; charset=UTF-8"), ("Content-Length", "0")],
                b"",
            )
        kind = _accepted(environ.get("HTTP_ACCEPT"))
        text = {"text/plain": self._text, "text/html": self._html, "application/json": self._json}[kind](results)
        body = text.encode("utf-8")
        mime = kind if kind == "application/json" else f"{kind}; charset=UTF-8"
        status = "200 OK" if healthy else "503 Service Unavailable"
        return status, [("Content-Type", mime), ("Content-Length", str(len(body)))], body

    def _allowed(self, environ: Mapping[str, Any]) -> bool:
        if self._options.allowed_source_ranges and not within(
            environ.get("REMOTE_ADDR", ""), self._options.allowed_source_ranges
        ):
            return False
        return not (self._options.ignore_proxied_requests and any(environ.get(name) for name in _PROXY))

    def _text(self, results: Sequence[Result]) -> str:
        return "".join(f"\n{result.reason or ''}" for result in results).strip()

    def _json(self, results: Sequence[Result]) -> str:
        if not self._options.detailed:
            return _pretty({"reasons": [result.reason for result in results], "detailed": False})
        return _pretty(
            {
                "detailed": True,
                "python_version": sys.version,
                "now": _now(),
                "platform": platform.platform(),
                "gc": {"counts": gc.get_count(), "threshold": gc.get_threshold()},
                "reasons": [
                    {"reason": result.reason, "details": result.details or "", "class": result.kind}
                    for result in results
                ],
                "greenthreads": _greenthreads(),
                "threads": _threads(),
            }
        )

    def _html(self, results: Sequence[Result]) -> str:
        detailed = self._options.detailed
        top = _HTML_SERVER.format(**_server()) if detailed else ""
        columns = _HTML_COLUMNS_DETAILED if detailed else _HTML_COLUMNS
        row = _HTML_ROW_DETAILED if detailed else _HTML_ROW
        rows = "".join(
            row.format(kind=_escaped(each.kind), reason=_escaped(each.reason), details=_escaped(each.details or ""))
            for each in results
            if each.reason
        )
        bottom = _html_threads(_threads()) if detailed else ""
        return _HTML.format(top=top, count=len(results), columns=columns, rows=rows, bottom=bottom).strip()


def within(address: str, networks: Sequence[Any]) -> bool:
    """Whether a caller is in one of the networks; what is no address, such as that of a Unix socket, is in none."""
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(network.version == caller.version and caller in network for network in networks)


def _accepted(header: str | None) -> str:
    """The kind of answer that the caller likes best, as webob understands it; text where it likes none."""
    if header is None or header in ("", "*/*"):
        return _OFFERS[0]
    if header in _OFFERS:
        return header
    try:
        from webob.acceptparse import create_accept_header  # noqa: PLC0415 - services have it
    except ImportError:
        return next((each for each in _OFFERS if each in header), _OFFERS[0])
    offers = create_accept_header(header).acceptable_offers(_OFFERS)
    return str(offers[0][0]) if offers else _OFFERS[0]


def _pretty(contents: dict[str, Any]) -> str:
    return json.dumps(contents, indent=4, sort_keys=True)


def _now() -> str:
    return str(datetime.now(timezone.utc).replace(tzinfo=None))


def _threads() -> list[str]:
    return [_stack(frame) for frame in sys._current_frames().values()]


def _greenthreads() -> list[str]:
    if "greenlet" not in sys.modules:
        return []
    import greenlet  # noqa: PLC0415 - only where the service has it

    return [_stack(each.gr_frame) for each in gc.get_objects() if isinstance(each, greenlet.greenlet)]


def _stack(frame: Any) -> str:
    stack = io.StringIO()
    traceback.print_stack(frame, file=stack)
    return stack.getvalue()


def _escaped(value: Any) -> str:
    """As Jinja's filter ``e`` writes it."""
    return html.escape(str(value), quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _server() -> dict[str, str]:
    try:
        host = f"<B>Server hostname:</B><PRE>{_escaped(socket.gethostname())}</PRE>"
    except OSError:
        host = ""
    return {
        "host": host,
        "now": _escaped(_now()),
        "python": _escaped(sys.version),
        "platform": _escaped(platform.platform()),
        "counts": _escaped(gc.get_count()),
        "threshold": _escaped(gc.get_threshold()),
    }


def _html_threads(stacks: Sequence[str]) -> str:
    """The stacks twice: oslo.middleware shows threads as green threads as well."""
    if not stacks:
        return ""
    rows = "".join(f"<TR>\n    <TD><PRE>{_escaped(stack)}</PRE></TD>\n</TR>" for stack in stacks)
    table = f'(s) active:</H2>\n<TABLE bgcolor="#ffffff" border="1">\n<TBODY>\n{rows}\n</TBODY>\n</TABLE>'
    return f"<H2>{len(stacks)} greenthread{table}\n<HR></HR>\n<H2>{len(stacks)} thread{table}"


_HTML = """
<HTML>
<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>
<BODY>
{top}
<H2>Result of {count} checks:</H2>
<TABLE bgcolor="#ffffff" border="1">
<TBODY>
<TR>
{columns}
</TR>
{rows}
</TBODY>
</TABLE>
<HR></HR>
{bottom}
</BODY>
</HTML>
"""
_HTML_SERVER = """<H1>Server status</H1>
{host}
<B>Current time:</B><PRE>{now}</PRE>
<B>Python version:</B><PRE>{python}</PRE>
<B>Platform:</B><PRE>{platform}</PRE>
<HR></HR>
<H2>Garbage collector:</H2>
<B>Counts:</B><PRE>{counts}</PRE>
<B>Thresholds:</B><PRE>{threshold}</PRE>
<HR></HR>"""
_HTML_COLUMNS = "\n<TH>\nReason\n</TH>"
_HTML_COLUMNS_DETAILED = "<TH>\nKind\n</TH>\n<TH>\nReason\n</TH>\n<TH>\nDetails\n</TH>\n"
_HTML_ROW = "<TR>\n\n    <TD>{reason}</TD>\n\n</TR>"
_HTML_ROW_DETAILED = "<TR>\n<TD>{kind}</TD>\n    <TD>{reason}</TD>\n<TD>{details}</TD>\n</TR>"
