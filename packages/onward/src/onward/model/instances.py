"""Instances, as far as an upgrade of the services that manage them must leave them alone."""

from collections.abc import Mapping

from onward.model.described import Described


class Instance(Described):
    """What Nova says of one. None is what it does not say."""

    power_state: int | None
    host: str | None
    launched_at: str | None


def touched(before: Mapping[str, Instance], after: Mapping[str, Instance]) -> list[str]:
    """One line for each thing that is otherwise; what has come since is nobody's concern."""
    lines = [f"{name}: gone" for name in before if name not in after]
    for name, was in before.items():
        now = after.get(name)
        if now is not None and now != was:
            differing = [each for each in Instance.model_fields if getattr(was, each) != getattr(now, each)]
            lines += [f"{name}: {each} was {getattr(was, each)}, is {getattr(now, each)}" for each in differing]
    return lines
