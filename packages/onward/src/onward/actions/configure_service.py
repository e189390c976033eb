"""Write the configuration with which a service sees the copy, or adopt the cloud's own."""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from sqlalchemy import URL

from onward.actions.lane import lane_result, service_of
from onward.actions.scratch import scratch_for
from onward.catalog.load import recipe
from onward.engine.action import Evidence, StepContext
from onward.hosts.private_file import write_private
from onward.observe.configuration import read_configuration


class ConfigureService:
    """``service.configure``: a new configuration file in the run's directory that names the scratch database.

    Arguments: ``service``; ``quick_passwords``, true where all users are Onward's own.
    Evidence: ``configuration``, the files in the order they are read; ``keys``, the directory of the key repositories.
    """

    name = "service.configure"

    def apply(self, context: StepContext) -> Evidence:
        """Write it; the same again when it is repeated."""
        service = str(context.step.arguments["service"])
        directory = context.workspace / "etc" / service
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        url = connection_text(scratch_for(context).url)
        template = files("onward.catalog") / "data" / "services" / f"{service}.conf.j2"
        text = Environment(undefined=StrictUndefined, autoescape=False).from_string(  # noqa: S701 - not HTML
            template.read_text(encoding="utf-8")
        )
        path = directory / f"{service}.conf"
        write_private(
            path,
            text.render(
                database_url=url, keys=directory, quick_passwords=bool(context.step.arguments["quick_passwords"])
            ),
        )
        return {"configuration": [str(path)], "keys": str(directory)}


def connection_text(url: URL) -> str:
    """A database URL as a service's configuration wants it.

    A $ would be taken for an interpolation by oslo.config. An encoded slash, as in a socket's path, stops Keystone
    from Yoga to 2024.1: it hands the URL to alembic's ConfigParser, which takes every % for an interpolation
    (keystone/common/sql/upgrades.py, set_main_option).
    """
    return url.render_as_string(hide_password=False).replace("%2F", "/").replace("$", "$$")


class AdoptConfiguration:
    """``service.adopt``: use the cloud's own configuration files, unchanged and where they are.

    Arguments: ``service``; ``configuration``, the files. Evidence: ``configuration``, the same files.
    """

    name = "service.adopt"

    def apply(self, context: StepContext) -> Evidence:
        """Read them once, so that a broken file is found before the outage."""
        paths = [Path(str(path)) for path in _listed(context.step.arguments["configuration"])]
        read_configuration(paths, recipe(str(context.step.arguments["service"])))
        return {"configuration": [str(path) for path in paths]}


def configuration_files(context: StepContext) -> list[Path]:
    """The configuration files that the service's commands are given, as the step ``configure`` left them."""
    return [Path(path) for path in lane_result(context, "configure")["configuration"]]


def database_url(context: StepContext) -> URL:
    """Where the database is that this run migrates: the copy in a rehearsal, the cloud's own in an upgrade."""
    if context.plan.kind == "rehearsal":
        return scratch_for(context).url
    return read_configuration(configuration_files(context), recipe(service_of(context))).database_url


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]
