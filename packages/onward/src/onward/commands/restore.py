"""``onward runs restore``: the way back from an upgrade, in place or of a deployed model."""

from typing import Any

from onward.commands.approval import require_approval
from onward.commands.base import directories_of
from onward.commands.controller import carry_out
from onward.commands.runs import OfRun
from onward.engine.runs import ENDED, read_run, request
from onward.survey.options import add_environment_options, environment_wish
from onward.survey.way_back import survey_way_back


class RunsRestore(OfRun):
    """Put databases back as they were before an upgrade, from the run's backup; an unfinished run is cancelled."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the approval."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--approve", metavar="DIGEST", help="agree to lose what was written since the backup")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Refuse what has no backup or no approval; otherwise end the run and put its backup back."""
        directories = directories_of(self)
        record = read_run(directories, parsed_args.run)
        plan = survey_way_back(directories, record, environment_wish(parsed_args))
        require_approval(
            self,
            plan,
            parsed_args.approve,
            warning=f"What was written to databases of {plan.service or plan.cloud} since its backup will be lost",
            review=f"onward runs show {record.run_id} --timeline",
        )
        if record.status not in ENDED:
            request(directories, record.run_id, "cancel")
        return carry_out(self.app, directories, plan, report_directory=None)
