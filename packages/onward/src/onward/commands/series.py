"""``onward series``: the releases that Onward knows, and which of them can be run on this machine."""

from typing import Any

from cliff.columns import FormattableColumn

from onward.catalog.load import series_list
from onward.catalog.series import Series
from onward.commands.base import Lister, ShowOne
from onward.errors import InterpreterMissing
from onward.hosts.interpreters import Interpreter, choose, find_interpreters


class Interpreters(FormattableColumn[str]):
    """Versions of Python, the preferred one first. People are shown the oldest and the newest, programs all."""

    def human_readable(self) -> str:
        """``3.8-3.12``."""
        versions = sorted(self._value.split(), key=lambda minor: int(minor.partition(".")[2]))
        return versions[0] if len(versions) == 1 else f"{versions[0]}-{versions[-1]}"


class SeriesListCommand(Lister):
    """List the release series, the oldest first."""

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        interpreters = find_interpreters()
        columns = ("Series", "Name", "Released", "SLURP", "Keystone", "Python", "Runs here")
        rows: list[tuple[object, ...]] = [
            (
                series.id,
                series.name,
                series.released.isoformat(),
                series.slurp,
                series.newest("keystone").version,
                Interpreters(" ".join(series.python)),
                _interpreter_here(series, interpreters),
            )
            for series in series_list()
        ]
        return columns, rows


class SeriesShow(ShowOne):
    """Show one series: its dates, interpreters and the versions of the services."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the series."""
        parser = super().get_parser(prog_name)
        parser.add_argument("series", help="identifier or name: 2024.1, caracal")
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Return names and values."""
        series = series_list().find(parsed_args.series)
        names = ["Series", "Name", "Released", "SLURP", "Python", "Runs here"]
        values: list[object] = [
            series.id,
            series.name,
            series.released.isoformat(),
            series.slurp,
            " ".join(series.python),
            _interpreter_here(series, find_interpreters()),
        ]
        for service in sorted(series.services):
            names.append(service)
            values.append(" ".join(release.version for release in series.services[service]))
        return tuple(names), tuple(values)


def _interpreter_here(series: Series, interpreters: tuple[Interpreter, ...]) -> str:
    try:
        return choose(series, interpreters).version
    except InterpreterMissing:
        return "no"
