"""The page in a real browser, while real runs go on."""

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from served import Served, gated_plan, recorded, resumed, status, until

from onward.engine.runs import all_events
from onward.views.events import words_of

CHROMIUM = "/usr/bin/chromium"
MILLISECONDS = 60_000
AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SEEN = """seen => {
    Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1100, "height": 800}

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's package chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        context.set_default_timeout(MILLISECONDS)
        yield context.new_page()


def enter(tab: Page, served: Served) -> None:
    """Follow the link of the terminal."""
    tab.goto(f"{served.url}/login#{served.token}")
    tab.wait_for_url(f"{served.url}/")


def numbers(tab: Page) -> list[int]:
    return [int(each) for each in tab.locator("#journal li").evaluate_all("all => all.map(li => li.dataset.number)")]


def test_a_run_is_followed_over_a_crash_of_the_page_without_a_gap_or_a_duplicate(own: Served, tab: Page) -> None:
    gates = own.home / "gates"
    gates.mkdir()
    names = ("a", "b", "c", "d")
    run = recorded(own.directories, gated_plan(gates, *names))
    enter(tab, own.begin())
    assert "#" not in tab.url
    tab.goto(f"{own.url}/runs/{run}")
    tab.get_by_role("button", name="Resume").click()
    tab.wait_for_url(f"{own.url}/runs/{run}")
    row = tab.locator("tr", has_text="start/a")
    expect(row.locator(".state")).to_have_text("running", timeout=MILLISECONDS)
    (gates / "a").touch()
    expect(row.locator(".state")).to_have_text("done", timeout=MILLISECONDS)
    expect(tab.get_by_role("button", name="Pause")).to_be_visible(timeout=MILLISECONDS)
    tab.get_by_text("Cancel for good").click()
    tab.get_by_label("Type gated").fill("gat")
    # The page's server dies; the run, which was begun from it, does not notice.
    assert own.end(signal.SIGKILL) == -signal.SIGKILL
    expect(tab.locator("#contact")).to_contain_text("No contact", timeout=MILLISECONDS)
    for name in ("b", "c"):
        (gates / name).touch()
    until(lambda: status(own.directories, run).step("start/c").status == "done", "the run to go on alone")
    own.begin()
    expect(tab.locator("#contact")).to_be_empty(timeout=MILLISECONDS)
    # What somebody has begun to type is still there, though the part was loaded anew.
    expect(tab.get_by_label("Type gated")).to_have_value("gat")
    # A page that nobody sees listens to nothing, and misses nothing.
    tab.evaluate(SEEN, False)
    (gates / "d").touch()
    until(lambda: status(own.directories, run).status == "done", "the run to end")
    tab.evaluate(SEEN, True)
    expect(tab.locator(".verdict strong")).to_have_text("The database of keystone is at 2025.2.", timeout=MILLISECONDS)
    expect(tab.get_by_label("What can be done").get_by_role("button")).to_have_count(0, timeout=MILLISECONDS)
    expect(tab.locator("#journal li").first).to_contain_text("all steps are done", timeout=MILLISECONDS)
    happened = all_events(own.directories, 0, 1000)
    assert numbers(tab) == [event.number for event in reversed(happened)]
    shown = tab.locator("#journal li > span:last-of-type").all_inner_texts()
    assert [each.strip() for each in shown] == [words_of(event) for event in reversed(happened)]
    # Loaded anew it says the same.
    before = tab.locator("#journal li").all_inner_texts()
    tab.reload()
    assert tab.locator("#journal li").all_inner_texts() == before


@pytest.mark.parametrize(
    ("scheme", "size"),
    [pytest.param("light", WIDE, marks=pytest.mark.full), ("dark", NARROW)],
    ids=["light", "dark and narrow"],
)
def test_everybody_can_use_every_page(own: Served, browser: Browser, scheme: str, size: dict[str, int]) -> None:
    gates = own.home / "gates"
    gates.mkdir()
    plan = gated_plan(gates, "a", "a-step-with-a-name-that-is-much-longer-than-a-telephone-is-wide", reversible=False)
    (own.home / "plan.json").write_text(plan.to_json())
    run = recorded(own.directories, plan)
    controller = resumed(own.directories, run)
    own.begin()
    until(lambda: status(own.directories, run).step("start/a").status == "running", "the first step")
    with browser.new_context(viewport=size, color_scheme=scheme) as context:  # type: ignore[arg-type]
        tab = context.new_page()
        complaints: list[str] = []
        tab.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(f"{own.url}/login")
        look(tab, "/login")
        enter(tab, own)
        for path in ("/", "/runs", f"/runs/{run}", "/journal", "/plans", "/plans/plan.json", "/checks", "/policy"):
            tab.goto(own.url + path)
            look(tab, path)
            # Whoever has no mouse begins with a way past the menu, and sees where they are.
            tab.keyboard.press("Tab")
            assert tab.evaluate("document.activeElement.className") == "skip"
            tab.keyboard.press("Tab")
            assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert complaints == []
    for name in ("a", "a-step-with-a-name-that-is-much-longer-than-a-telephone-is-wide"):
        (gates / name).touch()
    assert controller.wait(60) == 0


def look(tab: Page, path: str) -> None:
    """Nothing is cut off at the side, and axe-core has nothing to say."""
    too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not tab.evaluate(too_wide), f"{path} is wider than the window"
    tab.evaluate(AXE + ";0")
    found = tab.evaluate("axe.run()")["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
    assert re.match(r"\S.* - Onward", tab.title())
