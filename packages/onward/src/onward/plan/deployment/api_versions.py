"""Which versions an API offers now, beside those that it was deployed with. Pure."""

from collections.abc import Sequence

from onward.model.api_version import ApiVersion


def changed(first: Sequence[ApiVersion], now: Sequence[ApiVersion]) -> str:
    """What is to be said of it; empty where nothing is otherwise, or nothing is known of one of them."""
    if not first or not now or list(first) == list(now):
        return ""
    there = {each.version.partition(".")[0] for each in now}
    gone = [each.version for each in first if each.version.partition(".")[0] not in there]
    least = [
        f"{each.version}: a client that names no microversion has {same.least} now, not {each.least}"
        for each in first
        for same in now
        if same.version == each.version and same.least != each.least
    ]
    told = f"its API has {now[-1]}, and was deployed with {first[-1]}"
    return "; ".join((told, *(f"{version} is no more" for version in gone), *least))
