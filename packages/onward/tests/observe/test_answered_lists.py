"""Answers of any length: what is kept of them, whatever pieces they arrive in."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.observe.answered_lists import read_object

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text().filter(lambda name: name != "truncated"), values, max_size=4)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@given(objects, st.integers(0, 6), st.integers(1, 40), st.booleans(), st.sampled_from([None, 2]))
def test_only_the_lists_of_an_object_are_cut_off_and_that_is_said(
    found: dict[str, object], most: int, size: int, ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps(found, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    expected = {name: part[:most] if isinstance(part, list) else part for name, part in found.items()}
    if expected != found:
        expected["truncated"] = True
    try:
        data.decode()
    except UnicodeDecodeError:
        with pytest.raises(ValueError, match="utf-8"):
            read_object(pieces(data, size), most)
    else:
        assert read_object(pieces(data, size), most) == expected


@given(objects, st.data(), st.integers(1, 40))
def test_what_stops_in_the_middle_is_not_taken_for_whole(
    found: dict[str, object], data: st.DataObject, size: int
) -> None:
    whole = json.dumps(found).encode()
    stop = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="JSON"):
        read_object(pieces(whole[:stop], size), 3)


def test_that_the_service_has_cut_its_list_off_is_kept() -> None:
    assert read_object([b'{"users": [{"id": "a"}], "truncated": true}'], 5) == {
        "users": [{"id": "a"}],
        "truncated": True,
    }


def test_memory_does_not_grow_with_the_list() -> None:
    def peak(length: int) -> int:
        answer = (b'%s{"id": "%032d"}' % (b'{"limits": [' if place == 0 else b",", place) for place in range(length))
        chunks = (chunk for part in (answer, iter([b"]}"])) for chunk in part)
        tracemalloc.start()
        try:
            assert len(read_object(chunks, 100)["limits"]) == 100
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1_000)  # What is loaded once does not count.
    assert peak(30_000) < 1.2 * peak(1_000)
