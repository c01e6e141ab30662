"""Places in the files that the user wrote."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple


class Span(NamedTuple):
    """A half-open range of characters in one file.

    `path` is relative to the project's root, with forward slashes; `start` and `end` are offsets in
    characters (not bytes) from the start of the decoded text, `end` exclusive.
    """

    path: str
    start: int
    end: int


class Position(NamedTuple):
    """A line and a column, both counted from 1, the column in characters."""

    line: int
    column: int


class LineIndex:
    """Turns offsets of one text into lines and columns, and back."""

    __slots__ = ("_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        starts = [0]
        found = text.find("\n")
        while found != -1:
            starts.append(found + 1)
            found = text.find("\n", found + 1)
        self._starts = tuple(starts)

    def position(self, offset: int) -> Position:
        """Gives the position of an offset; one beyond the text is that of the text's end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def offset(self, line: int, column: int = 1) -> int:
        """Gives the offset of a position, kept within its line."""
        start, end = self.line_bounds(line)
        return max(start, min(start + column - 1, end))

    def line_bounds(self, line: int) -> tuple[int, int]:
        """Gives the offsets of a line's first character and of its end, the line break left out."""
        line = max(1, min(line, len(self._starts)))
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        if end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def line_text(self, line: int) -> str:
        """Gives the text of a line without its line break."""
        start, end = self.line_bounds(line)
        return self.text[start:end]

    @property
    def lines(self) -> int:
        """How many lines the text has; an empty text has one."""
        return len(self._starts)
