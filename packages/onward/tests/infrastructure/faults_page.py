"""A page of the reference that a test writes: which fault is found how."""

import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    finding: str
    result: str
    details: str

    @classmethod
    def of(cls, fault: str, found: Mapping[str, str], hidden: Callable[[str], str] = lambda text: text) -> "Row":
        """A finding of ``onward check -f json``; ``hidden`` replaces what differs from run to run."""
        name = f"{found['Check']} ({found['About']})" if found["About"] else found["Check"]
        return cls(fault, hidden(name), found["Result"], hidden(found["Details"]).replace("|", "/"))


@dataclass(frozen=True)
class FaultsPage:
    """The page. With ONWARD_WRITE_FAULTS=1 each test writes the lines of its fault; otherwise they are compared.

    Details are an example: they have times and numbers in them, and are written, not compared.
    """

    path: Path
    title: str
    text: str

    def rows(self) -> list[Row]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
        return [Row(*row) for row in cells[1:] if len(row) == 4]

    def faults(self) -> list[str]:
        return list(dict.fromkeys(row.fault for row in self.rows()))

    def hold(self, fault: str, found: Sequence[Row], order: Sequence[str]) -> None:
        """Compare what was found of a fault with the page, or write it there."""
        if os.environ.get("ONWARD_WRITE_FAULTS") == "1":
            self._write(fault, found, order)
        listed = [(row.finding, row.result) for row in self.rows() if row.fault == fault]
        assert sorted(set(listed)) == sorted({(row.finding, row.result) for row in found}), (
            f"{self.path.name} says something else of {fault}; ONWARD_WRITE_FAULTS=1 writes it anew"
        )

    def hold_all(self, found: Mapping[str, Sequence[Row]]) -> None:
        """Compare all faults with the page, in this order, or write them there."""
        for fault, rows in found.items():
            assert rows, f"nothing was found of: {fault}"
            self.hold(fault, rows, list(found))

    def _write(self, fault: str, found: Sequence[Row], order: Sequence[str]) -> None:
        self.path.touch()
        with self.path.open("r+") as page:
            # Tests of one page may run in several processes.
            fcntl.flock(page, fcntl.LOCK_EX)
            rows = [row for row in self.rows() if row.fault != fault and row.fault in order]
            rows = sorted([*rows, *found], key=lambda row: order.index(row.fault))
            lines = [f"# {self.title}", "", self.text, "", "| Fault | Finding | Result | Details, for example |"]
            lines += ["|---|---|---|---|", *(f"| {' | '.join(astuple(row))} |" for row in rows)]
            page.truncate()
            page.write("\n".join(lines) + "\n")
