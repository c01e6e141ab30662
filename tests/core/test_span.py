from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.span import LineIndex, Position

TEXTS = st.text(alphabet="ab é😀\n\r\t", max_size=60)


def test_positions() -> None:
    index = LineIndex("é😀x\r\n\nlast")
    assert [index.position(offset) for offset in (0, 2, 5, 6, 10)] == [
        Position(1, 1),
        Position(1, 3),
        Position(2, 1),
        Position(3, 1),
        Position(3, 5),
    ]
    assert [index.line_text(line) for line in (1, 2, 3)] == ["é😀x", "", "last"]
    assert index.lines == 3


def test_an_empty_text_has_one_line() -> None:
    index = LineIndex("")
    assert (index.lines, index.position(0), index.line_bounds(1)) == (1, Position(1, 1), (0, 0))


@given(TEXTS, st.integers(-5, 80))
def test_an_offset_is_found_again_from_its_position(text: str, offset: int) -> None:
    index = LineIndex(text)
    inside = max(0, min(offset, len(text)))
    line, column = index.position(offset)
    assert 1 <= line <= index.lines and column >= 1
    assert line == text.count("\n", 0, inside) + 1
    start, end = index.line_bounds(line)
    assert start + column - 1 == inside
    # An offset inside of a line break is kept within the line.
    assert index.offset(line, column) == min(inside, end)


@given(TEXTS)
def test_lines_put_together_are_the_text(text: str) -> None:
    index = LineIndex(text)
    pieces = [index.line_text(line) for line in range(1, index.lines + 1)]
    expected = [line.removesuffix("\r") for line in text.split("\n")]
    last = text.split("\n")[-1]
    assert pieces[:-1] == expected[:-1]
    assert pieces[-1] in (last, last.removesuffix("\r"))


@given(TEXTS, st.integers(-5, 80), st.integers(-5, 80))
def test_any_line_and_column_give_an_offset_in_the_text(text: str, line: int, column: int) -> None:
    assert 0 <= LineIndex(text).offset(line, column) <= len(text)
