"""``onward apply``: carry out a saved plan, exactly."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from onward.checks.waiver import parse_waivers
from onward.commands.approval import require_approval
from onward.commands.base import Command, directories_of, make_directory
from onward.commands.check import add_waive_option
from onward.commands.controller import carry_out
from onward.commands.plan import DEFAULT_CLOUD_FILE, load_plan, words_for
from onward.commands.store import add_store_option, store_of
from onward.commands.submitted import follow, submit
from onward.errors import PlanStale
from onward.survey.model_upgrade import model_upgrade_of, require_fresh
from onward.survey.upgrade import facts_now


class Apply(Command):
    """Apply a saved plan: journaled, resumable, and only while what it was computed from still holds."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the plan and the approval."""
        parser = super().get_parser(prog_name)
        parser.add_argument("plan", type=Path, help="file that `onward plan upgrade -o` wrote")
        parser.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        parser.add_argument("--approve", metavar="DIGEST", help="the plan's digest: agree to what cannot be taken back")
        add_waive_option(parser)
        add_store_option(parser)
        parser.add_argument("--report-dir", type=Path, default=None, help="directory for report.html and report.json")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Refuse a plan that is edited, stale or not approved; otherwise run it."""
        directories = directories_of(self)
        make_directory(parsed_args.report_dir)
        plan = load_plan(parsed_args.plan)
        waivers, store = parse_waivers(parsed_args.waive), store_of(parsed_args)
        model = model_upgrade_of(plan)
        if model is not None:
            require_fresh(directories, model, plan, parsed_args.plan)
        else:
            wish = ["--service", plan.service, "--to", plan.target, "-o", str(parsed_args.plan)]
            again = shlex.join(["onward", "plan", "upgrade", *words_for(parsed_args.cloud), *wish])
            drift = plan.drift(facts_now(directories, parsed_args.cloud, plan))
            _require_fresh(drift, parsed_args.plan, again)
        require_approval(
            self,
            plan,
            parsed_args.approve,
            warning="Only the backup brings back what these steps change",
            review=shlex.join(["onward", "plan", "show", str(parsed_args.plan)]),
        )
        if store is not None:
            shared = replace(directories, store=store)
            return follow(self.app, shared, submit(self.app, shared, plan, waivers))
        return carry_out(self.app, directories, plan, report_directory=parsed_args.report_dir, waivers=waivers)


def _require_fresh(drift: list[str], file: Path, again: str) -> None:
    """Return when the facts are as they were planned with. Raises PlanStale, which says how it is planned again."""
    if drift:
        raise PlanStale(
            f"{file} no longer fits the cloud.",
            evidence="\n".join(drift),
            state="Nothing was touched.",
            next_command=again,
        )
