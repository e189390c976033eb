"""Logging in and out."""

import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from onward.web.forms import Form, form_of
from onward.web.guard import secret_of, session_of
from onward.web.keystone import NotLetIn
from onward.web.sessions import proof_of, same
from onward.web.site import Site, page, site_of

LOCAL_SECONDS = 12 * 3600.0
KEYSTONE_SECONDS = 3600.0
"""Shorter: a role may be taken away, and is only asked for at the door."""
OPERATOR = "operator"


async def show_login(request: Request) -> Response:
    """The form."""
    if session_of(request) is not None:
        return RedirectResponse("/", 303)
    return _form(request, "", 200)


async def log_in(request: Request) -> Response:
    """Look whether somebody may come in."""
    site = site_of(request)
    form = await form_of(request, request.cookies.get(f"{site.cookie}-login", ""))
    if site.attempts.too_many():
        return _form(request, "Too many attempts. Wait a minute.", 429)
    try:
        name, seconds = await run_in_threadpool(_who, site, form)
    except NotLetIn as refused:
        site.attempts.failed()
        return _form(request, str(refused), 403)
    answer = RedirectResponse("/", 303)
    _set(answer, site, site.cookie, site.sessions.begin(name, seconds), int(seconds))
    answer.delete_cookie(f"{site.cookie}-login", path="/login")
    return answer


def log_out(request: Request, form: Form) -> Response:
    """End the session; what the browser holds is worth nothing any more."""
    del form
    site = site_of(request)
    site.sessions.end(secret_of(request))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(site.cookie, path="/")
    return answer


def _who(site: Site, form: Form) -> tuple[str, float]:
    if site.keystone is not None:
        name = site.keystone.let_in(form.get("name", ""), form.get("password", ""), form.get("domain") or "Default")
        return name, KEYSTONE_SECONDS
    if not site.token or not same(form.get("token", "").strip(), site.token):
        raise NotLetIn("This is not the token of this server. Its terminal has printed the link.")
    return OPERATOR, LOCAL_SECONDS


def _form(request: Request, said: str, status: int) -> Response:
    site = site_of(request)
    secret = request.cookies.get(f"{site.cookie}-login", "") or secrets.token_urlsafe(32)
    answer = page(
        request, "login.html", {"said": said, "keystone": site.keystone, "proof": proof_of(secret)}, status=status
    )
    _set(answer, site, f"{site.cookie}-login", secret, 3600, path="/login")
    return answer


def _set(answer: Response, site: Site, name: str, value: str, seconds: int, path: str = "/") -> None:
    answer.set_cookie(name, value, max_age=seconds, path=path, secure=site.secure, httponly=True, samesite="strict")
