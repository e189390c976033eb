"""Writes paragraphs, columns and commands to a stream, no wider than its reader sees them."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from onward.views.called import as_called
from onward.views.words import harmless, in_ascii

PIPE_COLUMNS = 80
WIDEST = 110
NARROWEST = 40
PROGRAMS = ("onward ", "apt-get ", "pip ", "rm ", "sqlite3 ", "ss ", "ssh ", "umount ", "uv ")
"""What a line begins with that is to be copied. Everything else is advice."""
CONTINUED = " \\"
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")

Part = str | tuple[str, str]
"""Text, or text and a style that says nothing which the words do not say too."""


@dataclass(frozen=True)
class Medium:
    """What a stream can show. ``live``: lines may be drawn over."""

    columns: int = PIPE_COLUMNS
    unicode: bool = True
    live: bool = False


def medium_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Medium:
    """What this stream can show: its encoding and the locale decide the characters, a terminal its width."""
    unicode = "utf" in (getattr(stream, "encoding", None) or "").lower() and not _plain_locale(environment)
    if not stream.isatty():
        return Medium(unicode=unicode)
    try:
        columns = os.get_terminal_size(stream.fileno()).columns or PIPE_COLUMNS
    except OSError:
        columns = PIPE_COLUMNS
    plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") in ("dumb", "unknown")
    # One column is left free: some terminals wrap a line that fills them.
    return Medium(max(NARROWEST, min(columns - 1, WIDEST)), unicode, live=not plain)


def _plain_locale(environment: Mapping[str, str]) -> bool:
    """True where somebody has said that their terminal knows ASCII only (LANG=C).

    Python makes streams of UTF-8 in that locale all the same, and says so in LC_CTYPE (PEP 538, PEP 540).
    """
    category = environment.get("LC_CTYPE", "")
    chosen = environment.get("LC_ALL") or ("" if category in _COERCED else category) or environment.get("LANG")
    return chosen in ("C", "POSIX")


class Page:
    """Writes to one stream. All text is made harmless, and ASCII where the stream holds no more."""

    def __init__(self, stream: TextIO, medium: Medium | None = None) -> None:
        self.medium = medium or medium_of(stream)
        self.columns = self.medium.columns
        self.console = Console(
            file=stream,
            width=self.columns,
            no_color=True if os.environ.get("NO_COLOR") else None,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def sign(self, unicode: str, ascii_likeness: str) -> str:
        """One of two characters, by what the stream can show."""
        return unicode if self.medium.unicode else ascii_likeness

    def clean(self, text: str) -> str:
        """The text as it may be shown here."""
        text = harmless(text).expandtabs(4)
        return text if self.medium.unicode else in_ascii(text)

    def blank(self) -> None:
        """An empty line."""
        self.console.print()

    def paragraph(self, *parts: Part, indent: int = 0, hang: int = 0) -> None:
        """A paragraph, wrapped between words; all its lines are indented, those after the first by ``hang`` more."""
        for number, line in enumerate(self.wrapped(*parts, columns=self.columns - indent - hang)):
            self.console.print(Text(" " * (indent + hang if number else indent)) + line)

    def unbroken(self, text: str, indent: int = 2) -> None:
        """A path or another text that is to be copied: on one line, however long it is."""
        self.console.print(Text(" " * indent + self.clean(text)))

    def entry(self, label: Part, *parts: Part, indent: int, columns: int) -> None:
        """A label that takes so many columns, and a paragraph beside it."""
        words, style = (label, "") if isinstance(label, str) else label
        for number, line in enumerate(self.wrapped(*parts, columns=self.columns - indent - columns)):
            lead = Text(words.ljust(columns), style) if number == 0 else Text(" " * columns)
            self.console.print(Text(" " * indent) + lead + line)

    def wrapped(self, *parts: Part, columns: int) -> list[Text]:
        """The lines of a paragraph that is ``columns`` wide."""
        text = Text()
        for part in parts:
            words, style = (part, "") if isinstance(part, str) else part
            text.append(self.clean(words), style)
        lines = text.wrap(self.console, max(columns, 10), overflow="fold")
        for line in lines:
            line.rstrip()
        return list(lines)

    def line(self, *parts: Part) -> None:
        """One line of parts that were fitted before."""
        text = Text()
        for part in parts:
            words, style = (part, "") if isinstance(part, str) else part
            text.append(words, style)
        text.rstrip()
        self.console.print(text)

    def fitted(self, text: str, columns: int) -> str:
        """The text on exactly so many columns: filled up, or shortened in its middle."""
        text = " ".join(self.clean(text).split())
        if cell_len(text) <= columns:
            return set_cell_size(text, columns)
        mark = self.sign("\u2026", "..")
        room = max(columns - len(mark), 0)
        head = set_cell_size(text, room - room // 2).rstrip()
        tail = text[len(text) - room // 2 :] if room // 2 else ""
        while cell_len(head + mark + tail) > columns and tail:
            tail = tail[1:]
        return set_cell_size(head + mark + tail, columns)

    def next_command(self, text: str, indent: int = 2) -> None:
        """What to do next, a way on each line. A command is kept fit to be copied; advice in words is a paragraph."""
        for line in text.splitlines():
            self._next_line(line, indent)

    def _next_line(self, text: str, indent: int) -> None:
        if not text.startswith(PROGRAMS):
            self.paragraph((text, "bold"), indent=indent)
            return
        room = self.columns - indent - len(CONTINUED)
        lines = [""]
        for word in _words(self.clean(as_called(text))):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and cell_len(longer) > room:
                lines.append("  " + word)
            else:
                lines[-1] = longer
        for number, each in enumerate(lines):
            self.console.print(Text(" " * indent + each, "bold") + Text(CONTINUED if number < len(lines) - 1 else ""))


def _words(command: str) -> list[str]:
    """The words of a command, each with the quotes it was written in."""
    try:
        return shlex.split(command, posix=False)
    except ValueError:
        return command.split()
