"""``onward watch``: everything that is deployed and at work, in one live picture."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from onward.commands.base import Command
from onward.commands.store import add_store_option, stored_directories_of
from onward.errors import DONE, REFUSED, ModelUnknown, OnwardError
from onward.hosts.state import Directories
from onward.survey.diagnosis import ModelDiagnosis, diagnose_model
from onward.survey.health import model_health
from onward.survey.overview import ModelOverview, survey_overview
from onward.survey.recorded import only_model
from onward.views.cause_words import cause_words
from onward.views.health_words import unwell_words
from onward.views.overview_watch import OverviewWatch, WatchedModel

LOOK_SECONDS = 1.0
"""Between two looks at units and runs."""
DIAGNOSIS_SECONDS = 10.0
"""Between two diagnoses, each of which asks every server."""


class Watch(Command):
    """Watch all models, their units, the runs that are not at their end, and the cause of what is wrong.

    On a terminal it is one picture that is drawn anew until Ctrl-C; elsewhere a line for each change. Nothing is
    changed. With --once the exit status is 4 where a cause is named, as that of `onward diagnose`.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add what is watched, and for how long."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of a model (default: all of them)")
        add_store_option(parser)
        parser.add_argument("--once", action="store_true", help="show it once, with the causes, and end")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Look until somebody has seen enough. Ctrl-C is the way out, and no failure."""
        directories = stored_directories_of(self, parsed_args)
        only = only_model(directories, parsed_args.model) if parsed_args.model is not None else None
        with (
            ThreadPoolExecutor(1, thread_name_prefix="diagnosis") as thread,
            OverviewWatch(self.app.stdout, live=not parsed_args.once) as watch,
        ):
            looks = _Diagnoses(directories, thread)
            try:
                while True:
                    seen = survey_overview(directories, only)
                    if parsed_args.once:
                        found = [_watched(each, looks.now(each.name)) for each in seen.models]
                        watch.print_once(found, seen.runs)
                        return REFUSED if any(each.causes for each in found) else DONE
                    watch.show([_watched(each, looks.latest(each.name)) for each in seen.models], seen.runs)
                    time.sleep(LOOK_SECONDS)
            except KeyboardInterrupt:
                return 0
            except ModelUnknown:
                self.tell(f"{only} is deployed here no more.")
                return 0


@dataclass(frozen=True)
class _Look:
    causes: tuple[str, ...]
    unwell: tuple[str, ...]
    """What APIs tell of what they use that is not well."""


class _Diagnoses:
    """The latest diagnosis of each model; another one is made beside, so that the picture never waits for it."""

    def __init__(self, directories: Directories, thread: ThreadPoolExecutor) -> None:
        self._directories = directories
        self._thread = thread
        self._latest: dict[str, _Look] = {}
        self._begun: dict[str, tuple[float, Future[_Look]]] = {}

    def latest(self, model: str) -> _Look | None:
        """What was found last; None where nothing has been yet."""
        began, future = self._begun.get(model, (float("-inf"), None))
        if future is not None and future.done():
            self._latest[model] = future.result()
            future = None
        if future is None and time.monotonic() - began >= DIAGNOSIS_SECONDS:
            self._begun[model] = (time.monotonic(), self._thread.submit(self.now, model))
        return self._latest.get(model)

    def now(self, model: str) -> _Look:
        """What is found; why it cannot be told stands among the causes."""
        try:
            unwell = tuple(unwell_words(model_health(self._directories, model)))
            return _Look(_words(diagnose_model(self._directories, model)), unwell)
        except OnwardError as error:
            return _Look((f"could not tell: {error.what} ({error.code})",), ())


def _words(found: ModelDiagnosis) -> tuple[str, ...]:
    return tuple(f"{each.subject}: {cause_words(each)}. {each.evidence}. Look: {way}" for each, way in found.causes)


def _watched(model: ModelOverview, look: _Look | None) -> WatchedModel:
    causes, unwell = (look.causes, look.unwell) if look is not None else (None, ())
    return WatchedModel(model.name, model.region, model.status, model.untold, causes, unwell)
