"""What the commands share that show findings: the table, the other formats, the last words and the exit status."""

from collections.abc import Mapping, Sequence
from typing import Any

from onward.checks.finding import Finding, in_order_of_gravity
from onward.checks.grouping import named
from onward.checks.waiver import require_all_used
from onward.commands.base import Lister
from onward.errors import CheckFailed, OnwardError, Refused
from onward.views.findings import FIELDS, fields_of, print_findings, tally
from onward.views.page import Page
from onward.views.terminal import print_error


class FindingsLister(Lister):
    """Base of the commands that show findings. A subclass looks in ``find`` and says in ``subject`` what at."""

    refusal: type[Refused] = CheckFailed
    """The error with which it ends when something stops."""

    def find(self, parsed_args: Any) -> list[Finding]:
        """All findings, with what is waived."""
        raise NotImplementedError

    def subject(self, parsed_args: Any) -> tuple[str, str]:
        """What is said of it when it is in order, and when it is not."""
        raise NotImplementedError

    def waivers(self, parsed_args: Any) -> Mapping[str, str]:
        """The waivers that were given; none where the command takes none."""
        return {}

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Return columns and rows, the worst first."""
        self._findings = in_order_of_gravity(self.find(parsed_args))
        return FIELDS, [fields_of(each) for each in self._findings]

    def produce_output(self, parsed_args: Any, column_names: Any, data: Any) -> int:
        """Show the table as people read it; every other format, and a choice of columns, as everywhere."""
        if parsed_args.formatter == "table" and not parsed_args.columns and not parsed_args.sort_columns:
            print_findings(self._findings, self.app.stdout)
            return 0
        status: int = super().produce_output(parsed_args, column_names, data)
        return status

    def run(self, parsed_args: Any) -> int:
        """Show them; exit with 4 when anything failed or could not be told, and is not waived."""
        super().run(parsed_args)
        return self.conclude(parsed_args)

    def conclude(self, parsed_args: Any) -> int:
        """The last words on what was found, and the exit status."""
        try:
            require_all_used(self._findings, self.waivers(parsed_args))
            require_in_order(
                self._findings, self.subject(parsed_args)[1], self.refusal, waivable="waive" in parsed_args
            )
        except OnwardError as error:
            print_error(error, self.app.stderr)
            return error.exit_status
        page = Page(self.app.stderr)
        page.paragraph(f"{self.subject(parsed_args)[0]} {tally(self._findings)}.")
        for word, found in (
            ("Warnings, which stop nothing", [each for each in self._findings if each.result == "warn"]),
            ("Waived", [each for each in self._findings if each.waived]),
            ("Not checked", [each for each in self._findings if each.result == "not-checked"]),
        ):
            if found:
                page.paragraph(f"{word}: {named(found)}")
        return 0


def require_in_order(findings: Sequence[Finding], otherwise: str, refusal: type[Refused], *, waivable: bool) -> None:
    """Return when nothing stops. Raises the refusal, which names what does."""
    stopping = [finding for finding in findings if finding.stops]
    if stopping:
        raise refusal(
            f"{otherwise} {tally(findings)}.",
            evidence="\n".join(
                f"{word}: {named(found)}"
                for word, result in (("failed", "fail"), ("could not tell", "could-not-tell"))
                if (found := [each for each in stopping if each.result == result])
            ),
            state="Nothing was touched."
            + (" What is understood can be waived: --waive 'NAME=REASON'" if waivable else ""),
            next_command=next((each.way_out for each in stopping if each.way_out), ""),
        )
