"""The page's application: which address is answered by what."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from onward.engine.runs import last_number
from onward.errors import LOCKED_OR_STALE, REFUSED, ModelUnknown, OnwardError, UnknownRun
from onward.web import asking, entrance, journal, overview, plans, runs, steering
from onward.web.forms import posted
from onward.web.guard import Guard, session_of
from onward.web.site import Site, page, site_of

STATIC = {
    "htmx.min.js": "text/javascript",
    "page.js": "text/javascript",
    "login.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def application(site: Site, names: frozenset[str], listening: journal.Listening) -> Guard:
    """Everything behind its guard. ``names`` are the host names that are answered to."""
    get: list[tuple[str, Callable[[Request], Response]]] = [
        ("/", overview.show_overview),
        ("/part", overview.overview_part),
        ("/models/{model}", overview.show_model),
        ("/models/{model}/part", overview.model_part),
        ("/models/{model}/cause", overview.cause_part),
        ("/models/{model}/health", overview.health_part),
        ("/runs", runs.show_runs),
        ("/runs/{run}", runs.show_run),
        ("/runs/{run}/verdict", runs.verdict_part),
        ("/runs/{run}/part", runs.run_part),
        ("/runs/{run}/steering", runs.steering_part),
        ("/runs/{run}/report", runs.show_report),
        ("/runs/{run}/report.json", runs.report_data),
        ("/runs/{run}/timings", runs.show_timings),
        ("/runs/{run}/restore", plans.show_way_back),
        ("/journal", journal.show_journal),
        ("/plans", plans.show_plans),
        ("/plans/{plan}", plans.show_plan),
        ("/checks", asking.show_checks),
        ("/policy", asking.show_policy),
        ("/commands/{command}", asking.show_command),
        ("/commands/{command}/part", asking.command_part),
        ("/commands/{command}/policy", asking.show_difference),
        ("/static/{name}", _static),
    ]
    post = [
        ("/runs/{run}/pause", steering.pause),
        ("/runs/{run}/cancel", steering.cancel),
        ("/runs/{run}/resume", steering.resume),
        ("/runs/{run}/restore", steering.restore),
        ("/plans/{plan}/start", steering.start),
        ("/plans", asking.make_plan),
        ("/checks", asking.check),
        ("/policy", asking.compare_policy),
        ("/logout", entrance.log_out),
    ]
    routes = [
        Route("/login", entrance.show_login, methods=["GET"]),
        Route("/login", entrance.log_in, methods=["POST"]),
        Route("/events", listening.listen, methods=["GET"]),
        *(Route(path, _shown(handle), methods=["GET"]) for path, handle in get),
        *(Route(path, posted(handle), methods=["POST"]) for path, handle in post),
    ]

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        yield
        listening.closing.set()

    inner = Starlette(
        routes=routes,
        lifespan=life,
        exception_handlers={OnwardError: _said, HTTPException: _refused},  # type: ignore[dict-item]
    )
    inner.state.site = site
    return Guard(inner, site.sessions, names, site.cookie)


def _shown(handle: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The same, which knows the last event before anything is looked at: what comes after is heard by the page."""

    def endpoint(request: Request) -> Response:
        request.state.after = last_number(site_of(request).directories)
        return handle(request)

    return endpoint


def _static(request: Request) -> Response:
    """What pages fetch; nothing but what is named here."""
    name = request.path_params["name"]
    if name == "page.css":
        parts = (files("onward.views") / "templates" / "report.css", files("onward.web") / "static" / "page.css")
        return Response("\n".join(part.read_text(encoding="utf-8") for part in parts), media_type="text/css")
    if name not in STATIC:
        return PlainTextResponse("Not found.\n", 404)
    return Response((files("onward.web") / "static" / name).read_bytes(), media_type=STATIC[name])


async def _said(request: Request, error: OnwardError) -> Response:
    """One of Onward's own errors, as the terminal would say it."""
    status = 409 if error.exit_status in (LOCKED_OR_STALE, REFUSED) else 500
    if isinstance(error, UnknownRun | ModelUnknown):
        status = 404
    return page(request, "error.html", {"error": error}, status=status)


async def _refused(request: Request, error: HTTPException) -> Response:
    """What is no error of Onward's: there is no such page, a form that is too old."""
    if session_of(request) is None:
        return PlainTextResponse(f"{error.detail}\n", error.status_code)
    return page(request, "refused.html", {"status": error.status_code, "said": error.detail}, error.status_code)
