"""``onward runs``: what was done, how it stands, and going on with it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onward.actions.restart.application_restart import SKIPPED
from onward.actions.scratch import give_up_scratch
from onward.checks.waiver import GATES, parse_waivers
from onward.commands.base import Command, Lister
from onward.commands.check import add_waive_option
from onward.commands.controller import execute, write_report
from onward.commands.store import add_store_option, stored_directories_of
from onward.commands.submitted import resume
from onward.engine.record import RunRecord
from onward.engine.runs import list_runs, read_run, refuse_ended, request, waive
from onward.errors import UnitUnknown, WaiverMatchesNothing
from onward.hosts.lasting_lines import add_line
from onward.plan.deployment.restarting import restarted_by
from onward.views.called import as_called
from onward.views.terminal import print_record
from onward.views.verdict import next_command, verdict_of

NARROW_COLUMNS = ("Run", "Cloud", "From", "To", "Status", "Steps")
"""The name of a run says of which kind it is, and when it began."""
UNBROKEN_COLUMNS = 1000
TYPED_FORMATS = ("json", "yaml")
"""Formats that tell a number from nothing; in the others nothing is an empty field."""


class RunsList(Lister):
    """List the runs, the newest first."""

    def get_parser(self, prog_name: str) -> Any:
        """A run's name is to be copied, and therefore never broken: the table is as wide as it needs to be."""
        parser = super().get_parser(prog_name)
        parser.set_defaults(max_width=UNBROKEN_COLUMNS)
        add_store_option(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows; in a table, where none are asked for, those that fit a terminal of 80."""
        columns = ("Run", "Kind", "Cloud", "Service", "From", "To", "Status", "Steps", "Created")
        records = sorted(
            list_runs(stored_directories_of(self, parsed_args)), key=lambda record: record.created, reverse=True
        )
        rows = [_row(record) for record in records]
        if parsed_args.formatter != "table" or parsed_args.columns:
            return columns, rows
        shown = [columns.index(name) for name in NARROW_COLUMNS]
        return NARROW_COLUMNS, [tuple(row[place] for place in shown) for row in rows]


def _row(record: RunRecord) -> tuple[object, ...]:
    plan = record.plan
    done = sum(step.status == "done" for step in record.steps)
    return (
        record.run_id,
        plan.kind,
        plan.cloud,
        plan.service,
        plan.source if plan.forward else "",
        plan.target if plan.forward else "",
        record.status,
        f"{done}/{len(record.steps)}",
        datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
    )


class OfRun(Command):
    """Base of the commands that take one run."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the run."""
        parser = super().get_parser(prog_name)
        parser.add_argument("run", help="name of the run, as `onward runs list` shows it")
        add_store_option(parser)
        return parser


class RunsShow(Lister):
    """Show each step of a run, and what became of it."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the run."""
        parser = super().get_parser(prog_name)
        parser.add_argument("run", help="name of the run, as `onward runs list` shows it")
        add_store_option(parser)
        parser.add_argument("--timeline", action="store_true", help="draw the timeline instead of a table")
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        columns = ("Step", "Phase", "Status", "Seconds", "Attempts", "Error")
        unknown = None if parsed_args.formatter in TYPED_FORMATS else ""
        record = read_run(stored_directories_of(self, parsed_args), parsed_args.run)
        rows: list[tuple[object, ...]] = [
            (
                each.step.id,
                each.step.phase,
                each.status,
                unknown if each.seconds is None else round(each.seconds, 2),
                each.attempts,
                f"{each.error['code']} {each.error['what']}" if each.error else "",
            )
            for each in record.steps
        ]
        return columns, rows

    def run(self, parsed_args: Any) -> int:
        """Draw the timeline where it was asked for; otherwise the table."""
        if parsed_args.timeline:
            print_record(read_run(stored_directories_of(self, parsed_args), parsed_args.run), self.app.stdout)
            return 0
        status: int = super().run(parsed_args)
        return status


class RunsResume(OfRun):
    """Go on with a run where it stopped: after a failure, a pause, a crash or a power cut."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the waivers."""
        parser = super().get_parser(prog_name)
        add_waive_option(parser)
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Run to the end, or to the next stop."""
        directories = stored_directories_of(self, parsed_args)
        waivers = parse_waivers(parsed_args.waive)
        if waivers:
            record = read_run(directories, parsed_args.run)
            refuse_ended(record)
            _refuse_late(record, waivers)
            waive(directories, parsed_args.run, waivers)
        if directories.store is not None:
            return resume(self.app, directories, parsed_args.run)
        return execute(self.app, directories, parsed_args.run, report_directory=None)


def _refuse_late(record: RunRecord, waivers: Mapping[str, str]) -> None:
    """Return when the run still has a gate before it. Raises WaiverMatchesNothing."""
    gates = [each for each in record.steps if each.step.action in GATES]
    if not gates or all(each.status == "done" for each in gates):
        raise WaiverMatchesNothing(
            f"Nothing is waived by: {', '.join(waivers)}.",
            evidence=f"{record.run_id} " + ("has passed its checks already" if gates else "has no checks that stop it"),
            next_command=f"onward runs resume {record.run_id}",
        )


class RunsPause(OfRun):
    """Let the running steps finish and then stop; `onward runs resume` goes on."""

    def take_action(self, parsed_args: Any) -> int:
        """Ask the run's process, which may be another one."""
        record = request(stored_directories_of(self, parsed_args), parsed_args.run, "pause")
        at_work = record.controller_pid is not None
        how = "stops after its running steps" if at_work else f"is not at work; it is {record.status}"
        go_on = as_called(f"onward runs resume {record.run_id}")
        print(f"{record.run_id} {how}. Go on with: {go_on}", file=self.app.stderr)
        return 0


class RunsSkip(OfRun):
    """Leave a unit out of a restart: one that is known to be broken, or is not to be touched now."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the unit."""
        parser = super().get_parser(prog_name)
        parser.add_argument("unit", help="the unit: nova-compute/7")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Leave word for the run, whether or not it is at work."""
        directories = stored_directories_of(self, parsed_args)
        record = read_run(directories, parsed_args.run)
        refuse_ended(record)
        known = restarted_by(record.plan)
        if parsed_args.unit not in known:
            raise UnitUnknown(
                f"{record.run_id} does not restart {parsed_args.unit}.",
                evidence=f"it restarts: {', '.join(known) or 'nothing'}",
                next_command=f"onward runs show {record.run_id}",
            )
        add_line(directories.workspace(record.run_id) / SKIPPED, parsed_args.unit)
        print(f"{parsed_args.unit} is left out, and what it owes stays owed.", file=self.app.stderr)
        return 0


class RunsCancel(OfRun):
    """Let the running steps finish and end the run for good; a rehearsal's copy is removed."""

    def take_action(self, parsed_args: Any) -> int:
        """Ask the run's process, or cancel at once where there is none."""
        directories = stored_directories_of(self, parsed_args)
        record = request(directories, parsed_args.run, "cancel")
        if record.status == "cancelled":
            give_up_scratch(record.plan, directories.workspace(record.run_id))
            for line in (f"{record.run_id} is cancelled.", *verdict_of(record).details):
                print(line, file=self.app.stderr)
            if next_command(record):
                print(f"next: {as_called(next_command(record))}", file=self.app.stderr)
        else:
            print(f"{parsed_args.run} is cancelled when its running steps have finished.", file=self.app.stderr)
        return 0


class RunsReport(OfRun):
    """Write the report of a run: a standalone HTML page, and the same as JSON."""

    def get_parser(self, prog_name: str) -> Any:
        """Add where to write."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--report-dir", type=Path, default=None, help="directory for report.html and report.json")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Write both files and print their paths."""
        directories = stored_directories_of(self, parsed_args)
        record = read_run(directories, parsed_args.run)
        for path in write_report(directories, record, parsed_args.report_dir):
            print(path, file=self.app.stdout)
        return 0
