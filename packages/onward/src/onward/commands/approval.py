"""Whether somebody has agreed to what cannot be taken back."""

import sys
from typing import TextIO

from onward.errors import ApprovalMissing
from onward.plan.plan import Plan


def require_approval(
    plan: Plan, approved: str | None, *, warning: str, review: str, command: str, stream: TextIO
) -> None:
    """Return when the plan's irreversible steps were agreed to: by its digest, or by the cloud's name on a terminal.

    ``warning`` says what they mean, ``review`` is the command that shows them, ``command`` the one that wants the
    approval; a question goes to ``stream``. Raises ApprovalMissing.
    """
    irreversible = [step.id for step in plan.steps if not step.reversible]
    if not irreversible or approved == plan.digest:
        return
    how = f"{command} --approve {plan.digest}"
    if approved is not None:
        raise ApprovalMissing(
            "The digest that was approved is not this plan's.",
            evidence=f"approved {approved}\nthe plan's {plan.digest}",
            next_command=f"{review}\n{how}",
        )
    if sys.stdin.isatty():
        print(f"{warning}: {', '.join(irreversible)}", file=stream)
        print(f"Type the name of the cloud ({plan.cloud}) to go on: ", end="", file=stream, flush=True)
        if sys.stdin.readline().strip() == plan.cloud:
            return
    raise ApprovalMissing(
        "The plan has steps that cannot be taken back, and nobody agreed to them.",
        evidence=f"{warning}: {', '.join(irreversible)}",
        next_command=f"{review}\n{how}",
    )
