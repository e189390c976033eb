"""Saved plans: what there is, and what each would do."""

from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from onward.catalog.load import series_list
from onward.checks.waiver import GATES
from onward.engine.record import RunRecord
from onward.engine.runs import read_run
from onward.errors import OnwardError, PlanUnreadable
from onward.hosts.state import Directories
from onward.plan.plan import Plan, parse
from onward.survey.collector import collector_paused
from onward.survey.options import default_environment_wish
from onward.survey.recorded import models
from onward.survey.way_back import survey_way_back
from onward.views.summary import PHASE_TITLES, PHASES, phase_note
from onward.web.site import Site, page, site_of

MOST_PLANS = 100
MOST_BYTES = 64 * 1024 * 1024
"""The plan of a thousand units is a few MiB."""


def show_plans(request: Request) -> Response:
    """Those of the directory, the newest first."""
    site = site_of(request)
    files = [path for path in site.plans.glob("*.json") if path.is_file() and path.stat().st_size <= MOST_BYTES]
    found: list[tuple[str, Plan | None, str]] = []
    for file in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_PLANS]:
        try:
            found.append((file.name, read_plan(file), ""))
        except PlanUnreadable:
            # Other things end in .json as well.
            continue
        except OnwardError as error:
            found.append((file.name, None, f"{error.what} ({error.code})"))
    return page(
        request,
        "plans.html",
        {
            "plans": found,
            "directory": str(site.plans),
            "models": models(site.directories),
            "cloud_file": str(site.cloud_file) if site.cloud_file.is_file() else "",
            "series": [each.id for each in series_list()],
        },
    )


def show_plan(request: Request) -> Response:
    """One plan, with what is asked of whoever wants it carried out."""
    file, plan = plan_called(site_of(request), request.path_params["plan"])
    gated = any(step.action in GATES for step in plan.steps)
    return _reviewed(
        request, plan, file.name, f"/plans/{quote(file.name)}/start", f"onward apply {file.name}", gated=gated
    )


def show_way_back(request: Request) -> Response:
    """What would be done to put back what a run has backed up. Raises UnknownRun, NothingToRestore."""
    directories, run = site_of(request).directories, request.path_params["run"]
    plan = way_back(directories, read_run(directories, run))
    return _reviewed(
        request, plan, f"Back to before {run}", f"/runs/{run}/restore", f"onward runs restore {run}", gated=False
    )


def way_back(directories: Directories, record: RunRecord) -> Plan:
    """The plan that ``onward runs restore`` makes without options. Raises NothingToRestore."""
    return survey_way_back(directories, record, default_environment_wish())


def _reviewed(request: Request, plan: Plan, name: str, action: str, command: str, *, gated: bool) -> Response:
    phases = [
        (PHASE_TITLES[phase], phase_note(plan, phase), [each for each in plan.steps if each.phase == phase])
        for phase in PHASES
    ]
    return page(
        request,
        "plan.html",
        {
            "name": name,
            "plan": plan,
            "phases": [each for each in phases if each[2]],
            "irreversible": [step for step in plan.steps if not step.reversible],
            "gated": gated,
            "action": action,
            "same_as": command,
        },
    )


def plan_called(site: Site, name: str) -> tuple[Path, Plan]:
    """The plan of this name in the directory, and nowhere else. Raises HTTPException, PlanUnreadable, PlanEdited."""
    there = {path.name: path for path in site.plans.glob("*.json") if path.is_file()}
    if name not in there:
        raise HTTPException(404, "There is no such plan.")
    return there[name], read_plan(there[name])


def read_plan(file: Path) -> Plan:
    """A saved plan. Raises PlanUnreadable, PlanEdited."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanUnreadable(f"{file.name} cannot be read.", evidence=str(error)) from None
    with collector_paused():
        return parse(text, str(file))
