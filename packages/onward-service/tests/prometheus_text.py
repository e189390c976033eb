"""Prometheus' text format, read by the rules of its own documentation."""

import re

_SAMPLE = re.compile(r'^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} ([0-9.e+-]+)$')
_LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\["\\n])*)"')


def samples(text: str) -> dict[tuple[str, str], float]:
    """Every sample by name and component; a line that is none of the format's fails."""
    found = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            continue
        matched = _SAMPLE.match(line)
        assert matched, line
        labels = {
            name: re.sub(r"\\(.)", lambda each: {"n": "\n"}.get(each[1], each[1]), value)
            for name, value in _LABEL.findall(matched[2])
        }
        found[matched[1], labels.get("component", "")] = float(matched[3])
    return found
