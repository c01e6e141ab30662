"""Where each part of a derived text came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlflow.core.span import Span


class Segment(NamedTuple):
    """A piece of derived text, from `start` to the start of the next segment.

    `frames` are the places that it came from, the outermost first: the file that was rendered, then the
    macro that it called, and so on; empty where it came from nowhere (text that sqlflow added). `exact`
    says that the innermost frame maps character by character.
    """

    start: int
    frames: tuple[Span, ...]
    exact: bool


class Edit(NamedTuple):
    """A replacement of a half-open range of a text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class TextMap:
    """Segments of a text of `length` characters, in order; the first starts at 0 (none for an empty text)."""

    segments: tuple[Segment, ...]
    length: int

    @staticmethod
    def identity(path: str, text: str) -> TextMap:
        """Maps a file's text to itself."""
        if not text:
            return TextMap((), 0)
        return TextMap((Segment(0, (Span(path, 0, len(text)),), True),), len(text))

    def locate(self, start: int, end: int | None = None) -> tuple[Span, ...]:
        """Gives the frames of a range of the derived text, the outermost first.

        Where the range lies in one exact segment, the innermost frame is narrowed to it. Where it goes
        over several segments of one file, their outermost frames are joined. Text that came from nowhere
        takes the place of what stands before it, or else after it; empty where there is nothing at all.
        """
        if not self.segments:
            return ()
        start = max(0, min(start, self.length))
        end = max(start + 1, end if end is not None else start + 1)
        first = self._index(start)
        last = self._index(min(end, self.length) - 1) if end > start else first
        inside = [i for i in range(first, last + 1) if self.segments[i].frames]
        if not inside:
            near = [i for i in range(first, -1, -1) if self.segments[i].frames][:1]
            near = near or [i for i in range(last, len(self.segments)) if self.segments[i].frames][:1]
            return self.segments[near[0]].frames if near else ()
        if len(inside) == 1:
            return self._narrow(inside[0], start, end)
        return self._join(inside, start, end)

    def _index(self, offset: int) -> int:
        return max(0, bisect_right(self.segments, offset, key=lambda s: s.start) - 1)

    def _narrow(self, index: int, start: int, end: int) -> tuple[Span, ...]:
        segment = self.segments[index]
        if not segment.exact:
            return segment.frames
        inner = segment.frames[-1]
        begin = inner.start + max(0, start - segment.start)
        stop = inner.start + max(0, end - segment.start)
        return (*segment.frames[:-1], Span(inner.path, min(begin, inner.end), min(stop, inner.end)))

    def _join(self, indexes: Sequence[int], start: int, end: int) -> tuple[Span, ...]:
        outer = [self._narrow(i, start, end)[0] for i in indexes]
        same = [span for span in outer if span.path == outer[0].path]
        return (Span(outer[0].path, min(s.start for s in same), max(s.end for s in same)),)

    def shifted(self, by: int) -> TextMap:
        """The map of the same text with `by` characters of no origin put before it."""
        if by == 0:
            return self
        moved = tuple(Segment(s.start + by, s.frames, s.exact) for s in self.segments)
        return TextMap((Segment(0, (), False), *moved), self.length + by)


def splice(text: str, text_map: TextMap, edits: Iterable[Edit]) -> tuple[str, TextMap]:
    """Applies edits that do not overlap; what an edit puts in has the place of what it replaced."""
    parts: list[str] = []
    segments: list[Segment] = []
    position = 0
    length = 0

    def keep(upto: int) -> None:
        nonlocal length
        if upto <= position:
            return
        segments.extend(_cut(text_map, position, upto, length))
        parts.append(text[position:upto])
        length += upto - position

    for edit in sorted(edits):
        if edit.start < position:
            raise ValueError(f"edits overlap at {edit.start}")
        keep(edit.start)
        position = edit.end
        if edit.text:
            segments.append(Segment(length, text_map.locate(edit.start, edit.end), False))
            parts.append(edit.text)
            length += len(edit.text)
    keep(len(text))
    return "".join(parts), TextMap(tuple(segments), length)


def _cut(text_map: TextMap, start: int, end: int, at: int) -> list[Segment]:
    """Takes the segments of a range, moved so that the range begins at `at`."""
    out: list[Segment] = []
    segments = text_map.segments
    index = max(0, bisect_right(segments, start, key=lambda s: s.start) - 1)
    while index < len(segments) and segments[index].start < end:
        segment = segments[index]
        begin = max(segment.start, start)
        frames = segment.frames
        if segment.exact and begin > segment.start:
            inner = frames[-1]
            frames = (*frames[:-1], Span(inner.path, inner.start + begin - segment.start, inner.end))
        out.append(Segment(at + begin - start, frames, segment.exact))
        index += 1
    return out
