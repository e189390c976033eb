"""What keeps the processes of a model takes no processor while nothing happens."""

import os
from types import SimpleNamespace

from onward.hosts.supervisord_program import ForgettingPoller


def test_the_number_of_a_closed_log_that_became_an_input_nobody_reads_is_forgotten() -> None:
    poller = ForgettingPoller(SimpleNamespace())
    log, logged = os.pipe()
    given, taken = os.pipe()
    try:
        poller.register_readable(log)
        # The process ends, and the next one's input gets its number, and is closed at its other end.
        os.dup2(taken, log)
        os.close(given)
        os.close(taken)
        assert poller.poll(5) == ([], [])
        assert poller.readables == set()
    finally:
        for each in (log, logged):
            os.close(each)


def test_what_can_be_read_is_told_although_nobody_writes_any_more() -> None:
    poller = ForgettingPoller(SimpleNamespace())
    log, logged = os.pipe()
    poller.register_readable(log)
    os.write(logged, b"last words")
    os.close(logged)
    assert poller.poll(5) == ([log], [])
    os.close(log)
    assert poller.poll(5) == ([], [])
    assert poller.readables == set()
