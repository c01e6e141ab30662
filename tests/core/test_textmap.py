from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.span import Span
from sqlflow.core.textmap import Edit, Segment, TextMap, splice

TEXTS = st.text(alphabet="abcdefgh", max_size=30)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    """Draws a text and edits of it that do not overlap."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    edits = [
        Edit(start, end, draw(st.text(alphabet="XYZ", max_size=4)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return text, edits


def check(text_map: TextMap, length: int) -> None:
    """Asserts what every map promises: segments in order, the first at 0, none beyond the text."""
    assert text_map.length == length
    starts = [segment.start for segment in text_map.segments]
    assert starts == sorted(set(starts))
    assert (starts[:1] == [0]) == (length > 0)
    assert all(start < length for start in starts)


def test_a_file_maps_to_itself() -> None:
    text_map = TextMap.identity("a.sql", "select 1")
    assert text_map.locate(0, 6) == (Span("a.sql", 0, 6),)
    assert text_map.locate(7) == (Span("a.sql", 7, 8),)
    assert text_map.locate(-3) == (Span("a.sql", 0, 1),)
    assert TextMap.identity("a.sql", "").locate(0) == ()


def test_the_innermost_frame_is_narrowed() -> None:
    outer, inner = Span("a.sql", 10, 20), Span("m.sql", 100, 110)
    text_map = TextMap((Segment(0, (outer, inner), True),), 10)
    assert text_map.locate(2, 5) == (outer, Span("m.sql", 102, 105))


def test_an_inexact_segment_is_taken_whole() -> None:
    outer = Span("a.sql", 10, 20)
    text_map = TextMap((Segment(0, (outer,), False),), 5)
    assert text_map.locate(2, 3) == (outer,)


def test_a_range_over_segments_joins_their_outermost_frames() -> None:
    text_map = TextMap(
        (
            Segment(0, (Span("a.sql", 0, 5),), True),
            Segment(5, (Span("a.sql", 7, 20), Span("m.sql", 1, 2)), False),
            Segment(9, (Span("a.sql", 20, 25),), True),
        ),
        14,
    )
    assert text_map.locate(3, 11) == (Span("a.sql", 3, 22),)


def test_text_from_nowhere_takes_the_place_beside_it() -> None:
    before = Span("a.sql", 0, 3)
    text_map = TextMap((Segment(0, (before,), True), Segment(3, (), False)), 6)
    assert text_map.locate(4, 5) == (before,)
    shifted = TextMap.identity("a.sql", "abc").shifted(4)
    assert shifted.locate(1, 2) == (Span("a.sql", 0, 3),)
    assert TextMap((Segment(0, (), False),), 3).locate(1) == ()


@given(TEXTS, st.integers(-3, 35), st.integers(-3, 35))
def test_a_place_lies_in_the_file(text: str, start: int, end: int) -> None:
    for span in TextMap.identity("f", text).locate(start, end):
        assert 0 <= span.start <= span.end <= len(text)


@given(TEXTS, st.integers(0, 9))
def test_shifting_moves_every_place(text: str, by: int) -> None:
    text_map = TextMap.identity("f", text)
    moved = text_map.shifted(by)
    assert moved.length == len(text) + by
    for offset in range(len(text)):
        assert moved.locate(offset + by) == text_map.locate(offset)


@given(edited())
def test_splicing_replaces_and_keeps_the_places_of_the_rest(drawn: tuple[str, list[Edit]]) -> None:
    text, edits = drawn
    result, text_map = splice(text, TextMap.identity("f", text), edits)
    expected, kept = "", list[tuple[int, int]]()
    position = 0
    for edit in edits:
        kept += [(len(expected) + i, position + i) for i in range(edit.start - position)]
        expected += text[position : edit.start] + edit.text
        position = edit.end
    kept += [(len(expected) + i, position + i) for i in range(len(text) - position)]
    expected += text[position:]
    assert result == expected
    check(text_map, len(result))
    for new, old in kept:
        assert result[new] == text[old]
        assert text_map.locate(new) == (Span("f", old, old + 1),)


@given(edited())
def test_what_an_edit_puts_in_has_the_place_of_what_it_replaced(drawn: tuple[str, list[Edit]]) -> None:
    text, edits = drawn
    original = TextMap.identity("f", text)
    _, text_map = splice(text, original, edits)
    grown = 0
    for edit in edits:
        start = edit.start + grown
        for offset in range(start, start + len(edit.text)):
            assert text_map.locate(offset) == original.locate(edit.start, edit.end)
        grown += len(edit.text) - (edit.end - edit.start)


@given(edited())
def test_splicing_nothing_changes_nothing(drawn: tuple[str, list[Edit]]) -> None:
    text, edits = drawn
    once = splice(text, TextMap.identity("f", text), edits)
    assert splice(*once, []) == once


@given(edited(), edited())
def test_places_survive_a_second_splice(
    first: tuple[str, list[Edit]], second: tuple[str, list[Edit]]
) -> None:
    text, edits = first
    once, once_map = splice(text, TextMap.identity("f", text), edits)
    fitting = [edit for edit in second[1] if edit.end <= len(once)]
    twice, twice_map = splice(once, once_map, fitting)
    check(twice_map, len(twice))
    untouched = len(once) - max([edit.end for edit in fitting], default=0)
    for back in range(1, untouched + 1):
        assert twice_map.locate(len(twice) - back) == once_map.locate(len(once) - back)


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap at 1"):
        splice("abc", TextMap.identity("f", "abc"), [Edit(0, 2, "x"), Edit(1, 3, "y")])
