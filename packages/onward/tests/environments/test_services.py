"""Services that are only checked: every release is built, and is what its recipe says of it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onward.catalog.load import in_force, recipe, series_list, services
from onward.catalog.service import Check, Recipe
from onward.hosts.environments import Environment
from onward.hosts.runner import CommandOutcome, clean_environment, warm_runner

IN_EVERY_RUN = (("nova", "2026.2"),)
pytestmark = pytest.mark.environments

NOT_LISTED = {
    "barbican.plugin.secret_store.kmip": "needs PyKMIP, which is an extra of barbican's that few install",
    "osprofiler": "placement does without it where it is not installed",
}

# Asks the release itself; runs in its environment, which knows nothing of Onward.
SAYS = """
import importlib, importlib.metadata, json, sys
asked = json.load(sys.stdin)
importlib.import_module(asked["module"])

def points(group):
    return {point.name: point for point in importlib.metadata.entry_points(group=group)}

known, options, silent = points("oslo.config.opts"), set(), {}
for name in asked["options"]:
    try:
        for group, listed in known[name].load()():
            options |= {(str(getattr(group, "name", group) or "DEFAULT"), option.dest) for option in listed}
    except Exception as error:
        silent[name] = repr(error)
answer = {"silent": silent, "options": sorted(options)}
policies = points("oslo.policy.policies")
if asked["namespace"]:
    answer["rules"] = len(list(policies[asked["namespace"]].load()()))
    answer["enforcer"] = asked["enforcer"] in points("oslo.policy.enforcer")
else:
    own = importlib.metadata.distribution(asked["package"]).entry_points
    answer["own"] = [point.name for point in own if point.group.startswith("oslo.policy")]
sys.stdout.write("\\n" + json.dumps(answer))
"""


def every_release() -> list[Any]:
    """Service and series, all but the first marked as taking long."""
    return [
        pytest.param(service, series.id, marks=() if (service, series.id) in IN_EVERY_RUN else pytest.mark.full)
        for service in services()
        for series in series_list().path("2023.1", "2026.2")
    ]


@pytest.mark.parametrize(("service", "series"), every_release())
def test_a_release_has_what_its_recipe_says(
    service: str, series: str, built_service: Callable[[str, str], Environment], tmp_path: Path
) -> None:
    known = recipe(service)
    environment = built_service(service, series)
    said = asked(environment, known, series)
    assert said["silent"].keys() <= NOT_LISTED.keys(), said["silent"]
    if known.policy is not None:
        assert said["rules"] > 0
        assert said["enforcer"]
    else:
        assert said["own"] == []
    if (service, series) not in (("barbican", "2023.1"), ("barbican", "2023.2")):  # [DEFAULT] sql_connection then.
        assert {tuple(option) for option in known.connections} <= {tuple(option) for option in said["options"]}
    for check, outcome in outcomes(environment, known, series, tmp_path):
        output = outcome.output()
        assert "usage:" not in output, output  # Which ends with 2, as a failed check does.
        assert outcome.exit_status in (0, *check.meanings), output
        assert answered(check, output) or (check.needs and outcome.exit_status == 255), output


def asked(environment: Environment, known: Recipe, series: str) -> dict[str, Any]:
    """What a release says of itself, once its module can be imported."""
    question = {
        "module": known.module,
        "package": known.package,
        "options": [namespace.name for namespace in in_force(known.options, series)],
        "namespace": known.policy.namespace if known.policy else "",
        "enforcer": known.policy.enforcer if known.policy else "",
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


def outcomes(
    environment: Environment, known: Recipe, series: str, directory: Path
) -> list[tuple[Check, CommandOutcome]]:
    """How the upgrade checks end with an empty database, in a warm runner as Onward runs them."""
    configuration = directory / Path(known.configuration[0]).name
    for path in {directory / "keys" for check in known.checks if check.early_options}:
        path.mkdir(mode=0o700)
        (path / "0").write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    configuration.write_text(
        "".join(
            f"[{group}]\n{name} = sqlite:///{directory}/{number}.sqlite\n"
            for number, (group, name) in enumerate(known.connections)
        ),
        encoding="utf-8",
    )
    with warm_runner(environment.python, known.warm_modules, directory / "runner.log", known.variables) as runner:
        return [
            (
                check,
                runner.run(
                    check,
                    configuration=[configuration],
                    log=directory / f"{check.name}.log",
                    early_values={option: str(directory / "keys") for option in map(tuple, check.early_options)},
                    timeout_seconds=120,
                ),
            )
            for check in in_force(known.checks, series)
            if check.prints != "symptoms"
        ]


def answered(check: Check, output: str) -> bool:
    """Whether the output has findings in the shape that the recipe says."""
    if check.prints == "json":
        lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"name"')]
        return bool(lines) and len(lines[0]["checks"]) > 0
    return "| Upgrade Check Results" in output and "| Result: " in output
