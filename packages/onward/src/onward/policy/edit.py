"""A policy file's text with some of its rules rewritten; every other byte of it stays as it was.

Only lines of YAML can be edited so. What stands within braces, as all JSON does, is written anew, with its comments.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onward.policy.document import Document, Pair

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")


@dataclass(frozen=True)
class Span:
    """The lines of one pair: where they begin and end in the text, and the comment at the end of the last."""

    begin: int
    end: int
    indent: str
    comment: str


def rule_line(name: str, value: object) -> str:
    """One rule as a line of YAML: name and check in double quotes, as oslo.policy's own samples have it."""
    return f"{_quoted(name)}: {_quoted(value) if isinstance(value, str) else _flow(value)}"


def commented(lines: Iterable[str]) -> list[str]:
    """The same as comments."""
    return [f"# {line}".rstrip() for line in lines]


def editable(document: Document) -> bool:
    """Whether the lines of the file can be edited, or it must be written anew."""
    odd_breaks = re.search("\r(?!\n)|[\x85\u2028\u2029]", document.text)
    return document.form == "block" and not odd_breaks


def edited(document: Document, replaced: Mapping[int, Sequence[str]], appended: Sequence[str] = ()) -> str:
    """The text with the lines of some pairs replaced, by their number; by none: removed, with the comment above."""
    text, newline = document.text, "\r\n" if "\r\n" in document.text else "\n"
    pieces: list[str] = []
    reached = 0
    for number, pair in enumerate(document.pairs):
        if number not in replaced:
            continue
        span = _span(text, pair)
        begin = span.begin if replaced[number] else max(reached, _comment_above(text, span.begin))
        end = span.end if replaced[number] else _line_end(text, span.end)
        lines = [span.indent + line for line in replaced[number]]
        pieces += [text[reached:begin], newline.join(lines)]
        if lines and span.comment:
            pieces.append(f"  {span.comment}")
        reached = end
    tail = text[reached : document.end]
    if appended:
        written = "".join(pieces) + tail
        tail += newline if written and not written.endswith("\n") else ""
        tail += newline.join(appended) + newline
    return "".join(pieces) + tail + text[document.end :]


def rewritten(document: Document, blocks: Mapping[int, Sequence[str]], head: Sequence[str] = ()) -> str:
    """The file as lines of YAML: those of each pair in turn, with the comments that stood before it and at the end."""
    lines = list(head)
    text, reached = document.text, 0
    for number, pair in enumerate(document.pairs):
        comments = _comments(text[reached : pair.begin])
        block = blocks.get(number, ())
        if (lines and block) or comments:
            lines.append("")
        lines += [*comments, *block]
        reached = pair.end
    tail = _comments(text[reached:])
    lines += ["", *tail] if tail else []
    while lines and not lines[0]:
        lines.pop(0)
    return "\n".join(lines) + "\n" if lines else "{}\n"


def _span(text: str, pair: Pair) -> Span:
    begin = text.rfind("\n", 0, pair.begin) + 1
    end = pair.begin + len(text[pair.begin : pair.end].rstrip())
    line_end = text.find("\n", end)
    rest = text[end : len(text) if line_end < 0 else line_end].rstrip("\r")
    found = _COMMENT.search(rest)
    lead = text[begin : pair.begin]
    return Span(begin, end + len(rest), lead[: len(lead) - len(lead.lstrip(" "))], found.group() if found else "")


def _comment_above(text: str, begin: int) -> int:
    """Where the comment begins that stands directly above a line; the line itself where there is none."""
    while begin > 0:
        above = text.rfind("\n", 0, begin - 1) + 1
        if not text[above:begin].lstrip().startswith("#"):
            break
        begin = above
    return begin


def _line_end(text: str, end: int) -> int:
    """After the end of the line."""
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _comments(between: str) -> list[str]:
    """Comments in what stands between two rules: white space, commas and braces otherwise."""
    found = (_COMMENT.search(line) for line in between.splitlines())
    return [match.group() for match in found if match]


def _flow(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(each) for each in value)}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """In double quotes, with what YAML does not take as it is escaped."""
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in escaped)
