"""What causes are called."""

from onward.diagnosis.causes import Cause

WORDS = {
    "down": "down",
    "node-down": "one of several is down",
    "network": "network between two machines",
    "slow": "slow",
    "credentials": "login refused",
    "certificate": "certificate",
    "disk": "no space",
    "clock": "clock",
    "overload": "overload",
}


def cause_words(cause: Cause) -> str:
    """What is wrong. A server that is there and silent, or stopped, is looked at otherwise than one that is gone."""
    if cause.kind == "down" and not any(each.saw in ("refused", "stopped") for each in cause.seen):
        return "does not answer"
    if cause.kind == "network" and all(each.user.startswith(f"{cause.ends[0]}/") for each in cause.seen):
        return "network between two applications"
    return WORDS[cause.kind]
