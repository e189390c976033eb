"""What all commands share that bring a model to what a bundle says: the options, the plan, the approval, the run."""

from collections.abc import Callable
from typing import Any

from onward.checks.waiver import parse_waivers
from onward.commands.approval import require_approval
from onward.commands.base import Command, directories_of
from onward.commands.check import add_waive_option
from onward.commands.controller import carry_out
from onward.commands.plan import show
from onward.hosts.state import Directories
from onward.model.bundle import Bundle, without_effect
from onward.plan.plan import Plan
from onward.survey.deployment import survey_deployment
from onward.survey.options import add_environment_options, environment_wish
from onward.survey.recorded import kept_bundle, only_model
from onward.survey.wanted import Wanted


class ModelChange(Command):
    """A command that ends with a model being as a bundle says."""

    def get_parser(self, prog_name: str) -> Any:
        """Add what concerns the plan, and the model."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--model", metavar="NAME", help=self.model_help)
        parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
        parser.add_argument("-f", "--format", choices=("tree", "json"), default="tree", help="of the plan shown")
        parser.add_argument("--approve", metavar="DIGEST", help="the plan's digest: agree to what cannot be taken back")
        add_waive_option(parser)
        add_environment_options(parser)
        return parser

    model_help = "name of the model (default: the only one there is)"

    def change(self, parsed_args: Any, edit: Callable[[Bundle], Bundle], leaving: frozenset[str] = frozenset()) -> int:
        """Change the bundle that is kept with the model, and bring the model to it."""
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        wanted = Wanted(edit(kept_bundle(directories, model)), f"the bundle of {model}", model, leaving=leaving)
        return self.bring(parsed_args, directories, wanted, f"{model} is so already. Nothing was changed.")

    def planned(self, parsed_args: Any, directories: Directories, wanted: Wanted) -> Plan:
        """What is left to do. Raises a Refused error."""
        return survey_deployment(directories, wanted, environment_wish(parsed_args), self.tell)

    def bring(self, parsed_args: Any, directories: Directories, wanted: Wanted, nothing_left: str) -> int:
        """Plan what is left to do, ask about what cannot be taken back, and do it; the exit status.

        ``nothing_left`` is what is said when all is so already.
        """
        waivers = parse_waivers(parsed_args.waive)
        plan = self.planned(parsed_args, directories, wanted)
        if ignored := without_effect(wanted.bundle):
            self.tell(f"without effect here: {', '.join(ignored)}")
        if parsed_args.dry_run:
            show(self, plan, parsed_args.format)
            return 0
        if not plan.steps:
            print(nothing_left, file=self.app.stdout)
            return 0
        for step in plan.steps:
            if step.action == "unit.remove":
                self.tell(f"removes {step.target}: {step.reason}")
        lost = any(step.action == "unit.remove" and not step.reversible for step in plan.steps)
        warning = "Data are lost for ever" if lost else "Only the backups bring the older releases back"
        require_approval(self, plan, parsed_args.approve, warning=warning)
        return carry_out(self.app, directories, plan, report_directory=None, waivers=waivers)
