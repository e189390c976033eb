"""Policy files as data: the same rules as oslo.policy reads, with their lines and what is wrong with them."""

import json
from collections.abc import Callable

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_judge import Judge

from onward.policy.document import read_document

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

names = st.sampled_from(["admin_required", "identity:get_user", "os_compute_api:servers:*", "default", "on", "1", "<<"])
values = st.sampled_from(
    [
        "",
        "!",
        "@",
        "role:admin",
        "rule:admin_required or user_id:%(user_id)s",
        ["role:cloud admin", ["role:a", "role:b"]],
        [],
        [[]],
        None,
        True,
        7,
        "role:ünïcode",
        "a: b",
        "# no comment",
        "x\ny:z",
    ]
)
pairs = st.lists(st.tuples(names, values), max_size=6)
comments = st.sampled_from(["", "# a comment\n", "\n", "  # indented\n", '#"a": "b"\n'])


@st.composite
def block(draw: st.DrawFn) -> str:
    """YAML as people write it, a rule a line, with comments."""
    lines = [draw(st.sampled_from(["", "---\n", "# head\n---\n"]))]
    for name, value in draw(pairs):
        style = draw(st.sampled_from([None, '"', "'", "|", ">"]))
        lines.append(draw(comments))
        lines.append(yaml.safe_dump({name: value}, default_style=style, allow_unicode=True, width=30))
    return "".join(lines) + draw(st.sampled_from(["", "...\n", "# tail"]))


@st.composite
def braces(draw: st.DrawFn) -> str:
    """JSON as old policy files are, perhaps with tabs, perhaps not quite JSON."""
    indent = draw(st.sampled_from([None, 4, "\t"]))
    rules = [f"{json.dumps(name)}:{json.dumps(value, indent=indent)}" for name, value in draw(pairs)]
    between = draw(st.sampled_from([",", ", ", ",\n", ",\n\t", ", # why\n"]))
    return "{" + between.join(rules) + draw(st.sampled_from(["", ",", "\n"])) + "}" + draw(st.sampled_from(["", "\n"]))


damaged = st.builds(
    lambda text, at, what: text[: at % (len(text) + 1)] + what + text[at % (len(text) + 1) :],
    block() | braces(),
    st.integers(0, 400),
    st.sampled_from(["\t", '"', ": ", "- ", "&a ", "*a", "{", "}", "\x00", "!", "!!set ", "@", "\n---\n", "é", "  "]),
)


@pytest.mark.environments
@pytest.mark.parametrize("series", ["2023.1", "2025.2", "2026.2"])
@settings(shared, max_examples=60)
@given(texts=st.lists(block() | braces() | damaged, min_size=1, max_size=20))
def test_a_file_holds_the_rules_that_the_real_oslo_policy_reads(
    judge: Callable[[str], Judge], series: str, texts: list[str]
) -> None:
    for text, real in zip(texts, judge(series).ask(ask="contents", texts=texts), strict=True):
        ours = read_document(text)
        if series == "2026.2" and ours.only_json:
            assert real == {"error": "ValueError"}
            continue
        assert ours.readable == ("error" not in real), (text, ours.problems, real)
        if ours.readable:
            assert {name: json.dumps(value) for name, value in ours.values.items()} == {
                # Names that are not text come out of the judge as JSON has them.
                name: json.dumps(value)
                for name, value in real["values"].items()
                if name in real["rules"]
            }


@given(block() | braces())
def test_each_rule_is_found_on_its_line(text: str) -> None:
    document = read_document(text)
    lines = text.splitlines()
    for entry in document.entries:
        pair = document.pairs[entry.pair]
        assert entry.name in lines[entry.line - 1] or pair.merge
        assert entry.name in text[pair.begin : pair.end] or pair.merge


@pytest.mark.parametrize(
    ("text", "line", "effect", "words"),
    [
        ("a: role:x\nb: !\n", 2, "open", "without quotes"),
        ("a:\n", 1, "open", "null"),
        ("# c\na: role:x\na: role:y\n", 2, "ignored", "line 3"),
        ("a: role:x\nb: @\n", 2, "unreadable", "@"),
        ("a: role:x\n\tb: role:y\n", 2, "unreadable", "column 1"),
        ('{"a": "role:x"\n "b": "role:y"}', 2, "unreadable", "expected"),
        ("a: role:x\n---\nb: role:y\n", 2, "unreadable", "another document"),
        ("- a\n- b\n", 1, "unreadable", "list"),
        ("a: true\n", 1, "refused", "true"),
        ("a: role:x\nb: role:admin or or\n", 2, "denied", "or or"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "unreadable", "constructor"),
        ("a: b\x00c\n", 1, "unreadable", "U+0000"),
    ],
)
def test_what_does_not_do_what_its_writer_meant_is_a_problem_with_its_line(
    text: str, line: int, effect: str, words: str
) -> None:
    problems = read_document(text).problems
    assert [(each.line, each.effect) for each in problems] == [(line, effect)]
    assert words in problems[0].what


def test_a_sound_file_has_no_problem() -> None:
    assert read_document('# c\n"a": "role:x" # d\nb: []\nc: [["role:cloud admin"]]\nd: ""\n').problems == ()


def test_aliases_and_merges_are_followed_and_marked() -> None:
    document = read_document('a: &admin "role:admin"\nb: *admin\n<<: {c: "role:c", a: "role:d"}\n')
    assert document.values == {"a": "role:admin", "b": "role:admin", "c": "role:c"}
    assert [(entry.name, entry.line) for entry in document.entries] == [("a", 1), ("b", 2), ("c", 3)]
    assert all(pair.linked for pair in document.pairs)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        f"a: [[0x{'f' * 6000}]]\n",
        f"0x{'f' * 900}: 0x{'f' * 6000}\n",
        "a: &a [*a]\n",
        "a: &a {b: [*a]}\n",
    ],
)
def test_what_stands_for_more_than_memory_holds_is_a_problem_and_nothing_is_printed_of_it(text: str) -> None:
    document = read_document(text)
    assert [problem.effect for problem in document.problems] == ["endless"]
    assert not document.readable
    assert len(document.problems[0].what) < 200


def test_aliases_are_as_good_as_what_they_stand_for() -> None:
    document = read_document("a: &a [x, y]\n" + "".join(f"r{number}: *a\n" for number in range(2000)))
    assert document.readable
    assert document.values["r1999"] == ["x", "y"]
