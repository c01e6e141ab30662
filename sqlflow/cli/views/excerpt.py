"""The lines of a file around a span, with carets under it."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from sqlflow.cli.views.paint import Paint, visible
from sqlflow.core.span import LineIndex, Span

TAB = 4
# A span over more lines than this shows its first two and its last.
MOST_LINES = 4
_CUT = "..."


class Range(NamedTuple):
    """The part of a line that a span covers: offsets in its characters, `end` exclusive."""

    line: int
    start: int
    end: int


class Excerpt(NamedTuple):
    """How to draw: `gutter` is the width of the line numbers, `width` that of a whole line."""

    paint: Paint
    gutter: int
    width: int

    def blank(self) -> str:
        """An empty line with the gutter."""
        return self.paint(" " * self.gutter + " |", "place")

    def place(self, arrow: str, text: str) -> str:
        """The line that names the place."""
        return self.paint(" " * self.gutter + arrow + " ", "place") + text

    def draw(self, lines: LineIndex, span: Span, label: str, kind: str) -> list[str]:
        """Draws the lines that a span covers, carets under it, the label behind the last of them."""
        ranges = covered(lines, span)
        shown = ranges if len(ranges) <= MOST_LINES else [*ranges[:2], None, ranges[-1]]
        out: list[str] = []
        for part in shown:
            if part is None:
                out.append(self.paint(" " * self.gutter + " " + _CUT, "place"))
                continue
            out += self._line(lines.line_text(part.line), part, label if part is ranges[-1] else "", kind)
        return out

    def _line(self, text: str, part: Range, label: str, kind: str) -> list[str]:
        room = max(20, self.width - self.gutter - 3)
        cells = _cells(text)
        first, last = _window(cells, part, room)
        before = _CUT if first > 0 else ""
        after = _CUT if last < len(cells) else ""
        drawn = before + "".join(cell.text for cell in cells[first:last]) + after
        number = self.paint(f"{part.line:>{self.gutter}} |", "place")
        out = [f"{number} {drawn}".rstrip()]
        if part.end < part.start:
            return out
        left = len(before) + _width(cells[first : part.start])
        carets = "^" * max(1, _width(cells[max(part.start, first) : min(part.end, last)]))
        label_lines = visible(label).splitlines() or [""]
        gutter = self.paint(" " * self.gutter + " |", "place")
        out.append(f"{gutter} {' ' * left}{self.paint(f'{carets} {label_lines[0]}'.rstrip(), kind)}")
        indent = " " * (left + len(carets) + 1)
        out += [f"{gutter} {indent}{self.paint(line, kind)}".rstrip() for line in label_lines[1:]]
        return out


def covered(lines: LineIndex, span: Span) -> list[Range]:
    """Gives the part of each line that a span covers; an empty span covers one place.

    A line that has nothing but spaces within a longer span has its end before its start: no carets.
    """
    first = lines.position(span.start)
    last = lines.position(max(span.start, span.end - 1))
    ranges: list[Range] = []
    for line in range(first.line, last.line + 1):
        text = lines.line_text(line)
        start = first.column - 1 if line == first.line else len(text) - len(text.lstrip())
        end = len(text.rstrip())
        if line == last.line:
            end = min(last.column if span.end > span.start else last.column - 1, len(text))
        if line == first.line == last.line:
            end = max(end, start)
        elif end <= start:
            end = start - 1
        ranges.append(Range(line, min(start, len(text)), end))
    # Blank lines at the end say nothing, and the label needs carets to stand behind.
    while len(ranges) > 1 and ranges[-1].end < ranges[-1].start:
        ranges.pop()
    if len(ranges) == 1:
        return [ranges[0]._replace(end=max(ranges[0].start, ranges[0].end))]
    return ranges


class _Cell(NamedTuple):
    text: str
    width: int


def _cells(text: str) -> list[_Cell]:
    """What each character looks like, and how many columns of a terminal that takes."""
    cells: list[_Cell] = []
    column = 0
    for char in text:
        if char == "\t":
            size = TAB - column % TAB
            cells.append(_Cell(" " * size, size))
        else:
            shown = visible(char)
            size = cell_len(shown)
            cells.append(_Cell(shown, size))
        column += size
    return cells


def _width(cells: list[_Cell]) -> int:
    return sum(cell.width for cell in cells)


def _window(cells: list[_Cell], part: Range, room: int) -> tuple[int, int]:
    """Chooses the characters of a long line that are shown: from a bit before the span on."""
    if _width(cells) <= room:
        return 0, len(cells)
    room -= 2 * len(_CUT)
    first = min(part.start, len(cells))
    taken = 0
    while first > 0 and taken + cells[first - 1].width <= room // 3:
        first -= 1
        taken += cells[first].width
    last = first
    taken = 0
    while last < len(cells) and taken + cells[last].width <= room:
        taken += cells[last].width
        last += 1
    while first > 0 and last == len(cells) and taken + cells[first - 1].width <= room:
        first -= 1
        taken += cells[first].width
    return first, last
