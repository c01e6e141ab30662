"""Rows as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rich.cells import cell_len

from sqlflow.cli.views.json import json_value
from sqlflow.cli.views.paint import Paint, count, visible

# No column is made narrower than this to let others in; those that still do not fit are counted.
NARROWEST = 6
_GAP = " | "
_CUT = "..."


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, paint: Paint, width: int | None
) -> str:
    """Draws a table of at most `width` columns of a terminal; None is without limit."""
    texts = [[_text(value) for value in row] for row in rows]
    heads = [_one_line(name) for name in columns]
    right = [
        any(row[i] is not None for row in rows) and all(_is_number(row[i]) for row in rows)
        for i in range(len(heads))
    ]
    natural = [
        max(cell_len(text) for text in (head, *(row[i] for row in texts))) for i, head in enumerate(heads)
    ]
    widths = natural if width is None else fit(natural, width)

    def line(cells: Sequence[str], kind: str) -> str:
        parts = [
            paint(_pad(cell, size, right=to_right), kind)
            for cell, size, to_right in zip(cells, widths, right, strict=False)
        ]
        return _GAP.join(parts).rstrip()

    out = [line(heads, "title"), "-+-".join("-" * size for size in widths)]
    out += [line(cells, "") for cells in texts]
    hidden = len(heads) - len(widths)
    if hidden:
        out.append(paint(f"{count(hidden, 'more column')}: widen the terminal, or use --json", "dim"))
    return "\n".join(out)


def fit(natural: Sequence[int], width: int) -> list[int]:
    """Narrows the widest columns until all fit; leaves out the last ones where even that is not enough."""
    widths = list(natural)
    while len(widths) > 1 and sum(min(w, NARROWEST) for w in widths) + len(_GAP) * (len(widths) - 1) > width:
        widths.pop()
    room = max(NARROWEST, width - len(_GAP) * (len(widths) - 1))
    # Columns that need less than their even share leave the rest of it to the others.
    left = room
    for done, index in enumerate(sorted(range(len(widths)), key=lambda i: widths[i])):
        share = left // (len(widths) - done)
        widths[index] = min(widths[index], max(share, min(widths[index], NARROWEST)))
        left -= widths[index]
    return widths


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _one_line(str(json_value(value)))


def _one_line(text: str) -> str:
    return visible(text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\t", "\\t"))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float, Decimal)) and not isinstance(value, bool))


def _pad(text: str, size: int, *, right: bool) -> str:
    if cell_len(text) > size:
        keep = max(1, size - len(_CUT))
        taken = 0
        end = 0
        while end < len(text) and taken + cell_len(text[end]) <= keep:
            taken += cell_len(text[end])
            end += 1
        text = text[:end] + _CUT
    space = " " * max(0, size - cell_len(text))
    return space + text if right else text + space
