"""Looks at a cloud are shared: many who ask at once cost one look."""

import threading
from concurrent.futures import ThreadPoolExecutor

from served import until

from onward.web.looks import Looks


def test_many_who_ask_at_once_share_one_look() -> None:
    looks, begun, go, taken = Looks(lambda: 0.0), threading.Event(), threading.Event(), []

    def look() -> int:
        taken.append(1)
        begun.set()
        assert go.wait(60)
        return len(taken)

    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(looks.seen, "cloud", 2.0, look) for _ in range(8)]
        assert begun.wait(60)
        go.set()
        assert [each.result() for each in asked] == [1] * 8


def test_what_is_too_old_is_looked_at_again() -> None:
    now = [0.0]
    looks = Looks(lambda: now[0])
    assert looks.seen("cloud", 2.0, lambda: "first") == "first"
    now[0] = 1.9
    assert looks.seen("cloud", 2.0, lambda: "second") == "first"
    assert looks.seen("other", 2.0, lambda: "third") == "third"
    now[0] = 2.1
    assert looks.seen("cloud", 2.0, lambda: "fourth") == "fourth"


def test_nobody_waits_for_what_is_looked_at_beside() -> None:
    looks, go, taken = Looks(lambda: 0.0), threading.Event(), []

    def look() -> str:
        taken.append(1)
        assert go.wait(60)
        return "seen"

    assert [looks.latest("cloud", 2.0, look) for _ in range(5)] == [None] * 5
    go.set()
    assert until(lambda: looks.latest("cloud", 2.0, look), "the look") == "seen"
    assert len(taken) == 1


def test_a_look_that_fails_is_taken_again() -> None:
    looks, taken = Looks(lambda: 0.0), []

    def look() -> str:
        taken.append(1)
        if len(taken) == 1:
            raise OSError
        return "seen"

    hook, threading.excepthook = threading.excepthook, lambda _: None
    try:
        assert until(lambda: looks.latest("cloud", 2.0, look), "the look") == "seen"
    finally:
        threading.excepthook = hook
