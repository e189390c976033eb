"""How what is known is said: ``application/health+json``, and Prometheus' text. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from onward_service.judgement import Component
from onward_service.observation import Status

HEALTH = "application/health+json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_NOTHING = "nothing has been used yet, so nothing is known"


def public(status: Status, recorded: bool) -> bytes:
    """What anybody may know."""
    body: dict[str, Any] = {"status": status.word}
    if not recorded:
        body["notes"] = [_NOTHING]
    return _json(body)


def details(status: Status, service: str, found: Sequence[Component], missed: Sequence[str], now: float) -> bytes:
    """What operators may know; ``missed`` says what is not known that could be, ``now`` what time it is here."""
    notes = [*([] if found else [_NOTHING]), *missed]
    # The time here: whoever asks sees whether the two clocks are apart.
    body: dict[str, Any] = {"status": status.word, "serviceId": service, "time": _moment(now)}
    if notes:
        body["notes"] = notes
    body["checks"] = {each.name: _check(each) for each in found}
    return _json(body)


def _check(component: Component) -> dict[str, Any]:
    told: dict[str, Any] = {
        "status": component.status.word,
        "time": _moment(component.at),
        "age_seconds": round(component.age, 1),
        "latency_ms": round(1000 * component.latency, 2),
        "usual_ms": round(1000 * component.usual, 2),
        "uses": component.uses,
        "losses": component.losses,
        "workers": component.workers,
    }
    if component.output:
        told["output"] = component.output
    return told


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")


def metrics(status: Status, service: str, found: Sequence[Component]) -> bytes:
    """https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4."""
    lines = _family("status", "gauge", "0 passes, 1 warns, 2 fails.", [(_labels(service=service), float(status))])
    for name, kind, words, values in (
        ("component_status", "gauge", "0 passes, 1 warns, 2 fails.", [float(each.status) for each in found]),
        ("component_age_seconds", "gauge", "Since it was last used.", [round(each.age, 3) for each in found]),
        ("component_latency_seconds", "gauge", "Of its uses, smoothed.", [round(each.latency, 6) for each in found]),
        ("component_uses_total", "counter", "Uses by all workers.", [float(each.uses) for each in found]),
        ("component_losses_total", "counter", "Uses that were not answered.", [float(each.losses) for each in found]),
    ):
        labels = [_labels(service=service, component=each.name, kind=each.kind) for each in found]
        lines += _family(name, kind, words, list(zip(labels, values)))
    return ("\n".join(lines) + "\n").encode()


def _family(name: str, kind: str, words: str, samples: Sequence[tuple[str, float]]) -> list[str]:
    full = f"onward_health_{name}"
    return [
        f"# HELP {full} {words}",
        f"# TYPE {full} {kind}",
        *(f"{full}{labels} {value:.12g}" for labels, value in samples),
    ]


def _labels(**labels: str) -> str:
    quoted = (
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
        for name, value in labels.items()
    )
    return "{" + ",".join(quoted) + "}"


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, indent=2).encode() + b"\n"
