"""The report that is attached to a ticket: whole, harmless, and readable without anything else."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_records import evidence_of, rehearsal, run_of, stopped_at, upgrade

from onward.engine.record import RunRecord
from onward.plan.step import Step
from onward.views.report import render, unbroken

VOID = {"meta", "link", "br", "hr", "img", "input", "line", "rect"}
HOSTILE = "</pre></title></style><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J"


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def standing_alone(page: Page) -> None:
    """Nothing is fetched, nothing is run."""
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert name not in ("src", "href", "style", "action"), (tag, name, value)
        assert not name.startswith("on")
        assert "http:" not in (value or "")
        assert "https:" not in (value or "")


RUNS = {
    "done": run_of(rehearsal()),
    "from a dump": run_of(rehearsal(demo=False)),
    "upgraded": run_of(upgrade()),
    "failed": stopped_at(run_of(rehearsal()), "migrate/2026.2", "failed"),
    "failed in the outage": stopped_at(run_of(upgrade()), "migrate/2025.1", "failed"),
    "paused": stopped_at(run_of(rehearsal()), "census/2025.1", "paused"),
    "interrupted": stopped_at(run_of(rehearsal()), "seed", "interrupted"),
    "not begun": stopped_at(run_of(rehearsal()), "environment/2024.1", "paused"),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_stands_alone_and_names_every_step(name: str) -> None:
    text = render(RUNS[name])
    page = Page(text)
    standing_alone(page)
    for each in RUNS[name].steps:
        assert each.step.id in page.words
    assert RUNS[name].plan.digest in page.words
    assert ("html", "lang", "en") in page.attributes


def test_the_verdict_the_outage_and_the_proof_are_there() -> None:
    words = Page(render(RUNS["done"])).words
    assert "Nothing was lost: 500 of 500 logins with the old password succeed." in words
    assert "Outage to expect in production" in words
    assert "start of the 2026.2 API" in words
    assert "20 of 20" in words
    assert "table trust: dropped by 2025.1" in words
    assert "from the cache" in words


def test_a_failure_is_on_top_with_evidence_and_next_command() -> None:
    words = Page(render(RUNS["failed"])).words
    assert words.index("OW601") < words.index("Timeline")
    assert "No such constraint" in words
    assert "onward runs resume keystone-7f3a" in words
    assert "It cannot be predicted" in words


def test_steps_that_were_not_begun_take_no_row_of_the_outage() -> None:
    words = Page(render(RUNS["failed"])).words
    assert "migrate/2026.2 FAILED" in words
    assert "Not begun: census/2026.2." in words


def test_the_next_command_of_a_failure_is_said_once() -> None:
    words = Page(render(RUNS["failed"])).words
    assert words.count("Next: onward runs resume keystone-7f3a") == 1


def test_a_duration_is_not_broken_between_number_and_unit() -> None:
    assert unbroken(", took 1 min 27 s, of that 3 h 07 min at work") == (
        ", took 1\u00a0min\u00a027\u00a0s, of that 3\u00a0h\u00a007\u00a0min at work"
    )


def test_a_failed_upgrade_begins_with_the_outage() -> None:
    words = Page(render(RUNS["failed in the outage"])).words
    assert "keystone is still in its outage." in words


def test_the_policy_of_the_page_allows_its_own_style_and_nothing_else() -> None:
    text = render(RUNS["done"])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def hostile(step: Step) -> dict[str, object]:
    return {**evidence_of(step), "warnings": [HOSTILE], HOSTILE: HOSTILE, "findings": [{"name": HOSTILE}]}


def test_nothing_from_outside_becomes_markup() -> None:
    record = run_of(rehearsal(cloud=HOSTILE), run_id=HOSTILE, evidence=hostile)
    for each in (record, stopped_at(record, "prove", "failed")):
        text = render(each)
        standing_alone(Page(text))
        assert "<script" not in text
        assert "\x1b" not in text
        assert "<script>alert(1)</script>" in Page(text).words


def test_very_long_evidence_is_cut_and_said_so() -> None:
    record = run_of(rehearsal(), evidence=lambda step: {"log": "x" * 100_000} if step.id == "seed" else {})
    text = render(record)
    assert len(text) < 150_000
    assert "more characters are in report.json" in text


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=200), st.floats(0, 1e7))
def test_any_name_and_any_duration_make_a_page(words: str, later: float) -> None:
    record: RunRecord = run_of(rehearsal(cloud=words), run_id=words)
    standing_alone(Page(render(record)))
    standing_alone(Page(render(RunRecord(words, record.plan, "done", record.created - later, None, record.steps))))
