"""Numbers, times and foreign text as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.views.words import counted, duration, harmless, in_ascii


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0 s"),
        (0.004, "<0.1 s"),
        (1.34, "1.3 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (11_220, "3 h 07 min"),
        (86_399, "1 d 00 h"),
        (187_200, "2 d 04 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_nouns_follow_their_number() -> None:
    assert counted(1, "step") == "1 step"
    assert counted(12_034, "row") == "12,034 rows"
    assert counted(2, "census", "censuses") == "2 censuses"


@given(st.text())
def test_harmless_text_has_no_control_characters(text: str) -> None:
    shown = harmless(text)
    assert all(letter in "\n\t" or letter.isprintable() or letter.isspace() or not letter.isascii() for letter in shown)
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert harmless(shown) == shown


@given(st.text())
def test_ascii_is_ascii(text: str) -> None:
    assert in_ascii(text).isascii()


def test_what_a_reader_needs_survives() -> None:
    assert harmless("\x1b[31mERROR\x1b[0m Zoë\n\tat line 3") == "ERROR Zoë\n\tat line 3"
    assert in_ascii("2024.1 → 2026.2 …") == "2024.1 -> 2026.2 .."
