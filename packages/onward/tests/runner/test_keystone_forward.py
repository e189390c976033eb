"""Real Keystones: bootstrapped, served, checked and migrated through the actions of a run."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text

from onward.actions.check_upgrade import CheckUpgrade, ask_release
from onward.actions.configure_service import ConfigureService, configuration_files
from onward.actions.create_scratch import CreateScratch
from onward.actions.migrate_database import MigrateDatabase, known_fault
from onward.actions.scratch import scratch_for
from onward.actions.warm_runner import WarmRunner, command_log, runner_for
from onward.catalog.load import forward_recipe, in_force
from onward.engine.action import Action, Evidence, Session, StepContext
from onward.errors import MigrationFailed, RunnerDied
from onward.plan.plan import Plan
from onward.plan.step import Step

PASSWORD = "a-password-that-is-nowhere-else"
OLD, NEW = "2023.1", "2026.2"
BEFORE_OLD_AND_NEW = ("zed", OLD, NEW)

pytestmark = pytest.mark.environments


def by_hand(step_id: str, **arguments: Any) -> Step:
    """A step that a test carries out itself."""
    return Step(
        id=step_id,
        action="by.hand",
        target="keystone",
        arguments={"service": "keystone", **arguments},
        reason="a test",
        phase="prepare",
    )


@dataclass
class Run:
    """A run whose steps are called by hand."""

    workspace: Path
    results: dict[str, Evidence]
    scratch: Step
    session: Session = field(default_factory=Session)

    def context(self, step_id: str, **arguments: Any) -> StepContext:
        step = by_hand(step_id, **arguments) if step_id != self.scratch.id else self.scratch
        steps = (self.scratch, step)
        plan = Plan(kind="rehearsal", cloud="test", service="keystone", path=BEFORE_OLD_AND_NEW, facts={}, steps=steps)
        return StepContext(
            "run-1", plan.sealed(), step, self.workspace, self.results, self.session, progress=lambda line: None
        )

    def do(self, action: Action, step_id: str, **arguments: Any) -> Evidence:
        self.results[step_id] = action.apply(self.context(step_id, **arguments))
        return self.results[step_id]

    def half_migrate(self) -> None:
        """Leave what a killed migration leaves: the index of 2026.1's expansion, without its revision."""
        engine = create_engine(scratch_for(self.context("any")).url)
        with engine.begin() as connection:
            connection.execute(
                text("CREATE INDEX ix_revocation_event_project_id_user_id ON revocation_event (project_id, user_id)")
            )
        engine.dispose()

    def bootstrap(self, series: str) -> None:
        """A new, empty installation of a series."""
        context = self.context("bootstrap")
        for command in in_force(forward_recipe("keystone").bootstrap, series):
            outcome = runner_for(context, series).run(
                command,
                configuration=configuration_files(context),
                log=command_log(context, series, command.name),
                environment={"OS_BOOTSTRAP_PASSWORD": PASSWORD},
            )
            assert outcome.exit_status == 0, outcome.tail()

    def log_in(self, series: str) -> int:
        """Serve the API of a series and log in as its administrator; the answer's status."""
        context = self.context("serve")
        process = forward_recipe("keystone").processes[0]
        (application,) = in_force(process.applications, series)
        with runner_for(context, series).serve(
            application,
            configuration=configuration_files(context),
            log=command_log(context, series, "api"),
            health_path=process.health_path,
        ) as api:
            user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
            identity = {"methods": ["password"], "password": {"user": user}}
            scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
            with requests.Session() as http:
                http.trust_env = False
                answer = http.post(
                    f"{api.url}/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}, timeout=60
                )
        return answer.status_code

    def printed(self) -> str:
        """All that is in the logs."""
        return "\n".join(path.read_text() for path in (self.workspace / "logs").rglob("*.log"))


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def run(request: pytest.FixtureRequest, tmp_path: Path, keystone_environment: Callable[[str], Path]) -> Iterator[Run]:
    """A run with an empty scratch database and the environments of two series."""
    pythons = {f"environment/{series}": {"python": str(keystone_environment(series))} for series in (OLD, NEW)}
    made = Run(tmp_path, dict(pythons), by_hand("scratch", backend=request.param))
    try:
        made.do(CreateScratch(), "scratch")
        made.do(ConfigureService(), "configure", quick_passwords=True)
        yield made
    finally:
        made.session.close()


@pytest.fixture
def installed(run: Run) -> Run:
    """The same with a bootstrapped Keystone of the old series."""
    run.bootstrap(OLD)
    return run


def test_a_user_of_the_old_release_logs_in_to_the_new_one(installed: Run) -> None:
    warmed = installed.do(WarmRunner(), f"runner/{NEW}", series=NEW)
    assert warmed["resident_mb"] > 10
    # What a release does not have yet, or any more, may be skipped; what every release has may not.
    assert "keystone.cmd.manage" not in warmed["skipped_modules"]
    assert installed.log_in(OLD) == 201

    migrated = installed.do(MigrateDatabase(), f"migrate/{NEW}", series=NEW)
    assert [(command["name"], command["exit_status"]) for command in migrated["commands"]] == [
        ("db_sync", 0),
        ("db_sync-check", 0),
    ]
    assert all((installed.workspace / command["log"]).is_file() for command in migrated["commands"])
    assert migrated["restored"] is False
    assert installed.log_in(NEW) == 201

    again = installed.do(MigrateDatabase(), f"migrate/{NEW}", series=NEW)
    assert again["restored"] is False
    assert installed.log_in(NEW) == 201

    assert PASSWORD not in installed.printed()
    assert PASSWORD not in str(installed.results)


def test_the_target_is_asked_what_it_cannot_take_over(installed: Run) -> None:
    evidence = installed.do(CheckUpgrade(), f"check/{NEW}", series=NEW)
    results = {finding["name"]: finding["result"] for finding in evidence["findings"]}
    assert results["Check trust policies are not empty"] == "pass"
    assert results["Check default roles are immutable"] == "pass"
    # The doctor looks at the configuration alone, and that of a copy is Onward's own.
    assert [check["name"] for check in evidence["checked"]] == ["upgrade-check"]


def test_the_doctor_is_asked_about_a_configuration_that_is_the_clouds(installed: Run, tmp_path: Path) -> None:
    context = installed.context(f"check/{NEW}", series=NEW)
    _, findings = ask_release(
        "keystone",
        NEW,
        runner_for(context, NEW),
        configuration_files(context),
        log_of=lambda check: tmp_path / f"{check}.log",
        rows=lambda query: None,
        progress=lambda text: None,
    )
    (cache,) = [finding for finding in findings if "[cache] enabled" in finding.details]
    assert cache.result == "warn"
    assert "highly recommended" in cache.way_out


def test_a_check_that_could_not_run_is_no_warning(run: Run) -> None:
    """Without its keys, keystone-status ends with 1, which it also does after a warning."""
    evidence = run.do(CheckUpgrade(), f"check/{NEW}", series=NEW)
    found = next(finding for finding in evidence["findings"] if finding["name"] == "upgrade-check")
    assert found["result"] == "could-not-tell"
    assert str(run.workspace) in found["details"]  # It asked for the keys of this run, not for those of the machine.


@pytest.mark.parametrize("milliseconds", [0, 40, 90])
def test_a_migration_that_was_killed_is_finished_by_the_next_attempt(installed: Run, milliseconds: int) -> None:
    context = installed.context(f"migrate/{NEW}", series=NEW)
    victim = runner_for(context, NEW)
    log = command_log(context, NEW, "db_sync")
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(MigrateDatabase().apply, context)
        while not (log.exists() or attempt.done()):
            time.sleep(0.002)
        time.sleep(milliseconds / 1000)
        os.kill(victim.pid, signal.SIGKILL)
        killed = attempt.exception(60)
    assert isinstance(killed, RunnerDied)
    evidence = installed.do(MigrateDatabase(), f"migrate/{NEW}", series=NEW)
    assert evidence["restored"] is True
    assert installed.log_in(NEW) == 201


def test_leftovers_of_a_killed_migration_would_stop_it_without_the_checkpoint(installed: Run) -> None:
    context = installed.context(f"migrate/{NEW}", series=NEW)
    installed.half_migrate()
    with pytest.raises(MigrationFailed, match="db_sync ended with exit status 1") as raised:
        MigrateDatabase().apply(context)
    assert "ix_revocation_event_project_id_user_id" in raised.value.evidence
    assert f"between {OLD} and {NEW}" in raised.value.state


def test_a_failed_migration_is_tried_again_from_the_state_before_it(installed: Run) -> None:
    context = installed.context(f"migrate/{NEW}", series=NEW)
    scratch_for(context).checkpoint(f"before-{NEW}")
    installed.half_migrate()
    assert installed.do(MigrateDatabase(), f"migrate/{NEW}", series=NEW)["restored"] is True
    assert installed.log_in(NEW) == 201


def test_a_known_fault_is_explained_and_no_password_is_kept(installed: Run) -> None:
    """The releases from Zed to 2026.1 stop at a % in the URL, and show the URL with its password."""
    (file,) = installed.results["configure"]["configuration"]
    broken = re.sub(
        "(?m)^connection = .*", f"connection = mysql+pymysql://u:50%25{PASSWORD}@h/k", Path(file).read_text()
    )
    Path(file).write_text(broken)
    context = installed.context(f"migrate/{OLD}", series=OLD)
    context.secrets.register(f"50%{PASSWORD}")
    with pytest.raises(MigrationFailed, match="is itself at fault: db_sync gives the database's URL") as raised:
        MigrateDatabase().apply(context)
    assert "needs no escaping" in raised.value.next_command
    assert "invalid interpolation syntax" in raised.value.evidence
    assert PASSWORD not in str(raised.value.as_data())
    assert PASSWORD not in installed.printed()


def test_a_known_fault_is_recognised_by_series_backend_and_output() -> None:
    known = forward_recipe("keystone")
    output = "Traceback\nValueError: No such constraint: 'access_rule_external_id_key'"
    assert known_fault(known, "2026.2", "sqlite", output) is not None
    assert known_fault(known, "2023.1", "sqlite", output) is None
    assert known_fault(known, "2026.2", "mysql", output) is None
    assert known_fault(known, "2026.2", "sqlite", "another error") is None


def test_every_command_in_force_has_one_meaning_for_each_series() -> None:
    known = forward_recipe("keystone")
    for series in ("queens", "rocky", "stein", "train", "zed", "2024.1", "2026.2"):
        names = [check.name for check in in_force(known.checks, series)]
        assert len(names) == len(set(names))
        assert len(in_force(known.processes[0].applications, series)) == 1
        assert re.fullmatch(r"db_sync", in_force(known.offline, series)[0].name)
