"""A small rehearsal on SQLite whose steps a test runs one by one, with the real actions and a real Keystone."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import URL

from onward.actions.build_environment import evidence_of
from onward.actions.registry import all_actions
from onward.actions.scratch import scratch_for
from onward.engine.action import Action, Evidence, Session, StepContext
from onward.hosts.environments import Environment
from onward.hosts.state import Directories
from onward.plan.forward import EnvironmentChoice, environment_id
from onward.plan.plan import Plan
from onward.plan.rehearsal import DemoSource, RehearsalWish, plan_rehearsal


@dataclass
class Rehearsal:
    """The steps of one run, done in whatever order a test wants."""

    plan: Plan
    workspace: Path
    actions: dict[str, Action]
    results: dict[str, Evidence]
    session: Session = field(default_factory=Session)
    said: list[str] = field(default_factory=list)

    def do(self, *steps: str, progress: Callable[[str], None] | None = None, **arguments: Any) -> Evidence:
        """Do these steps, and return the evidence of the last; ``arguments`` replace the plan's."""
        for step_id in steps:
            context = self._context(step_id, progress or self.said.append, **arguments)
            self.results[step_id] = self.actions[context.step.action].apply(context)
        return self.results[steps[-1]]

    def _context(self, step_id: str, progress: Callable[[str], None], **arguments: Any) -> StepContext:
        step = self.plan.step(step_id)
        return StepContext(
            run_id="run",
            plan=self.plan,
            step=step.model_copy(update={"arguments": {**step.arguments, **arguments}}),
            workspace=self.workspace,
            results=self.results,
            session=self.session,
            progress=progress,
        )

    def migrate(self) -> None:
        """Take the database along the whole path."""
        self.do(*(f"migrate/{series}" for series in self.plan.path[1:]))

    @property
    def url(self) -> URL:
        """Of the copy."""
        return scratch_for(self._context("scratch", self.said.append)).url

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.workspace / "scratch" / "keystone.sqlite"


@pytest.fixture(scope="module")
def begin(
    tmp_path_factory: pytest.TempPathFactory,
    session_directories: Directories,
    environment_choice: Callable[[str], EnvironmentChoice],
    built_keystone: Callable[[str], Environment],
) -> Iterator[Callable[..., Rehearsal]]:
    """Make rehearsals along these series, of which no step is done; they are closed after the module's tests."""
    begun = []

    def make(*path: str, backend: Literal["sqlite", "mariadb"] = "sqlite") -> Rehearsal:
        wish = RehearsalWish(
            cloud="test",
            service="keystone",
            path=path,
            source=DemoSource(size="small"),
            backend=backend,
            environments={series: environment_choice(series) for series in path},
            facts={},
        )
        workspace = tmp_path_factory.mktemp("workspace")
        workspace.chmod(0o700)
        built = {environment_id(series): evidence_of(built_keystone(series)) for series in path}
        begun.append(Rehearsal(plan_rehearsal(wish), workspace, all_actions(session_directories), built))
        return begun[-1]

    try:
        yield make
    finally:
        for each in begun:
            each.session.close()


@pytest.fixture(scope="module")
def upgraded(begin: Callable[..., Rehearsal]) -> Rehearsal:
    """A cloud that was filled and remembered at 2025.2 and taken to 2026.2; its proof is still to come."""
    made = begin("2025.2", "2026.1", "2026.2")
    made.do("scratch", "configure", "seed", "remember")
    made.migrate()
    return made


@pytest.fixture
def tampered(upgraded: Rehearsal) -> Iterator[Rehearsal]:
    """The same, to be changed by one test: its database and secrets are put back afterwards."""
    kept = upgraded.workspace.with_name("kept")
    shutil.copytree(upgraded.workspace, kept)
    yield upgraded
    shutil.rmtree(upgraded.workspace)
    kept.rename(upgraded.workspace)
