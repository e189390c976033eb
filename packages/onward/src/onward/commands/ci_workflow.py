"""``onward ci workflow``: the whole way by commands, as people type them: from a bundle to nothing again."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward import __version__
from onward.commands.base import Lister, directories_of
from onward.commands.check import add_waive_option
from onward.commands.ci_services import add_bundle_options, environments_used, files_of_run
from onward.commands.plan import load_plan
from onward.engine.runs import list_runs
from onward.errors import DONE, FAILED, ModelThere, OnwardError
from onward.hosts.model_store import ModelStore
from onward.hosts.reproducer import write_reproducer
from onward.hosts.state import Directories
from onward.model.reproducer import Failure, Manifest, WorkflowTrial
from onward.survey.deployment import read_bundle, survey_removal
from onward.survey.options import add_environment_options
from onward.survey.recorded import models

_CODE = re.compile(r"\bOW\d{3}\b")
_LAST = 4000
"""Bytes of a command's output that are searched for the code of its failure, from the end."""


@dataclass(frozen=True)
class Typed:
    """A command that was typed, and how it ended."""

    step: str
    status: int | None
    """None: it was not typed, because an earlier one failed."""
    seconds: float
    code: str = ""
    run: str = ""

    @property
    def said(self) -> str:
        """In one word or two."""
        if self.status is None:
            return "not begun"
        return "done" if self.status == DONE else f"exit status {self.status}" + (f", {self.code}" if self.code else "")


class CiWorkflow(Lister):
    """Deploy a bundle, fill it, check, rehearse, plan, apply, use it, destroy it: all by commands as they are typed.

    Of a failure a reproducer bundle is left, which `onward ci reproduce` runs again. Exits with 1 if one fails.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the bundle, the target, and what is left."""
        parser = super().get_parser(prog_name)
        parser.add_argument("bundle", type=Path, help="YAML file with the keys of Juju's bundles")
        parser.add_argument("--to", dest="target", metavar="SERIES", required=True, help="release to take it to")
        parser.add_argument("--model", metavar="NAME", help="name of the model (default: the bundle's, and -ci)")
        parser.add_argument("--slurp", action="store_true", help="go only through the SLURP releases")
        parser.add_argument("--keep", action="store_true", help="leave the model deployed")
        add_waive_option(parser)
        add_bundle_options(parser)
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Type them one after the other; what is left is destroyed, whatever failed."""
        directories = directories_of(self)
        wanted = read_bundle(parsed_args.bundle, parsed_args.model)
        wish = WorkflowTrial(
            bundle=parsed_args.bundle.name,
            model=parsed_args.model or f"{wanted.model}-ci",
            target=parsed_args.target,
            slurp=parsed_args.slurp,
            constraints=parsed_args.constraints,
            waivers=tuple(parsed_args.waive),
        )
        trial = WorkflowRun(directories, wish, parsed_args.bundle.absolute(), self._tell)
        self._typed = trial.carry_out(keep=parsed_args.keep)
        failed = failure_of(self._typed)
        if failed is not None or parsed_args.always_bundle:
            where = parsed_args.bundle_dir or directories.state / "ci"
            self._tell(f"reproducer: {trial.keep(where.absolute(), failed)}")
        rows = [(each.step, each.said, round(each.seconds, 1), each.run) for each in self._typed]
        return ("Step", "Result", "Seconds", "Run"), rows

    def run(self, parsed_args: Any) -> int:
        """Show it and say what it amounts to."""
        super().run(parsed_args)
        return DONE if failure_of(self._typed) is None else FAILED

    def _tell(self, text: str) -> None:
        print(text, file=self.app.stderr)


def failure_of(typed: list[Typed]) -> Failure | None:
    """The first command that did not end well; None where all did."""
    first = next((each for each in typed if each.status not in (None, DONE)), None)
    return None if first is None else Failure(step=first.step, code=first.code, what=first.said)


class WorkflowRun:
    """One way of a bundle, from nothing to nothing."""

    def __init__(
        self, directories: Directories, wish: WorkflowTrial, bundle: Path, tell: Callable[[str], None]
    ) -> None:
        """Raises ModelThere where a model of that name is deployed."""
        if wish.model in models(directories):
            raise ModelThere(
                f"A model called {wish.model} is deployed already.", next_command=f"onward status {wish.model}"
            )
        self._directories = directories
        self._wish = wish
        self._bundle = bundle
        self._tell = tell
        self._logs = directories.state / "ci" / f"{wish.model}-{time.strftime('%Y%m%d-%H%M%S')}"
        self._secrets: frozenset[str] = frozenset()
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def carry_out(self, *, keep: bool) -> list[Typed]:
        """Type every command; after one that fails, only the destruction."""
        typed: list[Typed] = []
        for step, words in self._commands():
            if failure_of(typed) is not None:
                typed.append(Typed(step, None, 0.0))
                continue
            typed.append(self._type(step, words))
            self._learn_secrets()
        if not keep and self._wish.model in models(self._directories):
            typed.append(self._type("destroy", self._destroy))
        return typed

    def keep(self, where: Path, failure: Failure | None) -> Path:
        """Write the reproducer: what was deployed, what was said, the run that failed. Raises OutputUnwritable."""
        wish = self._wish
        files: dict[str, Path | str] = {wish.bundle: self._bundle}
        files |= {f"output/{path.name}": path for path in sorted(self._logs.glob("*.log"))}
        files |= {"upgrade-plan.json": self._logs / "plan.json"}
        records = [each for each in list_runs(self._directories) if each.plan.cloud == wish.model]
        failed = next((each for each in records if each.status == "failed"), records[-1] if records else None)
        if failed is not None:
            files |= dict(files_of_run(self._directories, failed))
        manifest = Manifest(
            onward_version=__version__,
            wish=wish,
            failure=failure,
            environments={name: facts for each in records for name, facts in environments_used(each).items()},
        )
        result = "done" if failure is None else failure.code.lower() or "failed"
        target = where / f"{wish.model}-{wish.target}-{result}-{self._logs.name.rpartition('-ci-')[2]}.tar.gz"
        return write_reproducer(target, manifest, files, self._secrets)

    def _commands(self) -> Iterator[tuple[str, Callable[[], list[str]]]]:
        wish, plan = self._wish, self._logs / "plan.json"
        way = ["--to", wish.target, *(["--slurp"] if wish.slurp else [])]
        waivers = [word for each in wish.waivers for word in ("--waive", each)]
        built = ["--constraints", wish.constraints]
        yield "deploy", lambda: ["deploy", str(self._bundle), "--model", wish.model, *built]
        yield "fill", lambda: ["smoke", wish.model, "--keep"]
        yield "check", lambda: ["check", "--model", wish.model, *way, *waivers, *built]
        yield "rehearse", lambda: ["rehearse", "--model", wish.model, *way, *built]
        yield "plan", lambda: ["plan", "upgrade", "--model", wish.model, *way, "-o", str(plan), *built]
        yield "apply", lambda: ["apply", str(plan), "--approve", load_plan(plan).digest, *waivers]
        yield "smoke", lambda: ["smoke", wish.model, "--kept"]

    def _destroy(self) -> list[str]:
        digest = survey_removal(self._directories, self._wish.model).digest
        return ["destroy", self._wish.model, "--approve", digest]

    def _type(self, step: str, words: Callable[[], list[str]]) -> Typed:
        """Run a command in a process of its own; all that it prints goes to a file."""
        began, before = time.monotonic(), {each.run_id for each in list_runs(self._directories)}
        log = self._logs / f"{step}.log"
        try:
            argv = words()
        except OnwardError as error:
            return Typed(step, error.exit_status, time.monotonic() - began, error.code)
        self._tell(f"onward {' '.join(argv)}")
        where = ["--state-dir", str(self._directories.state), "--cache-dir", str(self._directories.cache)]
        with log.open("wb") as output:
            ended = subprocess.run(
                [sys.executable, "-m", "onward.commands.main", *where, *argv],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        new = [each for each in list_runs(self._directories) if each.run_id not in before]
        code = "" if ended.returncode == DONE else self._code(log, new[-1].failures[0].error if _failed(new) else None)
        run = new[-1].run_id if new else ""
        return Typed(step, ended.returncode, time.monotonic() - began, code, run)

    def _code(self, log: Path, error: dict[str, Any] | None) -> str:
        if error is not None:
            return str(error.get("code", ""))
        found = _CODE.findall(log.read_bytes()[-_LAST:].decode(errors="replace"))
        return str(found[-1]) if found else ""

    def _learn_secrets(self) -> None:
        """What the model keeps secret now; it is forgotten with the model, and stands in no reproducer."""
        store = ModelStore(self._directories.models / self._wish.model)
        if store.exists:
            self._secrets |= frozenset(store.secrets().values())


def _failed(new: list[Any]) -> bool:
    return bool(new and new[-1].failures)
