"""Faults that were put into deployed clouds and recorded: judged again, causes are named as often as the page says."""

import os
import re
from pathlib import Path

from material.recorded_faults import RECORDED, recorded, text_of
from recorded_diagnosis import FIRST, accuracy, tables, wrong

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "faults-recorded.md"
MARK = "<!-- What follows is written by its test. -->"
ALWAYS_NAMED = ("kill ", "clock ", "certificate ")
"""How a single fault was put in, of which none was taken for another one yet."""
SECRETS = {
    "a password in an address": re.compile(r"://[^/\s:@]+:[^/\s@]+@"),
    "a token of Keystone": re.compile(r"gAAAA"),
    "a private key": re.compile(r"PRIVATE KEY"),
    "letters and digits by lot": re.compile(r"(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{20,}|[0-9a-f]{24,}"),
}
"""What a secret of a deployed cloud would look like: those of Onward are letters and digits by lot."""


def test_what_is_aimed_at_is_reached_on_two_hundred_faults_and_two_hundred_windows() -> None:
    cases = recorded()
    found = accuracy(cases)
    assert found.faults >= 200
    assert found.windows >= 200
    assert found.reached, "\n".join(wrong(cases))
    assert found.first >= found.reported_first


def test_it_is_reached_on_those_too_that_nobody_looked_at() -> None:
    found = accuracy(recorded("held-out"))
    assert found.part(found.first) >= FIRST
    assert found.alarms == 0


def test_what_was_killed_a_shifted_clock_and_a_certificate_are_always_named_first() -> None:
    cases = [each for each in recorded() if each.kind == "single" and each.name.startswith(ALWAYS_NAMED)]
    assert len(cases) >= 30
    assert {each.name: each.named()[:1] for each in cases if each.named()[:1] != [*each.truth]} == {}


def test_no_cause_is_named_where_nothing_was_wrong() -> None:
    windows = [each for each in recorded() if each.kind == "healthy"]
    assert [(each.name, each.named()) for each in windows if each.named()] == []


def test_no_case_is_recorded_twice() -> None:
    moments = [(tuple(each.places.by_address), each.sighting.at) for each in recorded()]
    assert len(set(moments)) == len(moments)


def test_the_page_has_the_tables_of_what_is_recorded() -> None:
    """With ONWARD_WRITE_FAULTS=1 they are written there."""
    before = PAGE.read_text().partition(MARK)[0]
    made = "\n".join([before.rstrip("\n"), "", MARK, "", *tables(), ""])
    if os.environ.get("ONWARD_WRITE_FAULTS") == "1":
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "ONWARD_WRITE_FAULTS=1 writes the tables anew"


def test_no_secret_and_no_place_of_another_machine_is_recorded() -> None:
    for file in RECORDED.iterdir():
        text = text_of(file)
        assert {name: found.group() for name, each in SECRETS.items() if (found := each.search(text))} == {}
        assert "/models/" not in text
    assert sum(each.stat().st_size for each in RECORDED.iterdir()) < 3_000_000
