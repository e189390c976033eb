"""What a person reads of a plan, a run and an error, at 80 columns, without colour, in a pipe."""

import io
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from run_records import PATH, evidence_of, failure, rehearsal, run_of, stopped_at, upgrade

from onward.engine.record import RunRecord
from onward.errors import InterpreterMissing, from_data
from onward.plan.step import Step
from onward.views.page import medium_of
from onward.views.terminal import print_error, print_plan, print_record


@pytest.fixture(autouse=True)
def _any_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read here is what a stream of the given encoding shows, in whatever locale the tests run."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


class Pipe(io.StringIO):
    """A stream of a known encoding that is no terminal."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def shown(record: RunRecord, encoding: str = "utf-8") -> str:
    stream = Pipe(encoding)
    print_record(record, stream)
    return stream.getvalue()


def test_the_verdict_is_first_and_the_next_command_last() -> None:
    lines = shown(run_of(rehearsal())).splitlines()
    assert lines[0] == "Nothing was lost: 500 of 500 logins with the old password succeed."
    assert lines[-1] == "  onward init --from-config /etc/keystone/keystone.conf"


def test_a_demonstration_leads_to_the_readers_own_cloud() -> None:
    assert "\nNext, on a cloud of your own:\n  onward init " in shown(run_of(rehearsal()))
    assert "\nNext:\n  onward plan upgrade " in shown(run_of(rehearsal(demo=False)))


def test_a_dump_that_came_through_leads_to_the_plan_of_the_upgrade() -> None:
    lines = shown(run_of(rehearsal(demo=False))).splitlines()
    assert lines[-1] == "  onward plan upgrade --to 2026.2 -o plan.json"


def test_every_step_stands_in_the_timeline_with_its_time() -> None:
    record = run_of(rehearsal())
    lines = shown(record).splitlines()
    for each in record.steps:
        found = [line for line in lines if line[1:].startswith(each.step.id + " ")]
        assert len(found) == 1, each.step.id
        assert found[0].endswith(" s")


def test_a_run_says_when_it_began_and_how_long_it_took_on_one_line() -> None:
    lines = shown(run_of(rehearsal(), run_id="rehearsal-20261125-131729-d459")).splitlines()
    assert "Run rehearsal-20261125-131729-d459" in lines
    (line,) = [line for line in lines if line.startswith("Begun ")]
    assert line.endswith(" s")


def test_what_was_not_begun_is_named_in_few_lines() -> None:
    lines = shown(stopped_at(run_of(rehearsal()), "migrate/2025.1", "failed")).splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith(" not begun: census/2025.1")]
    named = " ".join(lines[first : lines.index("", first)])
    assert "migrate/2026.2, census/2026.2" in named
    assert lines.index("", first) - first < 4


def test_a_copy_that_is_kept_is_said_to_be_somewhere() -> None:
    plan = rehearsal(keep=True)
    path = "/home/ada/.local/state/onward/runs/rehearsal-20261125-140638-4613/scratch/keystone.sqlite"
    record = run_of(plan, evidence=lambda step: {"where": path} if step.id == "scratch" else {})
    lines = shown(record).splitlines()
    assert lines[lines.index("The copy is left in place:") + 1] == f"  {path}"
    assert "left in place" not in shown(run_of(rehearsal()))


def test_a_copied_cloud_is_told_by_its_rows() -> None:
    lines = shown(run_of(rehearsal(demo=False))).splitlines()
    assert lines[0].startswith("Nothing was lost. No row is missing or different apart from what")
    assert "559 comparisons of 4 kinds through the API hold as well." in lines


def test_an_upgrade_that_is_done_says_where_its_backup_is_and_that_the_outage_is_over() -> None:
    path = "/home/ada/.local/state/onward/runs/upgrade-20261125-140933-768f/backup/keystone-2024.1.with-a-long-name.sql"

    def evidence(step: Step) -> dict[str, object]:
        return {"backup": path} if step.action == "database.backup" else evidence_of(step)

    text = shown(run_of(upgrade(), evidence=evidence))
    assert f"\nThe backup of 2024.1:\n  {path}\n" in text
    assert "(the service was down)" in text
    assert "The outage took " in text
    assert "Next" not in text


def test_an_upgrade_that_starts_nothing_says_who_has_to() -> None:
    lines = shown(run_of(upgrade(units=()))).splitlines()
    assert lines[0] == "The database of keystone is at 2026.2."
    assert lines[1].startswith("The outage lasts until keystone is started, for which the plan has no command.")
    assert any(line.endswith("(the service is down until it is started)") for line in lines)
    assert lines[-1] == "  start keystone with the code of 2026.2, on every host"


def test_the_heading_of_an_outage_with_a_pause_in_it_is_no_wider_than_the_rest() -> None:
    record = run_of(rehearsal())
    began = record.step("census/2025.1").started or 0.0
    steps = tuple(
        replace(each, started=each.started + 7200, finished=each.finished + 7200)
        if each.started is not None and each.finished is not None and each.started >= began
        else each
        for each in record.steps
    )
    lines = shown(replace(record, steps=steps)).splitlines()
    assert any("without a running step" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_an_outage_is_bracketed_also_in_ascii() -> None:
    lines = shown(run_of(rehearsal()), "ascii").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Outage: "))
    bracketed = lines[first + 1 : lines.index("", first)]
    assert "".join(line[0] for line in bracketed) == "/" + "|" * (len(bracketed) - 2) + "\\"
    assert all("#" in line for line in bracketed)


def test_a_failure_says_code_evidence_state_and_how_to_go_on() -> None:
    text = shown(stopped_at(run_of(rehearsal()), "migrate/2026.2", "failed"))
    lines = text.splitlines()
    assert lines[0].startswith("The rehearsal failed at migrate/2026.2: keystone-manage db_sync of 2026.2")
    assert "Production was not changed: a rehearsal works on a copy." in lines
    assert "FAILED after" in text
    assert "OW601 at migrate/2026.2" in text
    assert "    ValueError: No such constraint: 'access_rule_external_id_key'" in lines
    assert "hint: onward explain OW601" in text
    assert "cannot be predicted" in text
    assert lines[-1] == "  onward runs resume keystone-7f3a"


def test_a_failed_upgrade_says_that_the_outage_is_not_over() -> None:
    text = shown(stopped_at(run_of(upgrade()), "migrate/2025.2", "failed"))
    assert "The outage of keystone has begun and is not over." in text
    assert "migrate/2025.2 is begun and not finished. Only the backup brings the old state back." in " ".join(
        text.split()
    )


def test_an_upgrade_that_stops_before_the_outage_says_that_nothing_changed() -> None:
    text = shown(stopped_at(run_of(upgrade()), "runner/2026.1", "paused"))
    assert "keystone was not stopped and its database was not changed." in text


def test_the_same_warning_of_five_releases_is_said_once() -> None:
    text = shown(run_of(rehearsal()))
    assert text.count("MovedIn20Warning") == 1
    assert "(5 steps)" in text


def test_a_plan_shows_reasons_and_marks_what_cannot_be_undone() -> None:
    stream = Pipe("utf-8")
    plan = upgrade(durations={"migrate/2024.2": 65.0})
    print_plan(plan, stream)
    text = stream.getvalue()
    assert all(step.id in text for step in plan.steps)
    assert "! migrate/2024.2" in text or "!migrate/2024.2" in text
    assert "5 steps cannot be undone" in text
    assert "1 min 05 s" in text
    assert plan.digest in text


def test_an_error_ends_with_its_page() -> None:
    stream = Pipe("utf-8")
    print_error(InterpreterMissing("queens needs Python 3.6.", next_command="uv python install 3.6"), stream)
    text = stream.getvalue()
    assert text.startswith("OW201: queens needs Python 3.6.\nNothing was touched.\n")
    assert "  uv python install 3.6\n" in text
    assert "onward explain OW201" in text


def test_a_command_of_another_program_is_fit_to_be_copied_however_long_its_path_is() -> None:
    stream, path = Pipe("utf-8"), "/" + "/".join(["models-with-long-names"] * 5)
    print_error(InterpreterMissing("What now?", next_command=f"umount {path}"), stream)
    (line,) = (each for each in stream.getvalue().splitlines() if path in each)
    assert line.split() == [path] or line.strip() == f"umount {path}"


def test_ways_to_go_on_stand_below_each_other() -> None:
    stream = Pipe("utf-8")
    print_error(InterpreterMissing("What now?", next_command="onward rehearse --demo\nonward init --help"), stream)
    assert "Next:\n  onward rehearse --demo\n  onward init --help\n" in stream.getvalue()


@pytest.mark.parametrize(
    ("variables", "unicode"),
    [
        ({}, True),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, False),
    ],
)
def test_a_locale_without_characters_is_believed(variables: dict[str, str], unicode: bool) -> None:
    assert medium_of(Pipe("utf-8"), variables).unicode is unicode


def test_a_log_cannot_steer_the_terminal() -> None:
    data = failure("r") | {"evidence": "\x1b[2J\x1b]0;owned\x07gone\rback\u202e"}
    stream = Pipe("utf-8")
    print_error(from_data(data), stream)
    assert not set(stream.getvalue()) & {"\x1b", "\x07", "\r", "\u202e"}
    assert "    gone\n    back\n" in stream.getvalue()


names = st.text(min_size=1, max_size=120).filter(str.strip)
ends = st.sampled_from(
    [("migrate/2025.1", "failed"), ("check/2026.2", "failed"), ("census/2025.1", "paused"), ("prove", "interrupted")]
)


@st.composite
def records(draw: st.DrawFn) -> RunRecord:
    words = draw(names)
    path = PATH if draw(st.booleans()) else (*PATH[:2], draw(st.from_regex(r"[a-z0-9]{1,90}", fullmatch=True)))

    def evidence(step: Step) -> dict[str, object]:
        if step.action != "identity.prove":
            return {"warnings": [words], "documented": [{"table": words}]}
        return {"checks": [{"name": words, "passed": 1, "total": draw(st.integers(1, 2))}]}

    record = run_of(rehearsal(path=path, cloud=words), run_id=draw(names), evidence=evidence)
    if path is PATH and draw(st.booleans()):
        return stopped_at(record, *draw(ends))
    return record


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40, deadline=None)
@given(records(), st.sampled_from(["utf-8", "ascii"]))
def test_no_line_is_wider_than_80_columns_but_a_word_to_copy(record: RunRecord, encoding: str) -> None:
    text = shown(record, encoding)
    report, _, commands = text.rpartition("\nNext")
    commands = commands.partition(":\n")[2]
    assert max(cell_len(line) for line in (report or text).splitlines()) <= 80
    for line in commands.splitlines():
        assert cell_len(line) <= 80 or len(line.removesuffix(" \\").split()) == 1
    if encoding == "ascii":
        assert text.isascii()


@pytest.mark.parametrize("status", ["failed", "paused", "interrupted", "running", "cancelled"])
@pytest.mark.parametrize("step_id", ["environment/2024.1", "seed", "migrate/2024.2", "census/2026.2", "prove"])
def test_a_run_can_be_shown_wherever_it_stopped(step_id: str, status: str) -> None:
    record = stopped_at(run_of(rehearsal()), step_id, status)  # type: ignore[arg-type]
    assert step_id in shown(record)
