"""The page that shows what changes in a policy: whole, harmless, the widenings first."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from policy_ends_made import changed, overridden, release, rule

from onward.policy.difference import PolicyDifference
from onward.policy.effective import Override
from onward.views.policy_report import render_difference, sentences_of

HOSTILE = "</pre></title></style><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J"
VOID = {"meta", "br", "hr", "img"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page_of(found: PolicyDifference) -> Page:
    """The page, which fetches nothing and runs nothing."""
    text = render_difference(found)
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "object", "form"} & page.tags
    for name, value in page.attributes:
        assert name not in ("src", "href", "style", "action")
        assert not name.startswith("on")
        assert "http:" not in (value or "")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    return page


def several() -> PolicyDifference:
    old = release(rule("closing", "@"), rule("opening", "role:admin"), rule("gone", "@"), rule("kept", "role:admin"))
    new = release(rule("closing", "!"), rule("opening", "role:reader"), rule("fresh", "@"), rule("kept", "role:reader"))
    return changed(old, new, overridden(kept="role:auditor", gone="!"))


def test_who_is_let_in_stands_first_and_everything_is_there() -> None:
    words = page_of(several()).words
    names = ("opening", "gone", "closing", "kept", "fresh")
    order = ["1 rule lets in", *(f"About {name}." for name in names)]
    assert [words.index(each) for each in order] == sorted(words.index(each) for each in order)
    assert "becomes allowed manager, member, reader: everywhere" in words
    assert "becomes denied everybody: everywhere" in words
    assert "/etc/nova/policy.yaml:1" in words
    assert "Your override is no longer in force: 1 rule" in words
    assert "role:reader" in words


def test_nothing_is_said_plainly() -> None:
    same = release(rule("get", "role:admin"))
    found = changed(same, same)
    assert sentences_of(found) == ["Nothing changes."]
    assert "Nothing changes." in page_of(found).words


def test_a_policy_that_only_closes_says_so_first() -> None:
    found = changed(release(rule("get", "@")), release(rule("get", "!")))
    assert sentences_of(found) == [
        "No rule lets in anybody who was kept out.",
        "1 rule keeps out somebody who was let in.",
    ]


def test_what_becomes_enforced_is_said() -> None:
    rules = (rule("get", "role:admin", scopes=("project",)),)
    found = changed(release(*rules, scope=False, new_only=False), release(*rules))
    assert sentences_of(found)[-2:] == [
        "Scope becomes enforced: a token for another scope than a rule's is denied.",
        "The old defaults, which counted beside the new ones, no longer count.",
    ]


def test_nothing_from_outside_becomes_markup() -> None:
    old, new = release(rule(HOSTILE, "role:admin")), release(rule(HOSTILE, f"role:{HOSTILE}"))
    said = (Override(HOSTILE, f"flavour:{HOSTILE}", 1, HOSTILE),)
    for found in (changed(old, new), changed(old, new, said), changed(old, new, said, after=())):
        page = page_of(found)
        assert "<script>alert(1)</script>" in page.words
        assert "\x1b" not in page.words
