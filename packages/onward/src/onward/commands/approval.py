"""Whether somebody has agreed to what cannot be taken back."""

import shlex
import sys
from collections.abc import Iterator, Sequence

from onward.commands.base import HasApp
from onward.errors import ApprovalMissing
from onward.plan.plan import Plan

_OPTION = "--approve"


def require_approval(command: HasApp, plan: Plan, approved: str | None, *, warning: str, review: str = "") -> None:
    """Return when the plan's irreversible steps were agreed to: by its digest, or by the cloud's name on a terminal.

    ``warning`` says what they mean, ``review`` is a command that shows them: what was typed with ``--dry-run`` where
    there is no other. Raises ApprovalMissing, which tells to type the same again with the digest.
    """
    irreversible = [step.id for step in plan.steps if not step.reversible]
    if not irreversible or approved == plan.digest:
        return
    typed = shlex.join(["onward", *_without_approval(command.app.typed)])
    ways = f"{review or f'{typed} --dry-run'}\n{typed} {_OPTION} {plan.digest}"
    if approved is not None:
        raise ApprovalMissing(
            "The digest that was approved is not this plan's.",
            evidence=f"approved {approved}\nthe plan's {plan.digest}",
            next_command=ways,
        )
    if sys.stdin.isatty():
        stream = command.app.stderr
        print(f"{warning}: {', '.join(irreversible)}", file=stream)
        print(f"Type the name of the cloud ({plan.cloud}) to go on: ", end="", file=stream, flush=True)
        if sys.stdin.readline().strip() == plan.cloud:
            return
    raise ApprovalMissing(
        "The plan has steps that cannot be taken back, and nobody agreed to them.",
        evidence=f"{warning}: {', '.join(irreversible)}",
        next_command=ways,
    )


def _without_approval(words: Sequence[str]) -> Iterator[str]:
    """What was typed, without a digest that was approved."""
    rest = iter(words)
    for word in rest:
        if word == _OPTION:
            next(rest, None)
        elif not word.startswith(f"{_OPTION}="):
            yield word
