"""Whether the plan of a model's upgrade still is what its model needs. Pure."""

from onward.plan.plan import Plan

MOST = 12
"""Steps that are named; all are counted."""


def drift_of_model(planned: Plan, now: Plan) -> list[str]:
    """One line for each thing that is otherwise than it was planned; none where the plan still holds."""
    lines = []
    if planned.facts.get("before") != now.facts.get("before"):
        lines.append("what is deployed has changed since: its bundle, its units or its addresses")
    if planned.facts.get("record") != now.facts.get("record"):
        lines.append("what the model would become is not what was planned: its bundle, its addresses or its defaults")
    before, after = ({step.id: step for step in each.steps} for each in (planned, now))
    lines += _named("to be done now, and not planned", [step for step in after if step not in before])
    lines += _named("planned, and done since", [step for step in before if step not in after])
    differ = [step for step in before if step in after and before[step] != after[step]]
    return lines + _named("planned otherwise", differ)


def _named(what: str, steps: list[str]) -> list[str]:
    more = f" and {len(steps) - MOST} more" if len(steps) > MOST else ""
    return [f"{what}: {', '.join(steps[:MOST])}{more}"] if steps else []
