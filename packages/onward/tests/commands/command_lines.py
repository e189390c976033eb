"""Reads ``onward`` command lines in prose and in code, and holds them against the commands' own parsers."""

import argparse
import ast
import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

from onward.commands.main import COMMANDS, OnwardApp

PROMPT = "$ "
_SPAN = re.compile(r"`+(onward(?: [^`]+)?)`+")
_VARIABLE = re.compile(r"[A-Z_]+=\S*")


def lines_of(page: str) -> Iterator[str]:
    """The command lines of a page's code blocks: fenced with a prompt, or indented; continued lines are joined."""
    whole = re.sub(r"\\\n\s*", "", page)
    for line in whole.splitlines():
        text = line.strip().removeprefix(PROMPT)
        while _VARIABLE.match(text.partition(" ")[0]):
            text = text.partition(" ")[2]
        if (line.startswith(("    ", PROMPT)) or line.strip().startswith(PROMPT)) and text.split()[:1] == ["onward"]:
            yield text


def spans_of(text: str) -> Iterator[str]:
    """What stands between backticks and begins with ``onward``."""
    yield from (" ".join(found.split()) for found in _SPAN.findall(text))


def strings_of(module: Path) -> Iterator[str]:
    """The strings of a module that begin with ``onward``, such as next commands; what is computed is a word in them."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "WORD" for part in node.values)
        else:
            continue
        yield from (line for line in text.splitlines() if line.startswith("onward "))


def fault_of_line(line: str) -> str:
    """Why a command line cannot be typed as it stands; empty where it can."""
    words = _words(line)
    app = OnwardApp()
    complaint = io.StringIO()
    try:
        with redirect_stderr(complaint):
            options, rest = app.parser.parse_known_args(words)
            if not rest:
                return "" if options.deferred_help else "it has no command"
            _parser(app, rest)[0].parse_args(_parser(app, rest)[1])
    except ValueError as error:
        return str(error)
    except SystemExit as ended:
        return complaint.getvalue() if ended.code else ""
    return ""


def fault_of_span(text: str) -> str:
    """Why a command that is named in prose does not exist, or an option in it; arguments may be left out."""
    words = _words(text)
    app = OnwardApp()
    known = set(_options(app.parser))
    rest = [word for word in words if word not in known]
    families = {name.split()[0] for name in COMMANDS if " " in name}
    if not rest or not rest[0][0].islower() or (len(rest) == 1 and rest[0] in families):
        return ""  # onward COMMAND, onward WORD; or all commands of one family
    try:
        parser, rest = _parser(app, rest)
    except ValueError as error:
        return str(error)
    wrong = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in _options(parser)]
    return f"no such option: {', '.join(wrong)}" if wrong else ""


def _words(line: str) -> list[str]:
    """The arguments of ``onward`` in a line of shell, without comment, redirection and what is piped to."""
    words = shlex.split(re.sub(r"\$\(.*?\)", "WORD", line), comments=True)[1:]
    ends = ("|", "||", "&&", ";")
    end = next((place for place, word in enumerate(words) if word in ends or word[0] in "<>"), len(words))
    return words[:end]


def _parser(app: OnwardApp, words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    kind, name, rest = app.command_manager.find_command(words)
    return kind(app, None, cmd_name=name).get_parser(f"onward {name}"), rest


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [word for action in parser._actions for word in action.option_strings]
