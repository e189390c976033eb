"""``onward ci reproduce``: what a reproducer bundle tells is done again, and held against what it says came of it."""

import tempfile
from pathlib import Path
from typing import Any

from onward.commands.base import Lister, directories_of
from onward.commands.ci_services import environments_used, try_service
from onward.commands.ci_workflow import WorkflowRun, failure_of
from onward.errors import DIFFERENCES, DONE
from onward.hosts.reproducer import read_reproducer
from onward.hosts.state import Directories
from onward.model.reproducer import Failure, Manifest, ServiceTrial
from onward.survey.options import EnvironmentWish


class CiReproduce(Lister):
    """Do again what a reproducer bundle tells; exit with 3 when something else comes of it.

    Its failure is reproduced when the same step ends with the same code.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the bundle."""
        parser = super().get_parser(prog_name)
        parser.add_argument("bundle", type=Path, help="file that `onward ci services` or `onward ci workflow` left")
        parser.add_argument("--parallel", type=int, default=2, metavar="N", help="environments built at once")
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Unpack, run, compare."""
        directories = directories_of(self)
        with tempfile.TemporaryDirectory(prefix="onward-reproduce-") as unpacked:
            manifest = read_reproducer(parsed_args.bundle, Path(unpacked))
            again, run, environments = self._again(directories, manifest, Path(unpacked), parsed_args.parallel)
        before = manifest.failure
        rows = [("Result", _said(before), _said(again)), ("Run", "", run)]
        rows += [
            (name, _told(manifest.environments.get(name)), _told(environments.get(name)))
            for name in sorted({*manifest.environments, *environments})
        ]
        self._same = _key(before) == _key(again)
        return ("What", "Recorded", "Now"), rows

    def run(self, parsed_args: Any) -> int:
        """Show it and say what it amounts to."""
        super().run(parsed_args)
        said = "The same came of it." if self._same else "Something else came of it."
        print(said, file=self.app.stderr)
        return DONE if self._same else DIFFERENCES

    def _again(
        self, directories: Directories, manifest: Manifest, unpacked: Path, parallel: int
    ) -> tuple[Failure | None, str, dict[str, dict[str, str]]]:
        wish = manifest.wish
        if isinstance(wish, ServiceTrial):
            environments = EnvironmentWish(wish.constraints, parallel)
            found = try_service(self.app, directories, wish, unpacked, environments)
            run = found.record.run_id if found.record is not None else ""
            return found.failure, run, environments_used(found.record) if found.record is not None else {}
        trial = WorkflowRun(directories, wish, unpacked / wish.bundle, self._tell)
        typed = trial.carry_out(keep=False)
        last = [each.run for each in typed if each.run]
        return failure_of(typed), last[-1] if last else "", {}

    def _tell(self, text: str) -> None:
        print(text, file=self.app.stderr)


def _key(failure: Failure | None) -> tuple[str, str] | None:
    return None if failure is None else (failure.step, failure.code)


def _said(failure: Failure | None) -> str:
    return "done" if failure is None else f"{failure.code or 'failed'} at {failure.step}"


def _told(facts: dict[str, str] | None) -> str:
    return "" if facts is None else ", ".join(f"{name} {value}" for name, value in facts.items())
