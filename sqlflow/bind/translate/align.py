"""Finds for each word of a generated text the word that it came from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token

from sqlflow.core.textmap import Segment, TextMap

# How many words are looked ahead for the same one: what was moved further has the place of its neighbours.
_AHEAD = 40


def aligned(
    text: str, tokens: Sequence[Token], written: Sequence[Token], written_map: TextMap, length: int
) -> TextMap:
    """Maps a text to the template of the text that it was generated from.

    `tokens` are the generated text's, `written` those of the other, which `written_map` maps; `length` is
    the other's. A word that is in both, in the same order, has its own place; what stands between two such
    words has what stands between them there.
    """
    words = [token.text.upper() for token in written]
    segments: list[Segment] = []
    last, end = 0, 0
    whole = written_map.locate(0, length)
    for token in tokens:
        found = _next(words, token.text.upper(), last)
        if found is None:
            continue
        if token.start > end or not segments:
            before = written[last - 1].end + 1 if last else 0
            between = written_map.locate(before, max(before + 1, written[found].start))
            segments.append(Segment(end, between or whole, False))
        place = written[found]
        segments.append(Segment(token.start, written_map.locate(place.start, place.end + 1), False))
        last, end = found + 1, token.end + 1
    if end < len(text):
        segments.append(Segment(end, written_map.locate(max(0, length - 1), length) or whole, False))
    kept = [s for i, s in enumerate(segments) if i + 1 == len(segments) or segments[i + 1].start > s.start]
    return TextMap(tuple(kept), len(text))


def _next(words: Sequence[str], word: str, start: int) -> int | None:
    for index in range(start, min(start + _AHEAD, len(words))):
        if words[index] == word:
            return index
    return None
