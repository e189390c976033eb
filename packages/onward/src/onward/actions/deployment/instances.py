"""Remember the instances of a model before its services go to another release, and see that none was touched."""

import time
from pathlib import Path

import requests
from pydantic import Field, TypeAdapter

from onward.actions.check_cloud import INSTANCES
from onward.actions.deployment.noted import store_of
from onward.actions.trial.callers import log_in
from onward.actions.waiting import LOOK_SECONDS
from onward.engine.action import Evidence, StepContext
from onward.errors import InstancesTouched, StepFailed
from onward.hosts.private_file import write_private
from onward.hosts.state import Directories
from onward.model.instances import Instance, touched
from onward.observe.instances import instances
from onward.plan.step import Frozen

ANSWER_SECONDS = 300.0
SHOWN = 12
_INSTANCES = TypeAdapter(dict[str, Instance])


class _Wish(Frozen):
    """Both steps' arguments."""

    url: str = Field(description="Of Keystone, with /v3")
    secret: str = Field(description="The name of the administrator's password")
    compute: str = Field(description="Of Nova's API, with /v2.1")


class RememberInstances:
    """``instances.remember``: write down which instances there are, where, since when, and whether they run.

    Evidence: how many ``instances``; None where Nova does not answer because an earlier run has stopped it. Only reads.
    """

    name = "instances.remember"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Ask once. Raises StepFailed."""
        try:
            found = _asked(context, self._directories)
        except requests.RequestException as error:
            if any(step.action == "model.check" for step in context.plan.steps):
                raise _silent(context, error) from None
            context.progress("Nova does not answer: whether instances are touched is not seen")
            return {"instances": None}
        write_private(_file(context), _INSTANCES.dump_json(found).decode())
        return {"instances": len(found)}


class CompareInstances:
    """``instances.compare``: hold against that what Nova says now; stop where one is gone or otherwise.

    Arguments: those of ``instances.remember``. Evidence: ``instances`` that were compared, ``waived``: what was let
    pass. Only reads.
    """

    name = "instances.compare"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Ask until Nova answers, and compare. Raises InstancesTouched, StepFailed."""
        if not _file(context).is_file():
            return {"instances": None}
        before = _INSTANCES.validate_json(_file(context).read_bytes())
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                now = _asked(context, self._directories)
                break
            except requests.RequestException as error:
                if time.monotonic() > deadline or context.cancelled():
                    raise _silent(context, error) from None
                time.sleep(LOOK_SECONDS)
        lines = touched(before, now)
        if lines and INSTANCES not in context.waivers:
            more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            raise InstancesTouched(
                f"Of {len(before)} instances some are not as they were.",
                evidence="\n".join([*lines[:SHOWN], *more]),
                state="All services are at their target. What is understood, such as what users did meanwhile, can be"
                f" let pass: onward runs resume {context.run_id} --waive '{INSTANCES}=REASON'",
                next_command=f"onward runs show {context.run_id}",
            )
        return {"instances": len(before), **({"waived": lines} if lines else {})}


def _asked(context: StepContext, directories: Directories) -> dict[str, Instance]:
    wish = _Wish.model_validate(context.step.arguments)
    token = log_in(wish.url, "admin", store_of(directories, context).secrets()[wish.secret], "admin")
    context.secrets.register(token)
    return instances(wish.compute, token)


def _silent(context: StepContext, error: requests.RequestException) -> StepFailed:
    return StepFailed(
        "Nova cannot be asked for its instances.",
        evidence=str(error),
        next_command=f"onward runs resume {context.run_id}",
    )


def _file(context: StepContext) -> Path:
    return context.workspace / "instances.json"
