"""``onward controller``: processes that carry out the runs of a store together."""

import time
from datetime import UTC, datetime
from typing import Any

from onward.actions.registry import all_actions
from onward.actions.scratch import give_up_scratch
from onward.commands.base import Command, Lister
from onward.commands.controller import write_report
from onward.commands.store import VARIABLE, add_store_option, stored_directories_of
from onward.engine.engine import Engine
from onward.engine.record import Event, RunRecord
from onward.engine.shared.lease import LEASE_SECONDS
from onward.engine.shared.ledger import list_controllers
from onward.errors import DONE, StoreAddressInvalid
from onward.hosts.state import Directories
from onward.survey.gate import gate_of
from onward.views.words import clock

SHORTEST_LEASE = 1.0


class ControllerRun(Command):
    """Carry out the runs of a store, together with other controllers; any of them may die.

    It ends by itself when its lease is lost, and is to be started again by what keeps services running. SIGTERM and
    Ctrl-C let its steps finish and leave the rest to the others; a second one ends the steps as well.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the store and the lease."""
        parser = super().get_parser(prog_name)
        add_store_option(parser)
        parser.add_argument(
            "--lease",
            type=float,
            metavar="SECONDS",
            default=LEASE_SECONDS,
            help="after so long without a sign of life others take over (default: %(default)g; at least 1)",
        )
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Work until told to end."""
        # It loads the driver of PostgreSQL.
        from onward.engine.shared.controller import SharedController  # noqa: PLC0415

        directories = stored_directories_of(self, parsed_args)
        if directories.store is None:
            raise _no_store()
        engine = Engine(directories, {})
        controller = SharedController(
            directories,
            directories.store,
            all_actions(directories, gate_of(directories)),
            halt=engine.halt,
            lease_seconds=max(parsed_args.lease, SHORTEST_LEASE),
            watch=self._tell,
            ended=lambda record: self._ended(directories, record),
        )
        with engine.signals(graceful_termination=True):
            print(f"{clock(time.time())} at work on {directories.store}", file=self.app.stderr, flush=True)
            controller.run()
        return DONE

    def _tell(self, event: Event) -> None:
        if event.kind == "step.progress":
            return
        words = " ".join(word for word in (event.run_id, event.kind, event.step_id) if word)
        print(f"{clock(event.at)} {words}", file=self.app.stderr, flush=True)

    def _ended(self, directories: Directories, record: RunRecord) -> None:
        if record.status == "cancelled":
            give_up_scratch(record.plan, directories.workspace(record.run_id))
        write_report(directories, record, None)


class ControllerList(Lister):
    """List the controllers of a store whose lease holds, and what they are at work on."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the store."""
        parser = super().get_parser(prog_name)
        add_store_option(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows."""
        directories = stored_directories_of(self, parsed_args)
        if directories.store is None:
            raise _no_store()
        rows: list[tuple[object, ...]] = [
            (
                each.token,
                each.host,
                each.pid,
                each.version,
                datetime.fromtimestamp(each.began, UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
                ", ".join(each.leads),
                each.steps,
            )
            for each in list_controllers(directories.store)
        ]
        return ("Controller", "Host", "Process", "Version", "Since", "Leads", "Steps"), rows


def _no_store() -> StoreAddressInvalid:
    return StoreAddressInvalid(
        "Controllers share a store, and none was named.", next_command=f"name it with --store or {VARIABLE}"
    )
