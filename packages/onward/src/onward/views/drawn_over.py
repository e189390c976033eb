"""A picture that is drawn over what was drawn, where a stream can be; what was drawn last stays."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from onward.views.page import Page


class DrawnOver(AbstractContextManager["DrawnOver"]):
    """The part of a terminal that shows one picture after the other."""

    def __init__(self, page: Page, *, live: bool) -> None:
        """``live``: whether there shall be pictures; they also need a stream that can be drawn over."""
        self.page = page
        self._live = Live(console=page.console, auto_refresh=False) if live and page.medium.live else None

    @property
    def live(self) -> bool:
        """Whether pictures are drawn; lines are told instead where none are."""
        return self._live is not None

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was drawn last stays."""
        if self._live is not None:
            self._live.stop()

    def draw(self, lines: Iterable[Text]) -> None:
        """Put these lines in the place of those that were drawn."""
        if self._live is not None:
            self._live.update(Text("\n").join(lines), refresh=True)
