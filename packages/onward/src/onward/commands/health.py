"""``onward health``: what the calls of the APIs found of what they use."""

from typing import Any

from onward.commands.base import Lister, directories_of
from onward.errors import REFUSED, USAGE
from onward.model.health import ComponentHealth, UnitHealth
from onward.survey.health import model_health
from onward.survey.recorded import models, only_model

COLUMNS = ("Unit", "Component", "State", "Age", "Latency", "Note")
NOT_TOLD = "not told"


class Health(Lister):
    """Show what the APIs of a model found of what they use: databases, brokers, caches, one another.

    They tell of their regular calls; nothing is tried for it. Exit status 0 when none fails, 4 when one does or does
    not answer.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the model and the service."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        parser.add_argument("service", nargs="?", help="one application of it, such as glance")
        return parser

    def run(self, parsed_args: Any) -> int:
        """Show them; the exit status says whether one fails."""
        status = int(super().run(parsed_args))
        return status or (REFUSED if self._failing else 0)

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        directories = directories_of(self)
        model, service = parsed_args.model, parsed_args.service
        # One word is a model where there is one of that name, and else an application of the only model.
        if service is None and model is not None and model not in models(directories) and len(models(directories)) == 1:
            model, service = None, model
        units = model_health(directories, only_model(directories, model), service)
        if service is not None and not units:
            print(f"onward: {service} has no API that tells of its health", file=self.app.stderr)
            raise SystemExit(USAGE)
        self._failing = any(unit.state in ("fail", "silent") for unit in units)
        if units and all(unit.state == NOT_TOLD for unit in units):
            print(f"nothing is told: onward config {units[0].application} health=true", file=self.app.stderr)
        machine = parsed_args.formatter in ("json", "yaml", "csv", "value")
        return COLUMNS, [row for unit in units for row in _rows(unit, machine)]


def _rows(unit: UnitHealth, machine: bool) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [(unit.unit, "", unit.state, "", "", "; ".join(unit.notes))]
    return rows + [
        (unit.unit if machine else "", each.name, each.state, *_numbers(each, machine), each.note)
        for each in unit.components
    ]


def _numbers(component: ComponentHealth, machine: bool) -> tuple[object, object]:
    """Seconds and milliseconds; with their units for people."""
    if machine:
        return component.age_seconds, component.latency_ms
    return f"{component.age_seconds:.1f} s ago", f"{component.latency_ms:.1f} ms"
