"""Call the APIs of a deployed cloud all the while that something happens to it, and say for how long each was gone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

import requests
from pydantic import Field

from onward.actions.deployment.noted import store_of
from onward.actions.trial.callers import ask, log_in, until_all_answer
from onward.actions.waiting import LOOK_SECONDS
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.state import Directories
from onward.observe.availability import Caller, Watch
from onward.plan.step import Frozen

_WATCH = "probe"
_MOMENT_SECONDS = 15.0


class _Wish(Frozen):
    """Both steps' arguments: where Keystone is and what else is called; nothing where the model has no Keystone."""

    url: str = ""
    secret: str = ""
    calls: dict[str, str] = Field(default_factory=dict)


class BeginProbe:
    """``probe.begin``: from now on callers ask every API, four times a second, as the administrator.

    Arguments: ``url`` of Keystone with /v3, ``secret``, ``calls``: URLs by the name of the API. Evidence: the ``apis``.
    """

    name = "probe.begin"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Begin, and wait until each API has answered once. Raises UnitNotReady.

        Where an earlier run has left services stopped, there is nobody to ask: then ``apis`` is empty.
        """
        try:
            watch = _watch(context, self._directories)
        except StepFailed:
            if any(step.action == "model.check" for step in context.plan.steps):
                raise  # They were found to be well just now.
            context.progress("Keystone does not answer: for how long its APIs are gone was not seen from the beginning")
            return {"apis": []}
        until_all_answer(context, watch, 0.0)
        return {"apis": list(watch.names())}


class EndProbe:
    """``probe.end``: wait until all APIs answer again, then say for how long each was gone, as its callers saw it.

    Arguments: those of ``probe.begin``. Evidence: ``apis`` with ``longest_seconds``, ``calls``, ``failed``;
    ``whole``: whether the callers have been at work since ``probe.begin``, which a run that was resumed has not.
    """

    name = "probe.end"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Wait and end. Raises UnitNotReady."""
        known = context.session.known(_WATCH)
        watch = _watch(context, self._directories)
        until_all_answer(context, watch, time.monotonic())
        seen = {name: asdict(each) for name, each in watch.finish().items()}
        longest = max((each["longest_seconds"] for each in seen.values()), default=0.0)
        return {"apis": seen, "longest_seconds": longest, "whole": known}


def _watch(context: StepContext, directories: Directories) -> Watch:
    wish = _Wish.model_validate(context.step.arguments)
    password = store_of(directories, context).secrets().get(wish.secret, "")

    @contextmanager
    def at_work() -> Iterator[Watch]:
        watch = Watch(_callers(wish, password))
        try:
            yield watch
        finally:
            watch.finish()

    return context.session.use(_WATCH, at_work)


def _callers(wish: _Wish, password: str) -> dict[str, Caller]:
    if not wish.url:
        return {}
    try:
        # One token for all of the time: one that was issued before has to be good afterwards.
        token = _first_token(wish.url, password)
    except requests.RequestException as error:
        raise StepFailed("Keystone cannot be asked for a token.", evidence=str(error)) from None
    callers: dict[str, Caller] = {"identity": lambda: _log_in(wish.url, password)}
    return callers | {name: partial(ask, url, token) for name, url in wish.calls.items()}


def _first_token(url: str, password: str) -> str:
    """A load balancer that has just found Keystone well again is given a moment. Raises requests.RequestException."""
    deadline = time.monotonic() + _MOMENT_SECONDS
    while True:
        try:
            return log_in(url, "admin", password, "admin")
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)


def _log_in(url: str, password: str) -> None:
    log_in(url, "admin", password, "admin")
