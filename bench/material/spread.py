"""Several measurements of one thing, in three figures."""

import statistics


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and most, with two digits after the point."""
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
    }
