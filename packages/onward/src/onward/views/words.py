"""How numbers, times and foreign text are written for people."""

import re
from datetime import datetime

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# All control characters but line feed and tab, and those that turn the direction of writing around.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_ASCII = str.maketrans(
    {
        "\u2026": "..",  # horizontal ellipsis
        "\u2192": "->",  # rightwards arrow
        "\u2013": "-",  # en dash
        "\u2014": "-",  # em dash
        "\u00b7": "-",  # middle dot
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00a0": " ",
        "\u00d7": "x",
    }
)


def duration(seconds: float | None) -> str:
    """A duration as people say it: ``<0.1 s``, ``1.3 s``, ``2 min 05 s``, ``3 h 07 min``, ``2 d 04 h``; "" for None."""
    if seconds is None:
        return ""
    tenths = round(max(seconds, 0.0) * 10)
    if tenths == 0:
        return "<0.1 s" if seconds > 0 else "0 s"
    if tenths < 600:
        return f"{tenths / 10:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02d} h"


def moment(at: float | None) -> str:
    """A time as local date and clock time with the offset from UTC, in ISO 8601; "" for None."""
    if at is None:
        return ""
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")


def clock(at: float) -> str:
    """The local time of day: ``02:14:07``."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: ``1 step``, ``31 steps``, ``12,000 rows``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def harmless(text: str) -> str:
    """The text without what could steer a terminal or hide from the eye.

    Logs of other programs and names from a database are shown to people; neither may move their cursor.
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def in_ascii(text: str) -> str:
    """The text in ASCII alone: typographic characters by their likeness, all others by their escape."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def one_line(text: str) -> str:
    """The text on one line, its white space squeezed."""
    return " ".join(text.split())
