"""What recipes say of heartbeats and online data migrations is what each release's own code says."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from onward.catalog.load import in_force, recipe, series_list, services
from onward.hosts.environments import Environment
from onward.hosts.runner import clean_environment

IN_EVERY_RUN = (("nova", "2026.2"),)
pytestmark = pytest.mark.environments

# Asks the release itself; runs in its environment, which knows nothing of Onward.
SAYS = """
import importlib, importlib.metadata, importlib.util, json, sys
asked = json.load(sys.stdin)

def module(*names):
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            missing = error
    raise missing

def functions():
    if importlib.util.find_spec(asked["service"] + ".cmd.manage") is None:
        return []
    manage = module(asked["service"] + ".cmd.manage")
    holder = manage if hasattr(manage, "online_migrations") else getattr(manage, "DbCommands", None)
    return [each.__name__ for each in getattr(holder, "online_migrations", ())]

def columns():
    found = {
        "nova": lambda: module("nova.db.main.models").Service.__table__,
        "cinder": lambda: module("cinder.db.sqlalchemy.models", "cinder.db.models").Service.__table__,
        "neutron": lambda: module("neutron.db.models.agent").Agent.__table__,
        "heat": lambda: module("heat.db.models", "heat.db.sqlalchemy.models").Service.__table__,
        "designate": lambda: module(
            "designate.storage.sqlalchemy.tables", "designate.storage.impl_sqlalchemy.tables"
        ).service_status,
    }[asked["service"]]()
    return [found.name, [each.name for each in found.columns]]

def default():
    for point in importlib.metadata.entry_points(group="oslo.config.opts"):
        if point.name in asked["options"]:
            for group, listed in point.load()():
                for option in listed:
                    if [str(getattr(group, "name", group) or "DEFAULT"), option.dest] == asked["option"]:
                        return option.default

answer = {"functions": functions()}
if asked["heartbeats"]:
    answer["table"] = columns()
    answer["default"] = default() if asked["option"] else None
if asked["service"] == "nova":
    service = module("nova.objects.service")
    answer["oldest"] = service.SERVICE_VERSION_ALIASES[service.OLDEST_SUPPORTED_SERVICE_VERSION]
sys.stdout.write("\\n" + json.dumps(answer))
"""


def every_release() -> list[Any]:
    """Service and series, all but the first marked as taking long."""
    return [
        pytest.param(service, series.id, marks=() if (service, series.id) in IN_EVERY_RUN else pytest.mark.full)
        for service in services()
        if recipe(service).heartbeats or recipe(service).online_migrations
        for series in series_list().path("2023.1", "2026.2")
    ]


@pytest.mark.parametrize(("service", "series"), every_release())
def test_a_release_is_what_its_recipe_says_of_it(
    service: str, series: str, built_service: Callable[[str, str], Environment]
) -> None:
    known = recipe(service)
    said = asked(built_service(service, series), service, series)
    functions = in_force(known.online_migrations.functions, series) if known.online_migrations else ()
    assert list(dict.fromkeys(each.name for each in functions)) == said["functions"]
    facts = known.heartbeats
    if facts is None:
        return
    name, columns = said["table"]
    assert name == facts.table
    named = {*facts.columns.values(), *facts.seen, *facts.versions, facts.forced_down} - {None}
    assert named <= set(columns)
    assert said["default"] == (facts.seconds if facts.option else None)
    if facts.oldest:
        assert {each.series: each.version for each in facts.oldest}[series] == said["oldest"]


def asked(environment: Environment, service: str, series: str) -> dict[str, Any]:
    """What a release says of itself."""
    known = recipe(service)
    question = {
        "service": service,
        "heartbeats": known.heartbeats is not None,
        "option": known.heartbeats.option if known.heartbeats else None,
        "options": [namespace.name for namespace in in_force(known.options, series)],
    }
    finished = subprocess.run(
        [environment.python, "-I", "-W", "ignore", "-c", SAYS],
        input=json.dumps(question),
        env=clean_environment({"PATH": "/usr/bin:/bin"}) | known.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    answer = json.loads(finished.stdout.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer
