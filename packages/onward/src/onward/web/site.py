"""What one server of the page is for, and how its pages are drawn."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from onward.engine.runs import last_number
from onward.hosts.state import Directories
from onward.views.cause_words import cause_words
from onward.views.html import finalized
from onward.views.report import LEVEL_WORDS, evidence_text
from onward.views.words import clock, counted, duration, moment
from onward.web.begun import Commands
from onward.web.guard import secret_of, session_of
from onward.web.keystone import KeystoneLogin
from onward.web.looks import Looks
from onward.web.sessions import Attempts, Sessions, proof_of

_TEMPLATES = Environment(
    loader=PackageLoader("onward.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=finalized,
)
_TEMPLATES.filters.update(duration=duration, moment=moment, clock=clock, counted=counted, evidence=evidence_text)
_TEMPLATES.filters["cause"] = cause_words


@dataclass(frozen=True)
class Site:
    """Everything that pages need."""

    directories: Directories
    plans: Path
    """Where saved plans are looked for."""
    cloud_file: Path
    sessions: Sessions
    cookie: str
    token: str = field(repr=False)
    """What is typed to log in; empty where a Keystone is asked."""
    keystone: KeystoneLogin | None = None
    secure: bool = False
    """Whether browsers come over TLS."""
    attempts: Attempts = field(default_factory=Attempts)
    looks: Looks = field(default_factory=Looks)

    def __post_init__(self) -> None:
        object.__setattr__(self, "commands", Commands(self.directories))

    commands: Commands = field(init=False)


def site_of(request: Request) -> Site:
    """The site that a call is for."""
    found: Site = request.app.state.site
    return found


def page(request: Request, template: str, context: Mapping[str, Any], status: int = 200) -> Response:
    """A page from one of our templates. ``after`` may say from which event on it is to be told what happens."""
    session = session_of(request)
    secret = secret_of(request)
    values = {
        "session": session,
        "proof": proof_of(secret) if secret else "",
        "here": request.url.path,
        "now": time.time(),
        "level_words": LEVEL_WORDS,
        **context,
    }
    if session is not None and "after" not in values:
        known = getattr(request.state, "after", None)
        values["after"] = last_number(site_of(request).directories) if known is None else known
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status)
