"""``onward rehearse``: the whole upgrade on a copy."""

from pathlib import Path
from typing import Any

from onward.commands.base import Command, directories_of, make_directory
from onward.commands.controller import carry_out
from onward.commands.plan import DEFAULT_CLOUD_FILE, show
from onward.survey.options import add_environment_options, environment_wish
from onward.survey.rehearsal import RehearsalRequest, survey_rehearsal


class Rehearse(Command):
    """Rehearse an upgrade on a copy: migrate it for real, prove that nothing was lost, predict the outage."""

    def get_parser(self, prog_name: str) -> Any:
        """Add what is copied, and how far it goes."""
        parser = super().get_parser(prog_name)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--demo", action="store_true", help="make a cloud, fill it through its API, and upgrade it")
        what.add_argument(
            "--dump",
            metavar="SERVICE=FILE",
            help="a dump of the service's database: plain, gzip or zstd; or an SQLite file",
        )
        what.add_argument(
            "--copy-of",
            metavar="URL",
            help="a live database, which is only read: a URL without its password (environment:"
            " ONWARD_SOURCE_PASSWORD), or config:FILE to read it from the service's configuration",
        )
        what.add_argument(
            "--model",
            metavar="NAME",
            help="a model that was deployed here: its services' databases, which are only read",
        )
        parser.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        parser.add_argument(
            "--service",
            default=None,
            help="service to rehearse (default: keystone; of a cloud file or a model, all that have databases)",
        )
        parser.add_argument("--from", dest="source", metavar="SERIES", help="series the database is at")
        parser.add_argument("--to", dest="target", metavar="SERIES", help="series to end at (default: the newest)")
        parser.add_argument("--slurp", action="store_true", help="go only through the SLURP releases")
        parser.add_argument(
            "--scratch",
            metavar="BACKEND",
            default="auto",
            help="auto, sqlite, mariadb, or the URL of an empty scratch database (password: ONWARD_SCRATCH_PASSWORD)",
        )
        parser.add_argument("--size", choices=("demo", "small"), default="demo", help="of the demonstration cloud")
        parser.add_argument("--keep", action="store_true", help="leave the copy in place afterwards")
        parser.add_argument("--plan-only", action="store_true", help="show what would be done, and do nothing")
        parser.add_argument(
            "-f", "--format", choices=("tree", "json"), default="tree", help="of --plan-only (default: %(default)s)"
        )
        parser.add_argument("--report-dir", type=Path, default=None, help="directory for report.html and report.json")
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Survey, plan, run, prove, report."""
        directories = directories_of(self)
        make_directory(parsed_args.report_dir)
        plan = survey_rehearsal(
            directories,
            RehearsalRequest(
                demo=parsed_args.demo,
                dump=parsed_args.dump,
                copy_of=parsed_args.copy_of,
                cloud_file=parsed_args.cloud,
                service=parsed_args.service,
                source=parsed_args.source,
                target=parsed_args.target,
                slurp=parsed_args.slurp,
                scratch=parsed_args.scratch,
                size=parsed_args.size,
                keep=parsed_args.keep,
                environments=environment_wish(parsed_args),
                model=parsed_args.model,
            ),
        )
        if parsed_args.plan_only:
            show(self, plan, parsed_args.format)
            return 0
        return carry_out(self.app, directories, plan, report_directory=parsed_args.report_dir)
