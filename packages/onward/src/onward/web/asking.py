"""Checks, plans and comparisons of policies that are asked for from the page, and what came of them."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from onward.catalog.load import series_list, services_with_policy
from onward.checks.waiver import parse_waivers
from onward.engine.runs import read_run
from onward.errors import InvalidCloudFile, ModelUnknown
from onward.survey.cloud import load_cloud
from onward.survey.recorded import models
from onward.views.words import counted
from onward.web.begun import ABOUT_RUNS, Begun
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


def make_plan(request: Request, form: Form) -> Response:
    """Begin ``onward plan upgrade``; the plan is saved among the others, under a name that none has."""
    site = site_of(request)
    target = series_list().find(form.get("target", "")).id
    words = ["plan", "upgrade", "--to", target]
    if model := form.get("model", ""):
        _require_model(request, model)
        words += ["--model", model]
    else:
        words += ["--cloud", str(site.cloud_file)]
    name = f"{model or site.cloud_file.stem}-to-{target}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    words += ["-o", str(site.plans / name)]
    return RedirectResponse(f"/commands/{site.commands.begin('plan', words, _who(request), {'plan': name})}", 303)


def show_policy(request: Request) -> Response:
    """Which policies can be compared, and the latest comparisons."""
    site = site_of(request)
    return page(
        request,
        "policy.html",
        {
            "services": services_with_policy(),
            "configured": sorted(_configurations(site.cloud_file)),
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
    if form.get("own"):
        # Never a path that somebody typed: whoever may log in need not be one who may read this machine's files.
        words += [f"--config-file={path}" for path in _configurations(site.cloud_file).get(service, ())]
    return RedirectResponse(f"/commands/{site.commands.begin('policy', words, _who(request))}", 303)


def _configurations(cloud_file: Path) -> dict[str, tuple[str, ...]]:
    """The configuration files of the services of a cloud file; none where there is none that can be read."""
    try:
        return {name: service.configuration for name, service in load_cloud(cloud_file).services.items()}
    except InvalidCloudFile:
        return {}


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
        # Said once to those who listen instead of looking.
        ended = "without a word" if command.status is None else f"with exit status {command.status}"
        answer.headers["hx-trigger"] = json.dumps({"said": f"onward {command.kind} has ended {ended}"})
    return answer


def show_difference(request: Request) -> Response:
    """The page that ``onward policy diff --html`` has written."""
    file = _found(request).directory / "policy.html"
    if not file.is_file():
        return PlainTextResponse("There is no such page.\n", 404)
    return standing_alone(file.read_text(encoding="utf-8"))


def _command(request: Request) -> dict[str, object]:
    site, command = site_of(request), _found(request)
    begins_a_run = command.kind in ABOUT_RUNS
    return {
        "command": command,
        "run": site.commands.run_of(command) if begins_a_run else None,
        "findings": _findings(command) if command.kind == "check" else None,
        "plan": command.about.get("plan") if command.status == 0 else None,
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
