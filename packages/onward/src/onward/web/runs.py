"""Runs: all of them, one while it is at work or years later, its report and its times."""

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from onward.checks.waiver import GATES
from onward.engine.record import RunRecord, StepRecord
from onward.engine.runs import ENDED, events, list_runs, read_run
from onward.errors import OnwardError
from onward.hosts.baselines import BaselineStore
from onward.plan.step import Phase
from onward.survey.restore import has_changed_the_database
from onward.survey.timings import comparison_with, times_of
from onward.timings.path import critical_path, shares
from onward.timings.units import units
from onward.views.data import to_json
from onward.views.picture import whole_run
from onward.views.report import render
from onward.views.summary import (
    PHASE_TITLES,
    PHASES,
    findings_of,
    finished_steps,
    phase_note_of,
    title_of,
    took_of,
)
from onward.views.timeline import timeline_of
from onward.views.verdict import next_command, next_heading, verdict_of
from onward.web.journal import shown
from onward.web.site import page, site_of

MOST_RUNS = 200
MOST_EVENTS = 200
RESTORED = ("upgrade", "deployment")
"""Kinds of runs that make backups."""
MOST_STEPS = 400
"""Of a run, all of which its page shows."""
MOST_BESIDE = 20
"""Of a larger one's phase: so many that ended last, and that wait."""
_OWN_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


def show_runs(request: Request) -> Response:
    """All runs, the newest first."""
    records = sorted(list_runs(site_of(request).directories), key=lambda each: each.created, reverse=True)
    return page(
        request,
        "runs.html",
        {"runs": [(each, finished_steps(each)) for each in records[:MOST_RUNS]], "known": len(records)},
    )


def show_run(request: Request) -> Response:
    """One run: how it stands, what can be done with it, its steps and its events."""
    record = _record(request)
    found = events(site_of(request).directories, record.run_id)
    after = found[-1].number if found else 0
    context = {"events": [shown(each) for each in reversed(found[-MOST_EVENTS:])], "after": after}
    return page(request, "run.html", context | _of(record))


def verdict_part(request: Request) -> Response:
    """How the run stands, before what can be done with it."""
    return page(request, "verdict_part.html", _of(_record(request)))


def run_part(request: Request) -> Response:
    """The part of it that changes with every event."""
    return page(request, "run_part.html", _of(_record(request)))


def steering_part(request: Request) -> Response:
    """What can be done with the run as it stands."""
    return page(request, "steering_part.html", _of(_record(request)))


def show_report(request: Request) -> Response:
    """The report, the same as ``onward runs report`` writes."""
    return standing_alone(render(_record(request)))


def report_data(request: Request) -> Response:
    """The same as JSON."""
    record = _record(request)
    name = f'attachment; filename="{record.run_id}.json"'
    return Response(to_json(record), media_type="application/json", headers={"content-disposition": name})


def show_timings(request: Request) -> Response:
    """What a run took and why; held against a baseline where one is named."""
    site, record = site_of(request), _record(request)
    times = times_of(record)
    chain = critical_path(times.steps)
    store = BaselineStore(site.directories.baselines)
    against = request.query_params.get("baseline", "")
    compared, said = None, ""
    if against:
        try:
            compared, _ = comparison_with(site.directories, store.read(against), [record.run_id])
        except OnwardError as error:
            said = f"{error.what} {error.evidence} ({error.code})"
    return page(
        request,
        "timings.html",
        {
            "record": record,
            "title": title_of(record),
            "chain": chain,
            "shares": shares(times.steps, chain),
            "units": sorted(units(times), key=lambda each: -each.seconds),
            "baselines": store.names(),
            "against": against,
            "compared": compared,
            "said": said,
        },
    )


def standing_alone(text: str) -> Response:
    """A page that stands alone as it is written to files, with the policy that it has for itself."""
    found = _OWN_POLICY.search(text)
    policy = (found.group(1) if found else "default-src 'none'") + "; frame-ancestors 'none'; sandbox"
    return HTMLResponse(text, headers={"content-security-policy": policy})


def steps_worth_seeing(record: RunRecord, phase: Phase) -> tuple[list[StepRecord], int]:
    """The steps of a phase, and how many are left out: of a large run those at work or failed, and some others.

    The page of a run is made anew with every event of it; that of a thousand units has many thousand steps.
    """
    steps = [each for each in record.steps if each.step.phase == phase]
    if len(record.steps) <= MOST_STEPS:
        return steps, 0
    ended = sorted((each for each in steps if each.finished is not None), key=lambda each: each.finished or 0.0)
    waiting = [each for each in steps if each.status == "waiting"]
    seen = {each.step.id for each in (*ended[-MOST_BESIDE:], *waiting[:MOST_BESIDE])}
    shown = [each for each in steps if each.status in ("running", "failed") or each.step.id in seen]
    return shown, len(steps) - len(shown)


def _record(request: Request) -> RunRecord:
    return read_run(site_of(request).directories, request.path_params["run"])


def _of(record: RunRecord) -> dict[str, object]:
    timeline = timeline_of(record)
    phases = [
        (PHASE_TITLES[phase], phase_note_of(record, phase), *steps_worth_seeing(record, phase)) for phase in PHASES
    ]
    return {
        "record": record,
        "plan": record.plan,
        "title": title_of(record),
        "took": took_of(record),
        "count": finished_steps(record),
        "done": sum(each.status == "done" for each in record.steps),
        "verdict": verdict_of(record),
        "next_command": next_command(record),
        "next_heading": next_heading(record),
        "phases": [each for each in phases if each[2]],
        "picture": whole_run(timeline) if timeline.seconds and len(record.steps) <= MOST_STEPS else None,
        "findings": findings_of(record),
        "ended": record.status in ENDED,
        "way_back": record.controller_pid is None and has_changed_the_database(record) and record.plan.kind in RESTORED,
        "gate_failed": any(each.step.action in GATES for each in record.failures),
    }
