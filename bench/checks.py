"""How long the checks of many releases take: side by side, with warm runners, and one by one in fresh processes.

    uv run python bench/checks.py [--from 2023.1] [--to 2026.2] [--rounds 3]

Every release between the two is asked with all the checks it brings along, against one database that is at the first of
them. ``one_by_one`` starts a fresh process for each command, as an operator's loop does; ``side_by_side`` is what
`onward check` does; ``warm`` is what the gate of `onward apply` does, whose runners have been warmed for the migration.
The three take turns. Environments are built, and their code is compiled, before the clock starts. Prints one JSON
document; ``ratio`` is one_by_one / the other, round by round.
"""

import argparse
import json
import os
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from material.spread import spread
from onward.actions.build_environment import specification
from onward.actions.check_upgrade import early_values
from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.series import Series
from onward.checks.finding import Finding
from onward.hosts.environments import build
from onward.hosts.runner import Runner, warm_runner
from onward.hosts.state import Directories, default_directories
from onward.model.cloud import Cloud
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks
from onward.survey.checks.service_owned import NewRunners, Runners, service_owned
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish

WISH = EnvironmentWish("as-of-release", os.cpu_count() or 2)
SERVICE = "keystone"


def quiet(_text: str) -> None:
    return


def installed(directory: Path, python: Path, series: Series) -> Path:
    """A new, empty Keystone; returns its configuration."""
    keys = directory / "keys"
    keys.mkdir(mode=0o700)
    configuration = directory / "keystone.conf"
    configuration.write_text(
        f"[database]\nconnection = sqlite:///{directory}/keystone.db\n[fernet_tokens]\nkey_repository = {keys}\n"
        f"[fernet_receipts]\nkey_repository = {keys}\n[credential]\nkey_repository = {keys}\n"
    )
    with warm_runner(python, recipe(SERVICE).warm_modules, directory / "runner.log") as runner:
        for command in in_force(recipe(SERVICE).bootstrap, series.id):
            variables = {"OS_BOOTSTRAP_PASSWORD": "bench"}
            log = directory / "bootstrap.log"
            outcome = runner.run(command, configuration=[configuration], log=log, environment=variables)
            assert outcome.exit_status == 0, outcome.tail()
    return configuration


def one_by_one(pythons: dict[str, Path], configuration: Path, directory: Path) -> float:
    began = time.perf_counter()
    for series, python in list(pythons.items())[1:]:
        for check in in_force(recipe(SERVICE).checks, series):
            with warm_runner(python, (), directory / "runner.log") as fresh:
                files = [configuration]
                fresh.run(
                    check,
                    configuration=files,
                    log=directory / "check.log",
                    early_values=early_values(check, files),
                )
    return time.perf_counter() - began


class Warm:
    """Runners that were warmed before."""

    parallel = WISH.parallel

    def __init__(self, runners: dict[str, Runner]) -> None:
        self._runners = runners

    def runner(self, _service: str, series: Series) -> AbstractContextManager[Runner]:
        """One that is there, and stays."""
        return nullcontext(self._runners[series.id])


def asked(context: CheckContext, runners: Runners) -> tuple[float, list[Finding]]:
    began = time.perf_counter()
    found = run_checks([service_owned(runners, quiet)], context)
    return time.perf_counter() - began, found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="source", default="2023.1")
    parser.add_argument("--to", dest="target", default="2026.2")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    path = series_list().path(words.source, words.target)
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as name, ExitStack() as stack:
        root = Path(name)
        directories = Directories(root / "state", default_directories().cache).prepared()
        cloud = Cloud.model_validate(
            {
                "cloud": "bench",
                "services": {SERVICE: {"series": path[0].id, "configuration": [f"{root}/keystone.conf"]}},
            }
        )
        context = stack.enter_context(CheckContext(directories, cloud, (SERVICE,), target=path[-1]))
        choices = choose_environments(directories, SERVICE, path, context.interpreters(), WISH)
        pythons = {each: build(specification(SERVICE, choice), directories).python for each, choice in choices.items()}
        configuration = installed(root, pythons[path[0].id], path[0])
        one_by_one(pythons, configuration, root)
        alone, beside, warm, findings = [], [], [], 0
        for _ in range(words.rounds):
            alone.append(one_by_one(pythons, configuration, root))
            with NewRunners(context, WISH, quiet) as new:
                seconds, found = asked(context, new)
            beside.append(seconds)
            with ExitStack() as held:
                runners = {
                    each.id: held.enter_context(
                        warm_runner(pythons[each.id], recipe(SERVICE).warm_modules, root / "runner.log")
                    )
                    for each in path[1:]
                }
                seconds, same = asked(context, Warm(runners))
            warm.append(seconds)
            assert [each.details for each in found] == [each.details for each in same]
            findings = len(found)
    print(
        json.dumps(
            {
                "bench": "checks",
                "releases": len(path) - 1,
                "findings": findings,
                "rounds": words.rounds,
                "cores": os.cpu_count(),
                "load_average": os.getloadavg(),
                "one_by_one_seconds": spread(alone),
                "side_by_side_seconds": spread(beside),
                "warm_seconds": spread(warm),
                "ratio_side_by_side": spread([left / right for left, right in zip(alone, beside, strict=True)]),
                "ratio_warm": spread([left / right for left, right in zip(alone, warm, strict=True)]),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
