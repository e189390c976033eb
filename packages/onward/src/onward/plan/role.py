"""The plan that carries a role of Ansible out on machines: one step. Pure."""

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from onward.model.machine import KnownMachine
from onward.plan.plan import Plan
from onward.plan.step import Step


def plan_role(
    role: str, digest: str, machines: Sequence[KnownMachine], variables: dict[str, Any], at_once: int
) -> Plan:
    """``role`` is the path of its directory, ``digest`` that of its files."""
    name = role.rstrip("/").rpartition("/")[2]
    told: dict[str, JsonValue] = {
        "role": role,
        "digest": digest,
        "machines": [each.model_dump(mode="json") for each in machines],
        "variables": variables,
        "at_once": at_once,
    }
    step = Step(
        id="role",
        action="ansible.role",
        target=name,
        arguments=told,
        reason=f"the role {name} was asked for on {len(machines)} machines",
        phase="deploy",
    )
    return Plan(kind="role", cloud=name, facts={"role": digest}, steps=(step,)).sealed()
