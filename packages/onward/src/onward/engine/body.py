"""The body of an attempt at a step: the action, what it may know, and what it says made fit for the record."""

import json
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onward.engine.action import Action, Evidence, Session, StepContext
from onward.engine.crash import crash_point
from onward.engine.secrets import Redactor
from onward.errors import NOTHING_TOUCHED, Bug, OnwardError
from onward.plan.plan import Plan
from onward.plan.step import Step

TRIED_AGAIN = "Finished steps are recorded; this one will be tried again."


@dataclass
class Body:
    """What the steps of one run share in this process, and how each of them is carried out."""

    run_id: str
    plan: Plan
    workspace: Path
    actions: Mapping[str, Action]
    progress: Callable[[str, str], None]
    """Called with a step's identifier and what it has to say."""
    cancelled: Callable[[], bool]
    stopping: Callable[[], bool] = lambda: False
    """True once a pause was asked for, or the end."""
    results: dict[str, Evidence] = field(default_factory=dict)
    """Evidence of every finished step."""
    waivers: dict[str, str] = field(default_factory=dict)
    session: Session = field(default_factory=Session)
    redactor: Redactor = field(default_factory=Redactor)

    def apply(self, step: Step) -> Evidence:
        """Carry the step out. What is returned or raised is to be recorded, so it is cleaned here.

        Raises OnwardError and nothing else.
        """
        crash_point("step.begun")
        context = StepContext(
            run_id=self.run_id,
            plan=self.plan,
            step=step,
            workspace=self.workspace,
            results=dict(self.results),
            session=self.session,
            progress=lambda text: self.progress(step.id, text),
            waivers=self.waivers,
            cancelled=self.cancelled,
            stopping=self.stopping,
            secrets=self.redactor,
        )
        try:
            evidence = self.actions[step.action].apply(context)
            if not isinstance(evidence, dict):
                raise TypeError(f"evidence of {step.action} is no dict but {type(evidence).__name__}")
            # Read back, so that a resumed run and an undisturbed one see the same data. JSON has no NaN.
            cleaned: Evidence = self.redactor.clean(json.loads(json.dumps(evidence, allow_nan=False)))
        except OnwardError as error:
            if error.state == NOTHING_TOUCHED:
                # True before a run begins; within one, the steps before this one have touched something.
                error.state = TRIED_AGAIN
            for name in ("what", "evidence", "state", "next_command"):
                setattr(error, name, self.redactor.clean(getattr(error, name)))
            raise
        except BaseException as error:  # even sys.exit() in a library ends no more than its step
            raise self.unforeseen(step, error) from error
        crash_point("step.effect-done")
        return cleaned

    def unforeseen(self, step: Step, error: BaseException) -> OnwardError:
        """An error that nobody foresaw; its traceback goes to the run's directory."""
        path = self.write_traceback(step.id.replace("/", "-"), error)
        what = self.redactor.clean(f"{type(error).__name__}: {error}")
        return Bug(
            f"{step.id} failed in a way that Onward did not foresee: {what}",
            evidence=f"the traceback is in {path}" if path else "its traceback could not be written",
            state=TRIED_AGAIN,
            next_command=f"onward runs resume {self.run_id}",
        )

    def write_traceback(self, name: str, error: BaseException) -> str:
        """Write it for its owner only, and return the path; empty where that was not possible either."""
        path = self.workspace / "logs" / f"{name}.traceback"
        try:
            path.parent.mkdir(exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.redactor.clean("".join(traceback.format_exception(error))))
        except OSError:
            return ""
        return str(path)

    def close(self) -> dict[str, str]:
        """Leave what the steps have shared. That this failed does not change what they have done; it is returned."""
        try:
            self.session.close()
        except Exception as error:
            path = self.write_traceback("closing", error)
            return {"left_open": f"{type(error).__name__}: {error}", "traceback": path}
        return {}
