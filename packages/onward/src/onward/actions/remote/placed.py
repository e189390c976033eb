"""Has a step done on its machine, and answers what the other side asks of what is kept here."""

import json
import shutil
from collections.abc import Callable
from typing import Any

from onward.actions.deployment.noted import store_of
from onward.engine.action import Action, Evidence, StepContext
from onward.errors import Bug, HostLost, HostUnreachable, from_data
from onward.hosts.agent import Agent, Request, start_agent
from onward.hosts.known_machines import access_of, machine_of
from onward.hosts.model_store import ModelStore
from onward.hosts.private_file import write_private
from onward.hosts.state import Directories
from onward.model.machine import RemoteMachine

LOOK_SECONDS = 0.2
MARK = "machine"
"""In the directory that a unit of another machine has here: the name of that machine. As long as there is one, the unit
is known to exist, or to have begun to."""


class Placed:
    """An action that is done where its step says: on this machine, or on one that is reached over SSH.

    There it is the same action, run by Onward's own code. Should this process or the connection end, the other side
    ends as well, wherever it is; done again, the step begins as after any other death of its process.
    """

    def __init__(self, action: Action, directories: Directories) -> None:
        self.name = action.name
        self._action = action
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Do it there. Raises what the action raises, and HostLost, HostUnreachable, HostKeyUnknown."""
        name = context.step.machine
        if name is None:
            return self._action.apply(context)
        store = store_of(self._directories, context)
        machine = machine_of(store, name)
        mark = store.unit_directory(context.step.target) / MARK
        if self.name == "unit.configure":
            write_private(mark, name)
        evidence = _done_there(context, machine, store, self._agent(context, machine, store))
        if self.name == "unit.remove":
            shutil.rmtree(mark.parent, ignore_errors=True)
        return evidence

    def _agent(self, context: StepContext, machine: RemoteMachine, store: ModelStore) -> Agent:
        access = access_of(machine, self._directories)
        try:
            return context.session.use(
                f"machine/{machine.name}", lambda: start_agent(machine, access, store.directory.name, context.progress)
            )
        except HostUnreachable as error:
            # Within a run it is no refusal: something has been done.
            raise HostLost(
                error.what, evidence=error.evidence, next_command=f"onward runs resume {context.run_id}"
            ) from None


def _done_there(context: StepContext, machine: RemoteMachine, store: ModelStore, agent: Agent) -> Evidence:
    request = agent.ask(_message(context))
    told = False
    for said in request.answers(LOOK_SECONDS):
        if said is None:
            if context.cancelled() and not told:
                request.tell({"do": "cancel"})
                told = True
        elif "progress" in said:
            context.progress(said["progress"])
        elif "ask" in said:
            _answer(request, said, lambda what, arguments: _kept(context, machine, store, what, arguments))
        elif "evidence" in said:
            evidence: Evidence = said["evidence"]
            return evidence
        else:
            raise from_data(said["error"])
    raise Bug(f"{context.step.id} ended on {machine.name} without a word.")


def _message(context: StepContext) -> dict[str, Any]:
    words = set(_words(dict(context.step.arguments)))
    return {
        "do": "step",
        "run": context.run_id,
        "kind": context.plan.kind,
        "cloud": context.plan.cloud,
        "step": context.step.model_dump(mode="json"),
        "results": {step: evidence for step, evidence in context.results.items() if step in words},
    }


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [word for each in value.values() for word in _words(each)]
    if isinstance(value, list):
        return [word for each in value for word in _words(each)]
    return []


def _answer(request: Request, said: dict[str, Any], kept: Callable[[str, list[Any]], Any]) -> None:
    request.tell({"do": "answer", "number": said["number"], "value": kept(said["ask"], said["arguments"])})


def _kept(context: StepContext, machine: RemoteMachine, store: ModelStore, what: str, arguments: list[Any]) -> Any:
    """What the other side may know of the model, and may have noted."""
    match what:
        case "exists":
            return store.exists
        case "record":
            return {"model": store.directory.name, "sockets": machine.sockets, "keeper": machine.keeper}
        case "secrets":
            return _needed(context, store)
        case "done":
            words = set(_words(dict(context.step.arguments))) | {context.step.id}
            return {step: told for step, told in store.done().items() if step in words}
        case "series":
            return store.series()
        case (
            "note_done" | "note_series" | "note_filled" | "note_empty" | "began_empty" | "undo" | "owe" | "owes_nothing"
        ):
            return getattr(store, what)(*arguments)
    raise Bug(f"{machine.name} asked for {what}, which nobody knows.")


def _needed(context: StepContext, store: ModelStore) -> dict[str, str]:
    """The secrets that the step speaks of, or that its provider is administered with; no other one leaves here."""
    text = json.dumps(context.step.arguments)
    provider = str(context.step.arguments.get("provider", ""))
    return {
        name: value
        for name, value in store.secrets().items()
        if name in text or (provider and name == f"{provider}/admin-password") or name == f"{provider}/administrator"
    }
