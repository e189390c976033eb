"""``onward timings``: what runs took, and whether they take longer than they did."""

from typing import Any

from onward.commands.base import Command, Lister, directories_of
from onward.engine.record import RunRecord
from onward.errors import DIFFERENCES
from onward.hosts.baselines import BaselineStore
from onward.survey.timings import comparison_with, find_run, times_of, whole_times_of
from onward.timings.comparison import Comparison
from onward.timings.noise import LEVEL
from onward.timings.path import critical_path, shares
from onward.timings.run import Baseline, RunTimes
from onward.timings.units import units
from onward.views.page import Page
from onward.views.timings import print_comparison, print_times
from onward.views.words import counted

ENOUGH = 5
"""Runs of a baseline from which twice the time is usually seen."""
Table = tuple[tuple[str, ...], list[tuple[object, ...]]]


class TimingsShow(Lister):
    """Show what a run took: the chain of steps that made it so long, where its time went, and each unit."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the run, and what there is to be a row for."""
        parser = super().get_parser(prog_name)
        parser.add_argument("run", nargs="?", help="a run, or a cloud or model: its latest run (default: the latest)")
        parser.add_argument(
            "--by",
            choices=tuple(TABLES),
            help="list each step, unit, kind of step, or step that the whole run waited for (other formats: step)",
        )
        return parser

    def take_action(self, parsed_args: Any) -> Table:
        """Return columns and rows."""
        self._record = find_run(directories_of(self), parsed_args.run)
        self._times = times_of(self._record)
        return TABLES[parsed_args.by or "step"](self._times)

    def produce_output(self, parsed_args: Any, column_names: Any, data: Any) -> int:
        """Show the whole as people read it, unless something else was asked for."""
        chosen = parsed_args.by or parsed_args.columns or parsed_args.sort_columns
        if parsed_args.formatter == "table" and not chosen:
            print_times(self._times, _title(self._record), self.app.stdout)
            return 0
        status: int = super().produce_output(parsed_args, column_names, data)
        return status


def _title(record: RunRecord) -> str:
    ending = "" if record.status == "done" else f" ({record.status})"
    return f"{record.plan.title}{ending}, {record.run_id}"


def _rounded(seconds: float) -> float:
    """To milliseconds: a journal is no surer."""
    return round(seconds, 3)


def _by_step(times: RunTimes) -> Table:
    critical = {link.step.id for link in critical_path(times.steps)}
    columns = ("Step", "Kind", "Unit", "Began", "Seconds", "Critical")
    return columns, [
        (
            each.id,
            each.action,
            each.unit,
            round(each.began - times.began, 3),
            _rounded(each.seconds),
            each.id in critical,
        )
        for each in times.steps
    ]


def _by_unit(times: RunTimes) -> Table:
    columns = ("Unit", "Steps", "Seconds", "Ready")
    return columns, [(each.unit, each.steps, _rounded(each.seconds), _rounded(each.until)) for each in units(times)]


def _by_kind(times: RunTimes) -> Table:
    columns = ("Kind", "Steps", "Seconds", "Longest", "Critical")
    return columns, [
        (each.action, each.steps, _rounded(each.seconds), _rounded(each.longest), _rounded(each.critical))
        for each in shares(times.steps, critical_path(times.steps))
    ]


def _by_path(times: RunTimes) -> Table:
    columns = ("Step", "Kind", "Waited", "For A Place", "Seconds")
    return columns, [
        (each.step.id, each.step.action, _rounded(each.waited), each.for_a_place, _rounded(each.step.seconds))
        for each in critical_path(times.steps)
    ]


TABLES = {"step": _by_step, "unit": _by_unit, "kind": _by_kind, "path": _by_path}


class TimingsSave(Command):
    """Keep what runs took as a baseline, or add runs to it: the more, the smaller a regression can be seen."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the baseline and the runs."""
        parser = super().get_parser(prog_name)
        parser.add_argument("baseline", help="name of the baseline; made where there is none of that name")
        parser.add_argument("run", nargs="*", help="a run, or a cloud or model: its latest run (default: the latest)")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Look at all runs first; keep all of them or none."""
        directories = directories_of(self)
        store = BaselineStore(directories.baselines)
        baseline = store.find(parsed_args.baseline)
        kind = baseline.runs[0].kind if baseline else None
        for named in parsed_args.run or [baseline.runs[0].cloud if baseline else None]:
            times = whole_times_of(find_run(directories, named, kind), baseline)
            known = baseline.runs if baseline else ()
            if times.run in {each.run for each in known}:
                print(f"{times.run} is in {parsed_args.baseline} already.", file=self.app.stderr)
                continue
            baseline = Baseline(name=parsed_args.baseline, runs=(*known, times))
        if baseline is not None:
            store.keep(baseline)
            print(f"{parsed_args.baseline} has {counted(len(baseline.runs), 'run')}.", file=self.app.stdout)
        return 0


class TimingsCompare(Lister):
    """Hold runs against a baseline; exit with 3 when something takes longer than the noise of the baseline explains."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the baseline and the runs."""
        parser = super().get_parser(prog_name)
        parser.add_argument("baseline", help="name of the baseline")
        parser.add_argument(
            "run", nargs="*", help="runs of one kind; several are surer (default: the latest of the baseline's cloud)"
        )
        return parser

    def take_action(self, parsed_args: Any) -> Table:
        """Return columns and rows."""
        directories = directories_of(self)
        self._baseline = BaselineStore(directories.baselines).read(parsed_args.baseline)
        self._comparison, self._now = comparison_with(directories, self._baseline, parsed_args.run)
        columns = ("Work", "Steps", "Before", "Now", "Times", "Chance", "Verdict")
        return columns, [
            (
                each.judged.name,
                each.steps,
                _rounded(each.judged.before),
                _rounded(each.judged.now),
                _rounded(each.judged.ratio),
                None if each.judged.chance is None else round(each.judged.chance, 6),
                each.judged.verdict,
            )
            for each in self._comparison.compared
        ]

    def produce_output(self, parsed_args: Any, column_names: Any, data: Any) -> int:
        """Show it as people read it, unless something else was asked for."""
        chosen = parsed_args.columns or parsed_args.sort_columns
        if parsed_args.formatter == "table" and not chosen:
            print_comparison(self._comparison, self.app.stdout)
            return 0
        status: int = super().produce_output(parsed_args, column_names, data)
        return status

    def run(self, parsed_args: Any) -> int:
        """Show it and say what it amounts to."""
        super().run(parsed_args)
        page = Page(self.app.stderr)
        self._say_what_is_left_out(page)
        return _say(page, self._baseline.name, self._comparison)

    def _say_what_is_left_out(self, page: Page) -> None:
        found = self._comparison
        runs = f"{', '.join(self._now)} against {counted(found.before, 'run')} of {self._baseline.name}."
        page.paragraph(runs)
        for words, left_out in (
            ("Too short to be judged", found.short),
            ("Not in all of these runs", found.gone),
            ("Not in all runs of the baseline", found.new),
        ):
            if left_out:
                page.paragraph(f"{words}: {', '.join(left_out)}.", hang=2)


def _say(page: Page, name: str, comparison: Comparison) -> int:
    """The last words, and the exit status."""
    if not comparison.compared:
        page.paragraph("They have nothing in common that can be compared.")
        return 0
    if not comparison.noise_known:
        page.paragraph(
            "Of one run nobody can say how far runs differ in which nothing has changed. Do the same again and add it:"
        )
        page.next_command(f"onward timings save {name}")
        return 0
    if comparison.slower:
        page.paragraph(
            ("Slower than noise explains", "bold red"),
            f": {', '.join(each.judged.name for each in comparison.slower)}.",
            hang=2,
        )
        if comparison.all_alike:
            page.paragraph("Nearly all has become slower by the same factor: look at the machine first.")
        return DIFFERENCES
    page.paragraph(
        f"Nothing is slower than noise explains. A false alarm is raised at most once in {1 / LEVEL:.0f} times."
    )
    if comparison.before < ENOUGH:
        page.paragraph("More runs in the baseline show smaller differences:")
        page.next_command(f"onward timings save {name}")
    return 0
