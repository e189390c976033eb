"""``onward apply``: carry out a saved plan, exactly."""

import sys
from pathlib import Path
from typing import Any

from onward.checks.waiver import parse_waivers
from onward.commands.base import Command, directories_of
from onward.commands.check import add_waive_option
from onward.commands.controller import execute, start
from onward.commands.plan import DEFAULT_CLOUD_FILE, load_plan
from onward.errors import ApprovalMissing, PlanStale
from onward.plan.plan import Plan
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
        parser.add_argument("--report-dir", type=Path, default=None, help="directory for report.html and report.json")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Refuse a plan that is edited, stale or not approved; otherwise run it."""
        directories = directories_of(self)
        plan = load_plan(parsed_args.plan)
        waivers = parse_waivers(parsed_args.waive)
        drift = plan.drift(facts_now(directories, parsed_args.cloud, plan))
        if drift:
            raise PlanStale(
                f"{parsed_args.plan} no longer fits the cloud.",
                evidence="\n".join(drift),
                state="Nothing was touched.",
                next_command=f"onward plan upgrade --to {plan.target} -o {parsed_args.plan}",
            )
        self._approved(plan, parsed_args)
        return execute(
            self.app, directories, start(directories, plan, waivers), report_directory=parsed_args.report_dir
        )

    def _approved(self, plan: Plan, parsed_args: Any) -> None:
        """Return when somebody has agreed to the irreversible steps. Raises ApprovalMissing."""
        irreversible = [step.id for step in plan.steps if not step.reversible]
        if not irreversible or parsed_args.approve == plan.digest:
            return
        how = f"onward apply {parsed_args.plan} --approve {plan.digest}"
        if parsed_args.approve is not None:
            raise ApprovalMissing(
                "The digest that was approved is not this plan's.",
                evidence=f"approved {parsed_args.approve}\nthe plan's {plan.digest}",
                next_command=f"review it (onward plan show {parsed_args.plan}), then: {how}",
            )
        if sys.stdin.isatty():
            print(
                f"Only the backup brings back what these steps change: {', '.join(irreversible)}", file=self.app.stderr
            )
            print(f"Type the name of the cloud ({plan.cloud}) to go on: ", end="", file=self.app.stderr, flush=True)
            if sys.stdin.readline().strip() == plan.cloud:
                return
        raise ApprovalMissing(
            "The plan has steps that cannot be taken back, and nobody agreed to them.",
            evidence="\n".join(irreversible),
            next_command=f"review it (onward plan show {parsed_args.plan}), then: {how}",
        )
