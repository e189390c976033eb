"""What stands before every page: which names are answered to, who may pass, and what browsers are told to refuse."""

import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from onward.web.sessions import Session, Sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PUBLIC = ("/login", "/static/")
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # A form of ours has to say where it comes from; other servers are told nothing.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """Wraps the whole application. Nothing of it is seen by whoever is not logged in, not even what there is."""

    application: Application
    sessions: Sessions
    names: frozenset[str]
    """Host names and addresses that the page answers to: a page of another name that resolves to us gets nothing."""
    cookie: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.application(scope, receive, send)
            return
        sent = _Sent(send)
        try:
            refusal = self._refusal(scope)
            await (refusal or self.application)(scope, receive, sent)
        except Exception as error:  # the last resort: nothing of it goes to the browser
            last = traceback.extract_tb(error.__traceback__)[-1]
            print(f"The page failed: {type(error).__name__} at {last.filename}:{last.lineno}", file=sys.stderr)
            if not sent.begun:
                await PlainTextResponse("Onward itself failed; its terminal says where.\n", 500)(scope, receive, sent)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to whoever may not pass; None for others, whose session is then in the scope."""
        connection = HTTPConnection(scope)
        host = connection.headers.get("host", "")
        if name_of(host) not in self.names:
            return PlainTextResponse("This page is not called so; see onward web --name.\n", 421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("Not allowed.\n", 405)
        if scope["method"] == "POST" and not _from_here(connection, host):
            return PlainTextResponse("This form is not of this page.\n", 403)
        secret = connection.cookies.get(self.cookie, "")
        session = self.sessions.find(secret) if secret else None
        scope["onward.session"], scope["onward.secret"] = session, secret if session else ""
        path = scope["path"]
        if session is not None or path == PUBLIC[0] or path.startswith(PUBLIC[1]):
            return None
        if scope["method"] != "POST" and "text/html" in connection.headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return PlainTextResponse("Log in first.\n", 401)


class _Sent:
    """Sends on, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            there = {name.lower() for name, _ in message.get("headers", [])}
            more = {**HEADERS, "content-security-policy": POLICY}
            message["headers"] = [
                *message.get("headers", []),
                *((name.encode(), value.encode()) for name, value in more.items() if name.encode() not in there),
            ]
        await self._send(message)


def session_of(connection: HTTPConnection) -> Session | None:
    """Who asks; None where nobody is logged in."""
    found: Session | None = connection.scope.get("onward.session")
    return found


def secret_of(connection: HTTPConnection) -> str:
    """What the browser of whoever asks holds; empty where nobody is logged in."""
    return str(connection.scope.get("onward.secret", ""))


def name_of(host: str) -> str:
    """The name in a Host header, without the port: a forwarded port is another one. Empty where it has none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _from_here(connection: HTTPConnection, host: str) -> bool:
    """Whether a form was sent by a page of ours, as far as the browser says. Forms bring a proof beside it."""
    site = connection.headers.get("sec-fetch-site", "same-origin")
    origin = connection.headers.get("origin")
    if site not in ("same-origin", "none"):
        return False
    return origin is None or urlsplit_netloc(origin) == host.lower()


def urlsplit_netloc(origin: str) -> str:
    """Host and port of an Origin header; empty where it has none, as that of a page in a sandbox."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
