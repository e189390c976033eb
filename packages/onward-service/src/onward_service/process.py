"""The one collector of a process, whoever asks for it first: a filter, ``wrap``, or oslo.middleware."""

from __future__ import annotations

from pathlib import Path

from onward_service.board import Board
from onward_service.collector import Collector
from onward_service.hooks import Listening

_processes: list[tuple[Collector, Listening]] = []


def listening(state_file: Path | None) -> tuple[Collector, Listening]:
    """The process's collector and listeners, made at the first call; the first file counts.

    Called while a service starts, by one thread. Raises StateFileUnusable.
    """
    if not _processes:
        collector = Collector(Board(state_file))
        _processes.append((collector, Listening(collector)))
    return _processes[0]
