"""The first gate of an upgrade: everything that ``onward check`` looks at, before anything is stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onward.actions.build_environment import environment_of
from onward.actions.warm_runner import runner_for
from onward.checks.finding import Finding, in_order_of_gravity
from onward.checks.grouping import Group, grouped
from onward.checks.waiver import require_all_used
from onward.engine.action import Evidence, StepContext
from onward.engine.secrets import Redactor
from onward.errors import CheckFailed, WaiverMatchesNothing
from onward.hosts.environments import Environment
from onward.hosts.runner import Runner
from onward.plan.forward import environment_id

CENSUS, INSTANCES, DATA_PLANE = "census", "instances", "data plane"
"""The name by which differences of rows are let pass."""


@dataclass(frozen=True)
class GateRequest:
    """What is to be checked for a run."""

    cloud: Mapping[str, Any]
    """The cloud file as it was planned with."""
    ways: Mapping[str, tuple[str, ...]]
    """By service: the series from where it is to its target, both included."""
    waivers: Mapping[str, str]
    environments: Mapping[tuple[str, str], Environment]
    """The run's own, by service and series."""
    runner: Callable[[str, str], Runner]
    """The run's own warm runner of a service's series."""
    secrets: Redactor
    progress: Callable[[str], None]
    cancelled: Callable[[], bool]


Gate = Callable[[GateRequest], list[Finding]]
"""Runs all checks; the findings, with what is waived. Given from above: actions know nothing of surveys."""


class CheckCloud:
    """``cloud.check``: run all checks, the target's and all others' on the way, and stop unless nothing stands out.

    Arguments: ``service``; ``path``, the series; ``cloud``, the cloud file as data. Evidence: ``findings``, each a
    Finding as data, the waived ones with their reason. Reads only, so that it may be repeated.
    """

    name = "cloud.check"

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def apply(self, context: StepContext) -> Evidence:
        """Check. Raises CheckFailed, WaiverMatchesNothing."""
        arguments: Any = context.step.arguments
        service, path = arguments["service"], tuple(arguments["path"])
        request = gate_request(
            context,
            arguments["cloud"],
            {service: path},
            {
                (service, series): environment_of(context.results[environment_id(series)])
                for series in path
                if environment_id(series) in context.results
            },
            lambda _, series: runner_for(context, series),
        )
        return passed(context, self._gate(request), f"{service} is not fit to be taken to {context.plan.target}.")


def gate_request(
    context: StepContext,
    cloud: Mapping[str, Any],
    ways: Mapping[str, tuple[str, ...]],
    environments: Mapping[tuple[str, str], Environment],
    runner: Callable[[str, str], Runner],
) -> GateRequest:
    """What a run asks to be checked."""
    return GateRequest(
        cloud=cloud,
        ways=ways,
        waivers=context.waivers,
        environments=environments,
        runner=runner,
        secrets=context.secrets,
        progress=context.progress,
        cancelled=context.cancelled,
    )


def passed(context: StepContext, found: Sequence[Finding], otherwise: str) -> Evidence:
    """The evidence that nothing stands out; ``otherwise`` is what is said else.

    Raises CheckFailed, WaiverMatchesNothing.
    """
    findings = in_order_of_gravity(found)
    try:
        # What is waived of a later gate is none of this one's.
        require_all_used(findings, {name: why for name, why in context.waivers.items() if not of_a_later_gate(name)})
    except WaiverMatchesNothing as error:
        error.next_command = "apply the plan again, with the name corrected or without the waiver"
        raise
    stopping = [finding for finding in findings if finding.stops]
    if stopping:
        names = {each.name: None for each in stopping}
        raise CheckFailed(
            otherwise,
            evidence="\n".join(_line(group) for group in grouped(stopping)),
            state="The service is up and nothing was migrated. What is understood can be waived: onward runs resume"
            f" {context.run_id} " + " ".join(f"--waive '{name}=REASON'" for name in names),
            next_command=f"onward runs resume {context.run_id}",
        )
    return {"findings": [asdict(finding) for finding in findings]}


def of_a_later_gate(waiver: str) -> bool:
    """Whether a waiver is of what is otherwise when services have moved, which is no finding of the checks."""
    return waiver.partition("@")[0] in (CENSUS, INSTANCES, DATA_PLANE)


def _line(group: Group) -> str:
    word = "failed" if group.finding.result == "fail" else "could not tell"
    return f"{group.title}: {word}: {' '.join(group.finding.details.split())}"
