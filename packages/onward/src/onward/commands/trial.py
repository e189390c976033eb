"""``onward smoke`` and ``onward test``: a deployed cloud is used as its users use it, and hurt on purpose."""

from pathlib import Path
from typing import Any

from onward.commands.base import Command, directories_of
from onward.commands.controller import carry_out
from onward.commands.plan import show
from onward.errors import DONE
from onward.plan.trial import FAULTS
from onward.survey.deployment import read_bundle, survey_deployment, survey_removal
from onward.survey.options import add_environment_options, environment_wish
from onward.survey.recorded import models, only_model
from onward.survey.trial import faults_of, survey_smoke, survey_trial


class Smoke(Command):
    """Use a deployed cloud through its public addresses: make one of everything it has an API for, then remove it."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the model."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        parser.add_argument("--keep", action="store_true", help="leave in the cloud what it makes")
        parser.add_argument("--kept", action="store_true", help="look first that all is there which --keep has left")
        parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Plan, carry out."""
        directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        plan = survey_smoke(directories, model, keep=parsed_args.keep, kept=parsed_args.kept)
        if parsed_args.dry_run:
            show(self, plan, "tree")
            return DONE
        return carry_out(self.app, directories, plan, report_directory=None)


class Test(Command):
    """Deploy a bundle as a model of its own, use it, hurt its units, look that nothing is lost, and remove it again."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the bundle, the faults, and what is to stay."""
        parser = super().get_parser(prog_name)
        parser.add_argument("bundle", type=Path, help="YAML file with the keys of Juju's bundles")
        parser.add_argument("--model", metavar="NAME", help="name of the model (default: the bundle's, and -test)")
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            metavar="KIND/UNIT",
            help="; ".join(f"{kind}: {what}" for kind, what in FAULTS.items())
            + " (may be given several times; default: what a cloud with several units has to bear)",
        )
        parser.add_argument("--keep", action="store_true", help="leave the model deployed")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Deploy, try, remove; stop at what fails, and leave it to be looked at."""
        directories = directories_of(self)
        named = read_bundle(parsed_args.bundle, parsed_args.model)
        wanted = read_bundle(parsed_args.bundle, parsed_args.model or f"{named.model}-test")
        # Refused before anything is deployed; of a model that is there, its own units are what counts.
        if wanted.model not in models(directories):
            faults_of(wanted.bundle, wanted.file, parsed_args.fault)
        plan = survey_deployment(directories, wanted, environment_wish(parsed_args), self.tell)
        status = carry_out(self.app, directories, plan, report_directory=None) if plan.steps else DONE
        if status != DONE:
            return status
        trial = survey_trial(directories, wanted.model, parsed_args.fault)
        status = carry_out(self.app, directories, trial, report_directory=None)
        if status != DONE or parsed_args.keep:
            print(f"{wanted.model} is still deployed: onward destroy {wanted.model}", file=self.app.stderr)
            return status
        return carry_out(self.app, directories, survey_removal(directories, wanted.model), report_directory=None)
