"""A real cloud at one series, with its schema and its first rows made by that release itself."""

from dataclasses import dataclass
from pathlib import Path

from onward.actions.registry import all_actions
from onward.engine.engine import Engine
from onward.engine.record import RunRecord
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.survey.options import EnvironmentWish
from onward.survey.rehearsal import RehearsalRequest, survey_rehearsal

SEED = "seed"


@dataclass(frozen=True)
class SourceCloud:
    """What is left when a demonstration rehearsal ends after its first steps."""

    workspace: Path
    """Directory of the run; the database is below ``scratch`` in it."""
    plan: Plan
    """The whole rehearsal's."""
    record: RunRecord
    """Of the part of it that was carried out."""

    @property
    def sqlite(self) -> Path:
        """The database, where it is SQLite."""
        return next((self.workspace / "scratch").glob("*.sqlite"))


def make_cloud(
    directories: Directories,
    source: str,
    target: str,
    *,
    size: str = "demo",
    scratch: str = "sqlite",
    environments: bool = False,
) -> SourceCloud:
    """Carry out what a rehearsal from ``source`` to ``target`` does up to the filled cloud.

    With ``environments`` those of all series on the way are built as well.
    """
    request = RehearsalRequest(
        demo=True,
        dump=None,
        copy_of=None,
        cloud_file=Path("cloud.yaml"),
        service="keystone",
        source=source,
        target=target,
        slurp=False,
        scratch=scratch,
        size="small" if size == "small" else "demo",
        keep=True,
        environments=EnvironmentWish("as-of-release", 2),
    )
    plan = survey_rehearsal(directories, request)
    wanted = needed_for(plan, SEED)
    if environments:
        wanted |= {step.id for step in plan.steps if step.action == "environment.build"}
    steps = tuple(step for step in plan.steps if step.id in wanted)
    engine = Engine(directories, all_actions(directories))
    record = engine.execute(engine.create(plan.model_copy(update={"steps": steps}).sealed()))
    assert record.status == "done", record.failures
    return SourceCloud(directories.workspace(record.run_id), plan, record)


def needed_for(plan: Plan, step_id: str) -> set[str]:
    """A step and all steps that it needs, directly or not."""
    found: set[str] = set()
    ahead = [step_id]
    while ahead:
        each = ahead.pop()
        if each not in found:
            found.add(each)
            ahead += plan.step(each).needs
    return found
