"""``onward plan``: compute, show and save what would be done."""

import json
import shlex
from pathlib import Path
from typing import Any

from onward.commands.base import Command, directories_of, write_output
from onward.errors import PlanUnreadable, RollingImpossible
from onward.plan.plan import Plan, parse
from onward.survey.collector import collector_paused
from onward.survey.model_upgrade import ModelUpgrade, survey_model_upgrade
from onward.survey.options import (
    add_environment_options,
    add_move_options,
    add_rolling_options,
    environment_wish,
    rolling_of,
)
from onward.survey.upgrade import survey_upgrade
from onward.views.called import as_called
from onward.views.terminal import print_plan

DEFAULT_CLOUD_FILE = Path("cloud.yaml")


class PlanUpgrade(Command):
    """Plan a fast-forward upgrade: show it as a tree, save it as data. Nothing is changed."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the wish."""
        parser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        which.add_argument("--model", metavar="NAME", help="instead of a cloud file: a model that was deployed here")
        parser.add_argument(
            "--service",
            action="append",
            default=[],
            help="service to take forward (default: keystone; of a model all, and may be repeated)",
        )
        parser.add_argument("--from", dest="source", metavar="SERIES", help="where the database alone cannot tell")
        parser.add_argument("--to", dest="target", metavar="SERIES", required=True, help="series to end at")
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--slurp", action="store_true", help="go only through the SLURP releases")
        add_rolling_options(parser, way)
        add_move_options(parser)
        parser.add_argument("-o", "--output", type=Path, help="write the plan to this file, for `onward apply`")
        parser.add_argument("-f", "--format", choices=("tree", "json"), default="tree", help="(default: %(default)s)")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Survey, plan, show, save."""
        plan = self._of_model(parsed_args) if parsed_args.model else self._of_cloud_file(parsed_args)
        show(self, plan, parsed_args.format)
        if parsed_args.output is not None:
            with collector_paused():
                write_output(parsed_args.output, plan.to_json())
            where = [] if parsed_args.model else words_for(parsed_args.cloud)
            apply = as_called(shlex.join(["onward", "apply", str(parsed_args.output), *where]))
            print(f"\nsaved: {parsed_args.output}\napply it with: {apply}", file=self.app.stderr)
        return 0

    def _of_cloud_file(self, parsed_args: Any) -> Plan:
        if rolling_of(parsed_args):
            raise RollingImpossible(
                "Only the services of a model can be taken forward while they serve.",
                evidence="a cloud file names commands that start and stop units, and no load balancer",
                next_command="onward plan upgrade --model NAME --rolling",
            )
        return survey_upgrade(
            directories_of(self),
            parsed_args.cloud,
            parsed_args.service[-1] if parsed_args.service else "keystone",
            target=parsed_args.target,
            source=parsed_args.source,
            slurp=parsed_args.slurp,
            environments=environment_wish(parsed_args),
        )

    def _of_model(self, parsed_args: Any) -> Plan:
        environments = environment_wish(parsed_args)
        wish = ModelUpgrade(
            model=parsed_args.model,
            target=parsed_args.target,
            services=tuple(parsed_args.service),
            slurp=parsed_args.slurp,
            rolling=rolling_of(parsed_args),
            dropped=tuple(parsed_args.drop_option),
            budget_seconds=parsed_args.data_plane_budget,
            constraints=environments.constraints,
            parallel=environments.parallel,
        )
        return survey_model_upgrade(directories_of(self), wish, self.tell)


class PlanShow(Command):
    """Show a saved plan, after checking that it is as it was made."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the file."""
        parser = super().get_parser(prog_name)
        parser.add_argument("plan", type=Path, help="file that `onward plan` wrote")
        parser.add_argument("-f", "--format", choices=("tree", "json"), default="tree", help="(default: %(default)s)")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Read and show."""
        show(self, load_plan(parsed_args.plan), parsed_args.format)
        return 0


class PlanSchema(Command):
    """Print the JSON schema of plans."""

    def take_action(self, parsed_args: Any) -> int:
        """Print it."""
        print(json.dumps(Plan.model_json_schema(), indent=2), file=self.app.stdout)
        return 0


def words_for(cloud_file: Path) -> list[str]:
    """By which a cloud file is named, unless it is the one that is looked for anyway."""
    return [] if cloud_file == DEFAULT_CLOUD_FILE else ["--cloud", str(cloud_file)]


def show(command: Command, plan: Plan, form: str) -> None:
    """Write a plan to standard output, for people or for programs."""
    if form == "json":
        print(plan.to_json(), end="", file=command.app.stdout)
    else:
        print_plan(plan, command.app.stdout)


def load_plan(path: Path) -> Plan:
    """Read a saved plan. Raises PlanUnreadable, PlanEdited."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanUnreadable(
            f"{path} cannot be read.", evidence=str(error), next_command=f"onward plan upgrade --to SERIES -o {path}"
        ) from None
    except UnicodeDecodeError as error:
        raise PlanUnreadable(f"{path} is not a plan.", evidence=str(error)) from None
    with collector_paused():
        return parse(text, str(path))
