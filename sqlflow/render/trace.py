"""Text that remembers which places of which templates it was made from."""

from __future__ import annotations

from collections.abc import Iterable

from sqlflow.core.span import Span
from sqlflow.core.textmap import Segment, TextMap

# A text that is printed through more expressions than this has no finer place: a set block that prints
# itself in a loop would otherwise make frames as deep as the loop is long.
MAX_FRAMES = 16


class Traced(str):
    """A text with its origin; whatever a template does with it gives plain text, as with any string.

    A literal has a place and no parts. What an expression printed has the expression's place, and as its
    part the text that the expression gave, if that was traced. A concatenation has parts and no place.
    Names begin with an underscore because the sandbox keeps templates from such names.
    """

    __slots__ = ("_parts", "_span")
    _span: Span | None
    _parts: tuple[str, ...] | None

    def __new__(cls, text: str, span: Span | None = None, parts: tuple[str, ...] | None = None) -> Traced:
        """Makes a text with its origin; without one it is plain text."""
        self = super().__new__(cls, text)
        self._span = span
        self._parts = parts
        return self

    def origin(self) -> tuple[Span | None, tuple[str, ...] | None]:
        """Gives the place and the parts."""
        return self._span, self._parts


def literal(text: str, span: Span, file_text: str) -> Traced:
    """Traces text that stands in a template: `file_text` is what the file has there.

    The two differ where Jinja made a line break of the file's carriage return: each is a part of its own,
    so that the lines between them still map character by character.
    """
    if text == file_text:
        return Traced(text, span)
    parts: list[str] = []
    at = span.start
    for line in file_text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        ending = line[len(body) :]
        if ending in ("", "\n"):
            parts.append(Traced(line, Span(span.path, at, at + len(line))))
        else:
            parts.append(Traced(body, Span(span.path, at, at + len(body))))
            end = Span(span.path, at + len(body), at + len(line))
            parts.append(Traced("\n", end, ()))
        at += len(line)
    return Traced(text, None, tuple(parts))


def printed(span: Span, value: object) -> Traced:
    """Traces what an expression at a place printed."""
    if type(value) is Traced:
        return Traced(value, span, (value,))
    return Traced(str(value), span, ())


def joined(values: Iterable[object]) -> str:
    """Concatenates outputs and keeps their origins."""
    parts = tuple(value if isinstance(value, str) else str(value) for value in values)
    if len(parts) == 1:
        return parts[0]
    return Traced("".join(parts), None, parts)


def text_map(text: str) -> TextMap:
    """Gives the map of a text that may be traced."""
    segments: list[Segment] = []
    length = 0
    stack: list[tuple[str, tuple[Span, ...]]] = [(text, ())]
    while stack:
        value, frames = stack.pop()
        if not value:
            continue
        span, parts = value.origin() if isinstance(value, Traced) else (None, None)
        if span is not None:
            frames = (*frames, span)
        if parts and len(frames) < MAX_FRAMES:
            stack.extend((part, frames) for part in reversed(parts))
            continue
        segments.append(Segment(length, frames, span is not None and parts is None))
        length += len(value)
    return TextMap(tuple(segments), length)
