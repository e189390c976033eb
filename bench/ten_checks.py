"""How long all checks of a cloud of ten services take: one by one and cold, in one run, and with the code in memory.

    uv run python bench/ten_checks.py [--from 2025.1] [--to 2026.1] [--rounds 5]

The services are on a private MariaDB, each with the schema that its own release made. ``one_by_one`` is every check of
every release on the way in a fresh process, one after the other, as an operator's loop does (``one_by_one_services``),
and then each other check by itself, without Onward having to start for it (``one_by_one_others``). ``cold`` is
`onward check` as it is typed, ``lent`` the same while `onward check --watch` is open in another terminal. ``again`` is
a further round of that watch. Each looks at everything anew. They take turns. Environments are built, their code is
compiled, and what releases list is kept before the clock starts. Prints one JSON document; ratios are taken round by
round.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil

from material.spread import spread
from material.ten_services import SERVICES, TenServices, ten_services
from onward.actions.build_environment import specification
from onward.actions.check_upgrade import early_values
from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.series import Series
from onward.checks.changes import changes
from onward.checks.finding import Finding
from onward.hosts.environments import build
from onward.hosts.interpreters import find_interpreters
from onward.hosts.runner import warm_runner
from onward.hosts.state import Directories, default_directories
from onward.survey.check import CheckWish, checks_of, survey_check
from onward.survey.checks.check import Check
from onward.survey.checks.context import CheckContext
from onward.survey.checks.kept_runners import KeptRunners, Release
from onward.survey.checks.lending import lending
from onward.survey.checks.runner import run_checks
from onward.survey.checks.service_owned import NAME as SERVICE_OWNED
from onward.survey.checks.service_owned import NewRunners
from onward.survey.cloud import load_cloud
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments

WISH = EnvironmentWish("as-of-release", os.cpu_count() or 2)


def quiet(_text: str) -> None:
    return


class Bench:
    """The cloud, and the three ways to check it."""

    def __init__(self, cloud: TenServices, directories: Directories, path: tuple[Series, ...]) -> None:
        self.cloud = cloud
        self.directories = directories
        self.path = path
        self.wish = CheckWish(target=path[-1].id)
        self.pythons = self._built()

    def _built(self) -> dict[Release, Path]:
        found = {}
        for service in SERVICES:
            choices = choose_environments(self.directories, service, self.path, find_interpreters(), WISH)
            for series, choice in choices.items():
                found[service, series] = build(specification(service, choice), self.directories).python
        return found

    def services_one_by_one(self) -> int:
        """Every check that the releases on the way bring along; how many."""
        number = 0
        with tempfile.TemporaryDirectory(prefix="onward-bench-") as name:
            logs = Path(name)
            for service in SERVICES:
                files = [self.cloud.configuration[service]]
                for series in self.path[1:]:
                    for check in in_force(recipe(service).checks, series.id):
                        python = self.pythons[service, series.id]
                        with warm_runner(python, (), logs / "runner.log", recipe(service).variables) as fresh:
                            log = logs / "check.log"
                            fresh.run(check, configuration=files, log=log, early_values=early_values(check, files))
                        number += 1
        return number

    def others_one_by_one(self) -> int:
        """Every other check by itself; how many. What another has looked up is not known to it."""
        names = [check.name for check in self._checks(self._context()) if check.name != SERVICE_OWNED]
        for name in names:
            with self._context() as context:
                run_checks([check for check in self._checks(context) if check.name == name], context)
        return len(names)

    def _context(self) -> CheckContext:
        return CheckContext(self.directories, load_cloud(self.cloud.cloud_file), SERVICES, target=self.path[-1])

    def _checks(self, context: CheckContext) -> list[Check]:
        policies = PolicyEnvironments(self.directories, WISH, quiet, interpreters=context.interpreters)
        return checks_of(self.wish, WISH, NewRunners(context, WISH, quiet), policies, quiet)

    def typed(self) -> None:
        """`onward check`, a process of its own."""
        places = ["--state-dir", self.directories.state, "--cache-dir", self.directories.cache]
        words = ["check", "--cloud", self.cloud.cloud_file, "--to", self.path[-1].id]
        result = subprocess.run(
            [sys.executable, "-m", "onward.commands.main", *places, *words],
            capture_output=True,
            check=False,
            # Onward's own code is compiled as well, which the first call sees to.
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        )
        if result.returncode not in (0, 4):
            raise SystemExit(result.stderr.decode())

    def lent(self, kept: KeptRunners) -> None:
        """The same, while a watch is open in another terminal."""
        with lending(self.directories.state, kept):
            self.typed()

    def again(self, kept: KeptRunners) -> list[Finding]:
        """A round of the watch."""
        return survey_check(
            self.directories, load_cloud(self.cloud.cloud_file), self.wish, WISH, progress=quiet, kept=kept
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="source", default="2025.1")
    parser.add_argument("--to", dest="target", default="2026.1")
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    path = series_list().path(words.source, words.target)
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as name:
        root = Path(name)
        directories = Directories(root / "state", default_directories().cache).prepared()
        with ten_services(root, directories, path[0].id, WISH) as cloud, KeptRunners() as kept:
            print(json.dumps(measured(Bench(cloud, directories, path), kept, words.rounds), indent=2))


def measured(bench: Bench, kept: KeptRunners, rounds: int) -> dict[str, object]:
    times: dict[str, list[float]] = {"services": [], "others": [], "cold": [], "lent": [], "again": []}
    loads = []
    first = bench.again(kept)
    bench.typed()
    commands, others, runners = bench.services_one_by_one(), bench.others_one_by_one(), kept.pids()
    for _ in range(rounds):
        loads.append(round(os.getloadavg()[0], 1))
        for what, work in (
            ("services", bench.services_one_by_one),
            ("others", bench.others_one_by_one),
            ("cold", bench.typed),
            ("lent", partial(bench.lent, kept)),
        ):
            began = time.perf_counter()
            work()
            times[what].append(time.perf_counter() - began)
        began = time.perf_counter()
        found = bench.again(kept)
        times["again"].append(time.perf_counter() - began)
        if changes(first, found) or len(found) != len(first) or kept.pids() != runners:
            raise SystemExit("a further round did not find what the first one did, or not with the same runners")
    one_by_one = [sum(each) for each in zip(times["services"], times["others"], strict=True)]
    return {
        "bench": "ten_checks",
        "services": len(SERVICES),
        "releases": len(SERVICES) * (len(bench.path) - 1),
        "commands_of_services": commands,
        "other_checks": others,
        "findings": len(first),
        "rounds": rounds,
        "cores": os.cpu_count(),
        "load_average_before_rounds": loads,
        "one_by_one_services_seconds": spread(times["services"]),
        "one_by_one_others_seconds": spread(times["others"]),
        "one_by_one_seconds": spread(one_by_one),
        "cold_seconds": spread(times["cold"]),
        "lent_seconds": spread(times["lent"]),
        "again_seconds": spread(times["again"]),
        "ratio_cold": ratio(one_by_one, times["cold"]),
        "ratio_lent": ratio(one_by_one, times["lent"]),
        "ratio_lent_of_services_alone": ratio(times["services"], times["lent"]),
        "ratio_again": ratio(one_by_one, times["again"]),
        "ratio_again_of_services_alone": ratio(times["services"], times["again"]),
        "runners_kept": len(runners),
        "resident_mebibytes": round(kept.resident_bytes() / 2**20),
        "proportional_mebibytes": proportional_mebibytes(list(runners.values())),
    }


def proportional_mebibytes(pids: list[int]) -> int:
    """What processes hold in all, with what they share counted once."""
    return round(sum(psutil.Process(pid).memory_full_info().pss for pid in pids) / 2**20)


def ratio(slow: list[float], quick: list[float]) -> dict[str, float]:
    return spread([left / right for left, right in zip(slow, quick, strict=True)])


if __name__ == "__main__":
    main()
