"""Calls that wait for processes, several at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Answer = TypeVar("Answer")


def side_by_side(works: Sequence[Callable[[], Answer]], parallel: int) -> Iterator[Answer]:
    """What each call returns, in order. Called in threads that do not keep the process from ending."""
    results: list[Future[Answer]] = [Future() for _ in works]
    waiting = SimpleQueue[int]()
    for number in range(len(works)):
        waiting.put(number)

    def work() -> None:
        with suppress(Empty):
            while True:
                number = waiting.get_nowait()
                try:
                    results[number].set_result(works[number]())
                except BaseException as error:  # to be raised where the result is waited for
                    results[number].set_exception(error)

    for number in range(min(max(1, parallel), len(works))):
        Thread(target=work, name=f"side-by-side-{number}", daemon=True).start()
    for result in results:
        yield result.result()
