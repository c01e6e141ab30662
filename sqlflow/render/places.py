"""Offsets of a template's tokens in its file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from jinja2.exceptions import TemplateSyntaxError

from sqlflow.core.span import Span

_BREAK = re.compile(r"\r\n|\r")
_WORD = re.compile(r"\w+|[{}%#]{2}|[^\w\s]|$")
_BEGIN = frozenset({"variable_begin", "block_begin"})
_END = frozenset({"variable_end", "block_end"})

# What Jinja's lexer gives for a token: a line number (here an offset), the kind, the text.
RawToken = tuple[int, str, str]


class Places:
    """Where the tags and the literals of one template stand in its file."""

    __slots__ = ("_crlf", "_normal", "ends", "literals", "path", "starts", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.literals: dict[int, int] = {}
        self._normal = _BREAK.sub("\n", text) if "\r" in text else text
        self._crlf: list[int] = []
        if len(self._normal) != len(text):
            pairs = [found.start() for found in re.finditer("\r\n", text)]
            self._crlf = [start - index + 1 for index, start in enumerate(pairs)]

    def offset(self, normal: int) -> int:
        """Gives the file's offset of an offset in the text whose line breaks Jinja made uniform."""
        return normal + bisect_right(self._crlf, normal) if self._crlf else normal

    def numbered(self, tokens: Callable[[str], Iterator[RawToken]]) -> Iterator[RawToken]:
        """Numbers tokens by their offset in the file instead of their line.

        Tokens stand one after the other, but for white space that a tag with a minus sign took away
        before it. A syntax error carries the offset at which the lexer stopped, as its line number.
        """
        normal = self._normal
        position = 0
        opened = 0
        try:
            for _, kind, value in tokens(normal):
                if not normal.startswith(value, position):
                    while normal[position : position + 1].isspace() and not normal.startswith(
                        value, position
                    ):
                        position += 1
                start = self.offset(position)
                position += len(value)
                if kind in _BEGIN:
                    opened = start
                elif kind in _END:
                    self.starts.append(opened)
                    self.ends.append(start + len(value.rstrip()))
                elif kind == "data":
                    self.literals[start] = self.offset(position)
                yield start, kind, value
        except TemplateSyntaxError as error:
            # Errors of the parser pass through the generator's consumer, not through here.
            while normal[position : position + 1].isspace():
                position += 1
            raise TemplateSyntaxError(str(error.message), self.offset(position)) from None

    def tag(self, offset: int) -> Span:
        """Gives the place of the `{{ }}` or `{% %}` that an offset lies in, or else of the word there."""
        index = bisect_right(self.starts, offset) - 1
        if index >= 0 and offset < self.ends[index]:
            return Span(self.path, self.starts[index], self.ends[index])
        return self.word(offset)

    def word(self, offset: int) -> Span:
        """Gives the place of the word or the sign that stands at an offset."""
        offset = max(0, min(offset, len(self.text)))
        found = _WORD.search(self.text, offset)
        if found is None or found.start() == found.end():
            kept = len(self.text.rstrip())
            return Span(self.path, max(0, kept - 1), kept)
        return Span(self.path, found.start(), found.end())
