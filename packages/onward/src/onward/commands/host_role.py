"""``onward hosts role``: a role of Ansible that exists already, carried out as a run of Onward."""

from pathlib import Path
from typing import Any

from onward.actions.ansible_role import digest_of_role, runner_program
from onward.commands.base import Command, directories_of
from onward.commands.controller import carry_out
from onward.commands.many_hosts import add_machine_options, chosen_machines, usage_error
from onward.hosts.fan_out import AT_ONCE
from onward.model.inventory import InventoryInvalid, loaded
from onward.plan.role import plan_role


class HostsRole(Command):
    """Carry out a role of Ansible on machines, as a run that is journaled and can be resumed.

    Needs ansible-runner and ansible-core, beside Onward or on the path.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the role, its variables, and the machines."""
        parser = super().get_parser(prog_name)
        add_machine_options(parser)
        parser.add_argument("--vars", type=Path, metavar="FILE", help="variables of the role, as YAML; never secrets")
        parser.add_argument(
            "--at-once", type=int, metavar="NUMBER", default=AT_ONCE, help="so many machines (default: %(default)d)"
        )
        parser.add_argument("role", type=Path, help="its directory, with tasks/main.yml")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Plan it and carry it out."""
        role = parsed_args.role.absolute()
        if not any((role / "tasks" / name).is_file() for name in ("main.yml", "main.yaml")):
            raise usage_error(self, f"{role} is no role: it has no tasks/main.yml")
        variables: Any = {}
        if parsed_args.vars:
            try:
                variables = loaded(parsed_args.vars.read_text(encoding="utf-8")) or {}
            except (OSError, InventoryInvalid) as error:
                raise usage_error(self, f"{parsed_args.vars}: {error}") from None
        runner_program()
        machines = chosen_machines(self, parsed_args)
        plan = plan_role(str(role), digest_of_role(role), machines, variables, max(parsed_args.at_once, 1))
        return carry_out(self.app, directories_of(self), plan, report_directory=None)
