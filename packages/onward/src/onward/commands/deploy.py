"""``onward deploy`` and ``onward destroy``: a bundle becomes a running cloud, and nothing of it is left."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from onward.commands.approval import require_approval
from onward.commands.base import Command, directories_of
from onward.commands.controller import carry_out
from onward.commands.model_change import ModelChange
from onward.commands.plan import show
from onward.hosts.state import Directories
from onward.model.bundle import Bundle
from onward.model.option_changes import option_changes
from onward.survey.departure import kept_backups
from onward.survey.deployment import read_bundle, survey_removal
from onward.survey.offers import require_unused
from onward.survey.options import add_move_options, add_rolling_options, rolling_of
from onward.survey.recorded import kept_bundle, models


class Deploy(ModelChange):
    """Deploy a bundle, or bring what is deployed of it to what it says now. Done twice, it changes nothing."""

    model_help = "name of the model (default: the bundle's name or file)"

    def get_parser(self, prog_name: str) -> Any:
        """Add the bundle."""
        parser = super().get_parser(prog_name)
        parser.add_argument("bundle", type=Path, help="YAML file with the keys of Juju's bundles")
        add_rolling_options(parser)
        add_move_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Read, plan, carry out."""
        wanted = replace(
            read_bundle(parsed_args.bundle, parsed_args.model),
            rolling=rolling_of(parsed_args),
            dropped=frozenset(parsed_args.drop_option),
            budget_seconds=parsed_args.data_plane_budget,
        )
        nothing_left = f"{wanted.model} is as {parsed_args.bundle} says. Nothing was changed."
        directories = directories_of(self)
        if wanted.model in models(directories):
            # What somebody has set since with `onward config` is in no file, and would be lost without a word.
            for line in option_changes(kept_bundle(directories, wanted.model), wanted.bundle):
                self.tell(line)
        return self.bring(parsed_args, directories, wanted, nothing_left)


class Destroy(Command):
    """Stop all units of a model and remove them, their data and their secrets.

    Backups that its runs have made stay with them; it says where.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the model and the approval."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", help="name of the model, as `onward status` shows it")
        parser.add_argument("--approve", metavar="DIGEST", help="the plan's digest: agree to what cannot be taken back")
        parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
        parser.add_argument(
            "--leave-granted",
            action="store_true",
            help="leave users, databases and endpoints in other models: for where their servers do not answer any more",
        )
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Plan, ask, carry out."""
        directories = directories_of(self)
        plan = survey_removal(directories, parsed_args.model, leave_granted=parsed_args.leave_granted)
        if parsed_args.dry_run:
            show(self, plan, "tree")
            self._tell_backups(directories, parsed_args.model)
            return 0
        require_approval(self, plan, parsed_args.approve, warning=f"All data of {parsed_args.model} are lost")
        # Somebody may have begun to use it while the question stood.
        require_unused(directories, parsed_args.model)
        status = carry_out(self.app, directories, plan, report_directory=None)
        self._tell_backups(directories, parsed_args.model)
        return status

    def _tell_backups(self, directories: Directories, model: str) -> None:
        for path in kept_backups(directories, model):
            self.tell(f"kept: {path}, a backup of its databases, with what is secret in them; rm -r removes it")


class BundleSchema(Command):
    """Print the JSON schema of bundles, for editors."""

    def take_action(self, parsed_args: Any) -> int:
        """Print it."""
        print(json.dumps(Bundle.model_json_schema(by_alias=True), indent=2), file=self.app.stdout)
        return 0
