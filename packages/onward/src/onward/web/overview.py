"""What is deployed and how it is, what is at work, and what is the cause of what is wrong."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from onward.diagnosis.history import Episode
from onward.errors import HistoryMissing, ModelUnknown, OnwardError
from onward.model.health import UnitHealth
from onward.survey.diagnosis import ModelDiagnosis, diagnose_model, diagnose_past
from onward.survey.health import model_health
from onward.survey.overview import ModelOverview, Overview, survey_overview
from onward.survey.recorded import models
from onward.views.cause_words import cause_words
from onward.views.graph import boxes_of, picture_of, table_of
from onward.views.health_words import unwell_words
from onward.views.summary import finished_steps
from onward.web.site import Site, page, site_of

STATUS_SECONDS = 2.0
DIAGNOSIS_SECONDS = 10.0
HEALTH_SECONDS = 3.0
MOST_AT_ONCE = 8
PAST_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class ShownCause:
    """A cause in words."""

    words: str
    where: str
    evidence: str
    next: str


@dataclass(frozen=True)
class ShownDiagnosis:
    """What diagnosis says of a model."""

    causes: tuple[ShownCause, ...]
    untold: tuple[str, ...]
    looked_at: int
    failed: str = ""
    """Why there is none."""


def show_overview(request: Request) -> Response:
    """All models and the runs that somebody may have to look after."""
    return page(request, "overview.html", _overview(site_of(request)))


def overview_part(request: Request) -> Response:
    """The part of it that changes."""
    return page(request, "overview_part.html", _overview(site_of(request)))


def show_model(request: Request) -> Response:
    """One model: its units, and who uses whom."""
    return page(request, "model.html", _model(request))


def model_part(request: Request) -> Response:
    """The units, as they are now."""
    return page(request, "model_part.html", _model(request))


def cause_part(request: Request) -> Response:
    """The cause of what is wrong with a model, and its picture."""
    site, name = site_of(request), _known(request)
    model = _of_model(site, name)
    found = site.looks.seen(("diagnosis", name), DIAGNOSIS_SECONDS, lambda: _diagnosis(site, name))
    causes = found.causes if isinstance(found, ModelDiagnosis) else ()
    units = model.status.units if model.status is not None else ()
    boxes = boxes_of(model.graph, units, [(each, cause_words(each)) for each, _ in causes])
    return page(
        request,
        "cause_part.html",
        {"name": name, "diagnosis": _shown(found), "picture": picture_of(model.graph, boxes), "boxes": boxes}
        | {"uses": table_of(model.graph)},
    )


def health_part(request: Request) -> Response:
    """What the APIs of a model found of what they use, and what was wrong in the last day."""
    site, name = site_of(request), _known(request)
    return page(request, "health_part.html", {"name": name, "units": _health(site, name), "past": _past(site, name)})


def _past(site: Site, name: str) -> list[Episode] | None:
    """What was wrong in the last day, the latest first; None where nobody keeps it."""
    try:
        return sorted(
            diagnose_past(site.directories, name, time.time() - PAST_SECONDS), key=lambda each: each.began, reverse=True
        )
    except HistoryMissing:
        return None


def _overview(site: Site) -> dict[str, object]:
    found: Overview = site.looks.seen("overview", STATUS_SECONDS, lambda: survey_overview(site.directories))
    regions: dict[str, list[ModelOverview]] = {}
    for each in found.models:
        regions.setdefault(each.region, []).append(each)
    return {
        "regions": sorted(regions.items()),
        "runs": [(each, finished_steps(each)) for each in found.runs],
        "at": found.at,
        "counts": {each.name: _counts(each) for each in found.models},
        "unwell": _unwell(site, [each.name for each in found.models]),
        "diagnoses": {each.name: _latest_diagnosis(site, each.name) for each in found.models},
    }


def _unwell(site: Site, names: list[str]) -> dict[str, list[str]]:
    """By model, what its APIs tell of what they use that is not well."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
        return dict(zip(names, threads.map(lambda name: list(unwell_words(_health(site, name))), names), strict=True))


def _health(site: Site, name: str) -> tuple[UnitHealth, ...]:
    try:
        return site.looks.seen(("health", name), HEALTH_SECONDS, lambda: model_health(site.directories, name))
    except ModelUnknown:
        # It was destroyed between two looks.
        return ()


def _counts(model: ModelOverview) -> dict[str, tuple[int, int]]:
    """By application, how many of its units are active, and how many there are."""
    counts: dict[str, tuple[int, int]] = {}
    for unit in model.status.units if model.status is not None else ():
        name = unit.name.partition("/")[0]
        active, known = counts.get(name, (0, 0))
        counts[name] = (active + (unit.state == "active"), known + 1)
    return counts


def _model(request: Request) -> dict[str, object]:
    site, name = site_of(request), _known(request)
    model = _of_model(site, name)
    return {"model": model, "counts": _counts(model), "runs": []}


def _of_model(site: Site, name: str) -> ModelOverview:
    found: Overview = site.looks.seen(("model", name), STATUS_SECONDS, lambda: survey_overview(site.directories, name))
    return found.models[0]


def _known(request: Request) -> str:
    """The name of a model that there is: nothing else becomes part of a path. Raises ModelUnknown."""
    name: str = request.path_params["model"]
    if name not in models(site_of(request).directories):
        raise ModelUnknown("No such model is deployed here.", next_command="onward status")
    return name


def _diagnosis(site: Site, name: str) -> ModelDiagnosis | OnwardError:
    try:
        return diagnose_model(site.directories, name)
    except OnwardError as error:
        return error


def _latest_diagnosis(site: Site, name: str) -> ShownDiagnosis | None:
    found = site.looks.latest(("diagnosis", name), DIAGNOSIS_SECONDS, lambda: _diagnosis(site, name))
    return None if found is None else _shown(found)


def _shown(found: ModelDiagnosis | OnwardError) -> ShownDiagnosis:
    if isinstance(found, OnwardError):
        return ShownDiagnosis((), (), 0, f"{found.what} ({found.code})")
    causes = tuple(ShownCause(cause_words(each), each.subject, each.evidence, way) for each, way in found.causes)
    return ShownDiagnosis(causes, found.untold, found.looked_at)
