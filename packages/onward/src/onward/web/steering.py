"""What is done with runs from the page, with the same functions and commands as from a terminal."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from onward.actions.scratch import give_up_scratch
from onward.checks.waiver import parse_waivers
from onward.engine.runs import read_run, refuse_ended
from onward.engine.runs import request as ask_run
from onward.errors import ApprovalMissing, RunLocked
from onward.plan.plan import Plan
from onward.web.forms import Form
from onward.web.guard import session_of
from onward.web.plans import plan_called, way_back
from onward.web.site import site_of


def pause(request: Request, form: Form) -> Response:
    """Let the running steps finish, and stop."""
    del form
    run = request.path_params["run"]
    ask_run(site_of(request).directories, run, "pause")
    return _to(f"/runs/{run}")


def cancel(request: Request, form: Form) -> Response:
    """Let the running steps finish, and end the run for good. Whoever wants it types the run's name."""
    directories, run = site_of(request).directories, request.path_params["run"]
    record = read_run(directories, run)
    if form.get("named", "").strip() != record.plan.cloud:
        raise ApprovalMissing(
            "A run is ended for good only when its cloud or model is named.",
            evidence=f"typed {form.get('named', '')!r}, it is {record.plan.cloud!r}",
        )
    record = ask_run(directories, run, "cancel")
    if record.status == "cancelled":
        give_up_scratch(record.plan, directories.workspace(run))
    return _to(f"/runs/{run}")


def resume(request: Request, form: Form) -> Response:
    """Go on with a run, in a process of its own."""
    site, run = site_of(request), request.path_params["run"]
    record = read_run(site.directories, run)
    refuse_ended(record)
    if record.controller_pid is not None:
        raise RunLocked(f"{run} is at work already.", state="It goes on.", next_command=f"onward runs show {run}")
    words = ["runs", "resume", run, *_waivers(form)]
    return _to(f"/commands/{site.commands.begin('resume', words, _who(request), {'run': run})}")


def start(request: Request, form: Form) -> Response:
    """Apply a saved plan, exactly the one that was shown, in a process of its own."""
    site = site_of(request)
    file, plan = plan_called(site, request.path_params["plan"])
    _require_approval(plan, form)
    words = ["apply", str(file), "--cloud", str(site.cloud_file), "--approve", plan.digest, *_waivers(form)]
    return _to(f"/commands/{site.commands.begin('apply', words, _who(request), {'digest': plan.digest})}")


def restore(request: Request, form: Form) -> Response:
    """Put back what a run has backed up, by exactly the plan that was shown, in a process of its own."""
    site, run = site_of(request), request.path_params["run"]
    plan = way_back(site.directories, read_run(site.directories, run))
    _require_approval(plan, form)
    words = ["runs", "restore", run, "--approve", plan.digest]
    return _to(f"/commands/{site.commands.begin('restore', words, _who(request), {'digest': plan.digest})}")


def _require_approval(plan: Plan, form: Form) -> None:
    """Return when the form is about this plan, and agrees to what cannot be taken back. Raises ApprovalMissing."""
    if form.get("digest") != plan.digest:
        raise ApprovalMissing(
            "The plan has changed since it was shown.",
            evidence=f"approved {form.get('digest', '')}\nthe plan's {plan.digest}",
        )
    if any(not step.reversible for step in plan.steps) and form.get("named", "").strip() != plan.cloud:
        raise ApprovalMissing(
            "The plan has steps that cannot be taken back, and nobody agreed to them.",
            evidence=f"typed {form.get('named', '')!r}, the cloud is {plan.cloud!r}",
        )


def _waivers(form: Form) -> list[str]:
    """``NAME=REASON``, one on each line, as options. Raises WaiverUnclear."""
    lines = [line.strip() for line in form.get("waive", "").splitlines() if line.strip()]
    parse_waivers(lines)
    return [f"--waive={line}" for line in lines]


def _who(request: Request) -> str:
    session = session_of(request)
    return session.name if session is not None else ""


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)
