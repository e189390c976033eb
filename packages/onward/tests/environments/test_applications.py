"""The WSGI applications that charms have of each release are there."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onward.catalog.charms import charms
from onward.catalog.load import in_force, series_list
from onward.hosts.runner import clean_environment

pytestmark = [pytest.mark.full, pytest.mark.environments]

# Names that modules have, without importing them: that would make the application, which reads its configuration.
NAMES = """
import ast, importlib.util, json, sys
found = {}
for module in json.load(sys.stdin):
    with open(importlib.util.find_spec(module).origin) as file:
        tree = ast.parse(file.read())
    functions = [each.name for each in tree.body if isinstance(each, ast.FunctionDef)]
    assigned = [target for each in tree.body if isinstance(each, ast.Assign) for target in each.targets]
    found[module] = functions + [target.id for target in assigned if hasattr(target, "id")]
json.dump(found, sys.stdout)
"""


def every_release() -> list[Any]:
    return [
        (name, series.id)
        for name, charm in charms().items()
        if charm.service and any(process.wsgi and process.wsgi.applications for process in charm.processes)
        for series in series_list().path("2023.1", "2026.2")
    ]


@pytest.mark.parametrize(("charm", "series"), every_release())
def test_what_an_api_is_served_by_is_in_its_release(
    charm: str, series: str, service_environment: Callable[[str, str], Path]
) -> None:
    known = charms()[charm]
    wanted = {
        each.module: each.attribute
        for process in known.processes
        if process.wsgi
        for each in in_force(process.wsgi.applications, series)
    }
    assert wanted
    finished = subprocess.run(
        [service_environment(str(known.service), series), "-I", "-W", "ignore", "-c", NAMES],
        input=json.dumps(list(wanted)),
        env=clean_environment({"PATH": "/usr/bin:/bin"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    found = json.loads(finished.stdout)
    assert {module for module, attribute in wanted.items() if attribute not in found[module]} == set()
