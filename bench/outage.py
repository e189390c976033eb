"""The outage of a fast-forward as callers see it: Onward's, against documented commands run by hand, and its floor.

One model, one set of data, one run: Keystone, Placement and Glance on MariaDB behind HAProxy are deployed at 2025.1 and
filled through their APIs, then taken to 2026.1 and back, in turn

* by `onward apply` (``onward``),
* by the fast-forward commands of the services' own guides, one after the other in the documented order, each a program
  of its own, between one stop and one start (``cold``),
* by the same release by release, with all services started on each (``stepwise``),
* by nothing but what has to be (``floor``): a stop of all units, the longest lane's commands, whose code was imported
  before, and a start of all units at once.

Callers ask each API through HAProxy four times a second. What is given is the sum of all times without a good answer,
of the API that was gone longest. After each, the databases are put back as they were. Rounds are remembered in the
directory: with --keep and the same directory, another call adds to them.

    .venv/bin/python bench/outage.py [--rounds N] [--directory DIRECTORY] [--keep]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pymysql
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from material.operated_model import OperatedModel, add_model_options, digest_in, operated
from material.spread import spread
from onward.actions.deployment.model_database import ModelDatabase
from onward.actions.trial.callers import ask, log_in
from onward.catalog.load import in_force, recipe
from onward.catalog.service import Command
from onward.hosts.mariadb_client import load, save_dump
from onward.hosts.private_file import write_private
from onward.hosts.runner import warm_runner
from onward.hosts.supervisor import Supervisor
from onward.model.deployment import ReadyProbe, UnitProcess, UnitState
from onward.observe.availability import Caller, Watch
from onward.observe.listening import answers, calls_being_answered
from onward.plan.plan import Plan, parse

MODEL, SOURCE, BETWEEN, TARGET = "outage", "2025.1", "2025.2", "2026.1"
ORDER = ("keystone", "placement", "glance")
"""As upgrade guides have it: identity first."""
BUNDLE = f"""\
name: {MODEL}
applications:
  mariadb:
  memcached:
  keystone: {{channel: "{SOURCE}", options: {{workers: 1}}}}
  placement: {{channel: "{SOURCE}", options: {{workers: 1}}}}
  glance: {{channel: "{SOURCE}", options: {{workers: 1}}}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [placement:shared-db, mariadb:shared-db]
  - [glance:shared-db, mariadb:shared-db]
  - [placement:identity-service, keystone:identity-service]
  - [glance:identity-service, keystone:identity-service]
  - [keystone, memcached]
  - [placement, memcached]
  - [glance, memcached]
  - [haproxy, keystone]
  - [haproxy, placement]
  - [haproxy, glance]
"""
PROJECTS, PROVIDERS, IMAGES = 200, 200, 100
SECONDS = 300.0


class Cloud(OperatedModel):
    """The model, and what is done to it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(MODEL, directory)

    def deploy(self) -> None:
        """Make it as its bundle says."""
        bundle = self.directory / "bundle.yaml"
        bundle.write_text(BUNDLE)
        self.onward("deploy", bundle)

    def plan(self, target: str) -> Plan:
        """The plan to a release."""
        file = self.directory / f"plan-{target}.json"
        self.onward("plan", "upgrade", "--model", MODEL, "--to", target, "-o", file)
        return parse(file.read_text(), str(file))

    @property
    def supervisor(self) -> Supervisor:
        """Who keeps its processes running."""
        return Supervisor(self.store.directory, Path(self.store.record()["sockets"]))

    def token(self) -> str:
        """Of the administrator."""
        return log_in(self.url(5000, "/v3"), "admin", self.store.secrets()["keystone/admin-password"], "admin")

    def url(self, port: int, path: str = "") -> str:
        """Through HAProxy."""
        return f"http://{self.store.record()['addresses']['haproxy public']}:{port}{path}"

    def fill(self) -> None:
        """Data for all three services, made through their APIs."""
        session = requests.Session()
        # On a machine that is busy HAProxy may take a unit for lost for a moment.
        again = Retry(total=20, status_forcelist=[503], allowed_methods=None, backoff_factor=0.2)
        session.mount("http://", HTTPAdapter(max_retries=again))
        session.headers["X-Auth-Token"] = self.token()
        made: list[tuple[str, Callable[[int], dict[str, Any]], int]] = [
            (self.url(5000, "/v3/projects"), lambda number: {"project": {"name": f"project-{number}"}}, PROJECTS),
            (self.url(8778, "/resource_providers"), lambda number: {"name": f"provider-{number}"}, PROVIDERS),
            (self.url(9292, "/v2/images"), lambda number: {"name": f"image-{number}"}, IMAGES),
        ]
        for url, body, count in made:
            for number in range(count):
                session.post(url, json=body(number), timeout=60).raise_for_status()

    def callers(self) -> dict[str, Caller]:
        """Who calls, with a token from before."""
        token = self.token()
        calls = {"placement": self.url(8778, "/resource_providers"), "image": self.url(9292, "/v2/images?limit=1")}
        callers: dict[str, Caller] = {"identity": self.log_in}
        return callers | {name: partial(ask, url, token) for name, url in calls.items()}

    def log_in(self) -> None:
        """As a user does; the token is not kept."""
        self.token()


class Work:
    """A plan's own words, done without Onward: the same programs, files, processes and databases."""

    def __init__(self, cloud: Cloud, plans: Mapping[str, Plan]) -> None:
        self.cloud = cloud
        self.plans = plans

    def databases(self) -> list[ModelDatabase]:
        """All that the plan would keep."""
        steps = [step for step in self.plans[TARGET].steps if step.action == "model.backup"]
        told: Any = [each for step in steps for each in step.arguments["databases"]]  # type: ignore[union-attr]
        return [ModelDatabase.model_validate(each) for each in told]

    def stop(self, *, killing: bool = False) -> None:
        """Stop all units that move: as a service manager does or, for the floor, as soon as nobody waits."""
        steps: list[Any] = [step.arguments for step in self.plans[TARGET].steps if step.action == "application.stop"]
        called = {unit: where for each in steps for unit, where in each["serving"].items()}

        def unused(unit: str, process: str) -> bool:
            where = called[unit][process]
            return killing and calls_being_answered(where["address"], where["port"]) == 0

        self.cloud.supervisor.stop([unit for each in steps for unit in each["units"]], unused)

    def start(self, series: str) -> None:
        """Start all units at a release, at once, and wait until each answers."""
        self._configure(series)
        starts: list[Any] = [step.arguments for step in self.plans[series].steps if step.action == "unit.start"]
        probes: list[ReadyProbe] = []
        for each in starts:
            processes = [UnitProcess.model_validate(process) for process in each["processes"]]
            self.cloud.supervisor.apply(each["unit"], processes, each["configuration"])
            probes += [process.ready for process in processes if isinstance(process.ready, ReadyProbe)]
        until(lambda: all(answers(probe, "") for probe in probes))

    def _configure(self, series: str) -> None:
        """The files that units have at a release, where these are others than before."""
        for step in self.plans[series].steps:
            if step.action == "unit.configure":
                state = UnitState.model_validate(step.arguments["state"])
                for file in state.files:
                    write_private(Path(state.directory) / file.path, self.cloud.store.resolved(file.text))

    def commands(self, service: str, series: str) -> tuple[Path, list[Command], Path]:
        """The interpreter, the commands and the configuration of a service's migration to a release."""
        arguments: Any = self.plans[TARGET].step(f"migrate/{service}/{series}").arguments
        python = Path(self.cloud.store.done()[f"environment/{service}/{series}"]["evidence"]["python"])
        commands = [Command.model_validate(each) for each in arguments["commands"]]
        return python, list(in_force(commands, series)), Path(arguments["configuration"])

    def migrate_cold(self, service: str, series: str) -> None:
        """As the guides have it: one program after the other."""
        python, commands, configuration = self.commands(service, series)
        for command in commands:
            argv = [str(python.parent / command.argv[0]), "--config-file", str(configuration), *command.argv[1:]]
            done = subprocess.run(argv, check=False, capture_output=True, text=True)
            if done.returncode not in (0, *command.done_before):
                raise SystemExit(f"{argv}: {done.returncode}\n{done.stderr[-2000:]}")


def cold(work: Work) -> None:
    """One stop, every release of every service, one start."""
    work.stop()
    for series in (BETWEEN, TARGET):
        for service in ORDER:
            work.migrate_cold(service, series)
    work.start(TARGET)


def stepwise(work: Work) -> None:
    """Release by release."""
    for series in (BETWEEN, TARGET):
        work.stop()
        for service in ORDER:
            work.migrate_cold(service, series)
        work.start(series)
        # The next release is begun when this one is seen to serve.
        until(lambda: bool(work.cloud.token()))


def apply(work: Work) -> None:
    """Onward."""
    plan = work.cloud.plan(TARGET)
    file = work.cloud.directory / f"plan-{TARGET}.json"
    work.cloud.onward("apply", file, "--approve", plan.digest)


def floor(work: Work) -> dict[str, float]:
    """Seconds of the stop, of each service's commands alone, and of the start; nothing else is done between."""
    found: dict[str, float] = {}
    with ExitStack() as stack:
        runners = {}
        for service in ORDER:
            known = recipe(service)
            for series in (BETWEEN, TARGET):
                python, commands, _ = work.commands(service, series)
                modules = (*known.warm_modules, *(each.module for each in commands))
                log = work.cloud.directory / f"runner-{service}-{series}.log"
                runners[service, series] = stack.enter_context(warm_runner(python, modules, log, known.variables))
        begin = time.monotonic()
        work.stop(killing=True)
        found["stop"] = time.monotonic() - begin
        for service in ORDER:
            begin = time.monotonic()
            for series in (BETWEEN, TARGET):
                _, commands, configuration = work.commands(service, series)
                for command in commands:
                    log = work.cloud.directory / "floor.log"
                    runners[service, series].run(command, configuration=[configuration], log=log)
            found[service] = time.monotonic() - begin
    begin = time.monotonic()
    work.start(TARGET)
    found["start"] = time.monotonic() - begin
    return found


def watched(cloud: Cloud, work: Callable[[], None]) -> dict[str, float]:
    """Do it while the APIs are called; for how long each gave no good answer, all times together."""
    watch = Watch(cloud.callers())
    try:
        until(lambda: all(watch.last_good(name) for name in watch.names()))
        work()
        now = time.monotonic()
        until(lambda: all((watch.last_good(name) or 0) > now for name in watch.names()))
    finally:
        seen = watch.finish()
    return {name: each.gone_seconds for name, each in seen.items()}


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            if true():
                return
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            raise SystemExit("not in time")
        time.sleep(0.05)


def put_back(work: Work, dumps: Mapping[str, Path]) -> None:
    """Everything at the source again, with the same data."""
    work.stop(killing=True)
    secrets = work.cloud.store.secrets()
    for each in work.databases():
        place = {"host": each.host, "port": each.port, "user": each.user, "password": secrets[each.secret]}
        with pymysql.connect(**place) as connection:  # type: ignore[arg-type]
            cursor = connection.cursor()
            cursor.execute(f"DROP DATABASE `{each.database}`")
            cursor.execute(f"CREATE DATABASE `{each.database}` CHARACTER SET utf8mb3")
        with dumps[each.database].open("rb") as stream:
            load(stream, each.url(secrets))
    work.cloud.deploy()


def restore(cloud: Cloud) -> None:
    """Onward's own way back."""
    run = max(path.name for path in (cloud.state / "runs").iterdir())
    cloud.onward("runs", "restore", run, "--approve", digest_in(cloud.onward("runs", "restore", run, refused=True)))


def measure(cloud: Cloud, rounds: int) -> dict[str, Any]:
    """All ways in turn, so often; what each took."""
    kept = cloud.directory / "rounds.json"
    cloud.deploy()
    if not kept.exists():
        cloud.fill()
    work = Work(cloud, {series: cloud.plan(series) for series in (BETWEEN, TARGET)})
    dumps = {each.database: cloud.directory / f"{each.database}.sql" for each in work.databases()}
    for each in work.databases():
        if not kept.exists():
            save_dump(each.url(cloud.store.secrets()), dumps[each.database])
    found: dict[str, list[dict[str, float]]] = {"onward": [], "cold": [], "stepwise": [], "floor": []}
    if kept.exists():
        found = json.loads(kept.read_text())
    kept.write_text(json.dumps(found))
    for number in range(rounds):
        found["onward"].append(watched(cloud, lambda: apply(work)))
        restore(cloud)
        for name, way in (("cold", cold), ("stepwise", stepwise)):
            found[name].append(watched(cloud, partial(way, work)))
            put_back(work, dumps)
        found["floor"].append(floor(work))
        put_back(work, dumps)
        kept.write_text(json.dumps(found))
        print(f"round {number + 1}: {json.dumps({name: each[-1] for name, each in found.items()})}", file=sys.stderr)
    longest = {name: [max(each.values()) for each in found[name]] for name in ("onward", "cold", "stepwise")}
    longest["floor"] = [each["stop"] + max(each[name] for name in ORDER) + each["start"] for each in found["floor"]]
    onward = statistics.median(longest["onward"])
    return {
        "rows": {"projects": PROJECTS, "providers": PROVIDERS, "images": IMAGES},
        "seconds": {name: spread(values) for name, values in longest.items()},
        "times_onward": {name: round(statistics.median(longest[name]) / onward, 1) for name in ("cold", "stepwise")},
        "onward_of_floor": round(onward / statistics.median(longest["floor"]), 2),
        "rounds": found,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    add_model_options(parser)
    wish = parser.parse_args()
    with operated(Cloud, wish) as cloud:
        print(json.dumps(measure(cloud, wish.rounds), indent=2))


if __name__ == "__main__":
    main()
