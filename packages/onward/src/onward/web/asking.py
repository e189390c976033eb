"""Checks and comparisons of policies that are begun from the page, and what came of them."""

import json
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from onward.catalog.load import series_list, services_with_policy
from onward.checks.waiver import parse_waivers
from onward.engine.runs import read_run
from onward.errors import ModelUnknown
from onward.survey.recorded import models
from onward.views.words import counted
from onward.web.begun import Begun
from onward.web.forms import Form
from onward.web.guard import session_of
from onward.web.runs import standing_alone
from onward.web.site import page, site_of

MOST_SHOWN = 10
STOP_ASKING = 286
"""The status with which htmx is told so."""


@dataclass(frozen=True)
class ShownFinding:
    """A finding, with the keys that ``onward check -f json`` has."""

    result: str
    name: str
    about: str
    details: str
    way_out: str
    waived: str


def show_checks(request: Request) -> Response:
    """What can be checked, and the latest checks."""
    site = site_of(request)
    return page(
        request,
        "checks.html",
        {
            "models": models(site.directories),
            "cloud_file": str(site.cloud_file) if site.cloud_file.is_file() else "",
            "series": [each.id for each in series_list()],
            "latest": site.commands.latest("check", MOST_SHOWN),
        },
    )


def check(request: Request, form: Form) -> Response:
    """Begin ``onward check``."""
    site = site_of(request)
    words = ["check", "-f", "json"]
    if model := form.get("model", ""):
        _require_model(request, model)
        words += ["--model", model]
    else:
        words += ["--cloud", str(site.cloud_file)]
    if target := form.get("target", ""):
        words += ["--to", series_list().find(target).id]
    lines = [line.strip() for line in form.get("waive", "").splitlines() if line.strip()]
    parse_waivers(lines)
    words += [f"--waive={line}" for line in lines]
    return RedirectResponse(f"/commands/{site.commands.begin('check', words, _who(request))}", 303)


def show_policy(request: Request) -> Response:
    """Which policies can be compared, and the latest comparisons."""
    site = site_of(request)
    return page(
        request,
        "policy.html",
        {
            "services": services_with_policy(),
            "series": [each.id for each in series_list()],
            "latest": site.commands.latest("policy", MOST_SHOWN),
        },
    )


def compare_policy(request: Request, form: Form) -> Response:
    """Begin ``onward policy diff``."""
    site = site_of(request)
    service = form.get("service", "")
    if service not in services_with_policy():
        raise HTTPException(400, "No such service has a policy.")
    ends = [series_list().find(form.get(end, "")).id for end in ("source", "target")]
    words = ["policy", "diff", service, "--from", ends[0], "--to", ends[1], "-f", "json"]
    words += ["--html", "{here}/policy.html"]
    if file := form.get("file", "").strip():
        words.append(f"--policy-file={file}")
    return RedirectResponse(f"/commands/{site.commands.begin('policy', words, _who(request))}", 303)


def show_command(request: Request) -> Response:
    """A command that was begun here: what it says, and what came of it."""
    return page(request, "command.html", _command(request))


def command_part(request: Request) -> Response:
    """The part of it that changes. Once its run is at work, the browser goes there."""
    context = _command(request)
    answer = page(request, "command_part.html", context)
    command, run = _found(request), context["run"]
    if command.at_work and run and read_run(site_of(request).directories, str(run)).controller_pid is not None:
        answer.headers["hx-redirect"] = f"/runs/{run}"
    elif not command.at_work:
        answer.status_code = STOP_ASKING
    return answer


def show_difference(request: Request) -> Response:
    """The page that ``onward policy diff --html`` has written."""
    file = _found(request).directory / "policy.html"
    if not file.is_file():
        return PlainTextResponse("There is no such page.\n", 404)
    return standing_alone(file.read_text(encoding="utf-8"))


def _command(request: Request) -> dict[str, object]:
    site, command = site_of(request), _found(request)
    begins_a_run = command.kind in ("apply", "resume")
    return {
        "command": command,
        "run": site.commands.run_of(command) if begins_a_run else None,
        "findings": _findings(command) if command.kind == "check" else None,
        "difference": (command.directory / "policy.html").is_file(),
    }


def _findings(command: Begun) -> list[ShownFinding] | None:
    """What a check has found; None where it found nothing out."""
    try:
        told = json.loads(command.out)
    except ValueError:
        return None
    keys = ("Result", "Check", "About", "Details", "Way out", "Waived")
    return [ShownFinding(*(str(each.get(key, "")) for key in keys)) for each in told]


def _found(request: Request) -> Begun:
    command = site_of(request).commands.find(request.path_params["command"])
    if command is None:
        raise HTTPException(404, "No such command was begun here, or it is forgotten.")
    return command


def _require_model(request: Request, model: str) -> None:
    known = models(site_of(request).directories)
    if model not in known:
        raise ModelUnknown("No such model is deployed here.", evidence=f"deployed: {counted(len(known), 'model')}")


def _who(request: Request) -> str:
    session = session_of(request)
    return session.name if session is not None else ""
