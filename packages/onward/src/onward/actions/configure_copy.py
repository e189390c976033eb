"""Write the configuration with which a service's commands see the copies of its databases and nothing else."""

from pathlib import Path, PurePath

from jinja2 import Environment, StrictUndefined
from pydantic import Field

from onward.actions.configure_service import connection_text
from onward.actions.copied import Copied, copied_databases, run_databases
from onward.actions.lane import service_of
from onward.catalog.load import recipe
from onward.catalog.migrations import schema_charm
from onward.engine.action import Evidence, StepContext
from onward.hosts.private_file import write_private
from onward.plan.step import Frozen


class CopyConfiguration(Frozen):
    """What the step leaves for those that run commands."""

    configuration: tuple[Path, ...]
    variables: dict[str, str] = Field(default_factory=dict)
    further_cells: dict[str, Path] = Field(default_factory=dict)
    """By copied database, the file for those of its commands that are run for each further cell."""


class ConfigureCopy:
    """``copy.configure``: new configuration files in the run's directory, which name the copies of all databases.

    Arguments: ``service``. Evidence: ``configuration``, ``variables`` of the environment, ``further_cells``. The same
    again when it is repeated. The files hold no secret: only who may enter the run's directory reaches the server.
    """

    name = "copy.configure"

    def apply(self, context: StepContext) -> Evidence:
        """Write them."""
        known = recipe(service_of(context))
        charm = schema_charm(known.service)
        directory = context.workspace / "etc" / known.service
        usual = next((each.path for each in charm.files if each.options), "") if charm is not None else ""
        path = directory / (usual or Path(known.configuration[0]).name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copied, urls = copied_databases(context), run_databases(context)
        texts = {each.name: connection_text(urls[each.name]) for each in copied}
        # What a service reads from a place of its own, whatever it is told, must lead to the copies as well.
        for file in charm.files if charm is not None else ():
            if PurePath(file.path).name == path.name:
                other = directory / file.path
                other.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_private(other, _text(copied, texts))
        write_private(path, _text(copied, texts))
        cells = {}
        for each in copied:
            if each.further_cell:
                # The same, with the cell's database where that of the first cell is named.
                first = [
                    one.model_copy(update={"options": tuple(o for o in one.options if o != known.connections[0])})
                    for one in copied
                    if one.name != each.name
                ]
                cells[each.name] = path.with_name(f"cell-{each.name}.conf")
                write_private(
                    cells[each.name],
                    _text((*first, each.model_copy(update={"options": (known.connections[0],)})), texts),
                )
        variables = {} if charm is None else charm.initial_variables
        return CopyConfiguration(
            configuration=(path,),
            variables={name: _filled(words, directory) for name, words in variables.items()},
            further_cells=cells,
        ).model_dump(mode="json")


def _text(copied: tuple[Copied, ...] | list[Copied], texts: dict[str, str]) -> str:
    sections: dict[str, dict[str, str]] = {}
    for each in copied:
        for group, name in each.options:
            sections.setdefault(group, {})[name] = texts[each.name]
            if (group, name) == ("database", "connection"):
                # The only name that Barbican has for it up to 2023.2 (barbican/common/config.py).
                sections.setdefault("DEFAULT", {})["sql_connection"] = texts[each.name]
    lines = []
    for group, options in sections.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in options.items()), ""]
    return "\n".join(lines)


def _filled(words: str, directory: Path) -> str:
    template = Environment(undefined=StrictUndefined, autoescape=False).from_string(words)  # noqa: S701 - not HTML
    return template.render(directory=str(directory))
