"""Where a node of a syntax tree stands in the text."""

from __future__ import annotations

from sqlglot import exp


def extent(node: exp.Expr) -> tuple[int, int] | None:
    """Gives the range of a node, as far as what lies in it has a place; None where nothing has.

    sqlglot places identifiers, literals, stars and most function names: the range of anything else is that
    of what it holds.
    """
    start: int | None = None
    end = 0
    for part in node.walk():
        place = part.meta.get("start") if part.meta else None
        if place is None:
            continue
        start = place if start is None else min(start, place)
        end = max(end, part.meta["end"] + 1)
    return None if start is None else (start, end)


def place_of(node: exp.Expr, text: str) -> tuple[int, int]:
    """Gives the range of a node, with the brackets that close what was opened in it; the first character
    where nothing of it has a place.

    The parser gives brackets none.
    """
    start, end = extent(node) or (0, 1)
    opened = text.count("(", start, end) - text.count(")", start, end)
    while opened > 0 and (after := text[end:].lstrip()).startswith(")") and len(text) - len(after) - end < 80:
        end, opened = len(text) - len(after) + 1, opened - 1
    return start, end


def start_of(node: exp.Expr) -> int:
    """Gives where a node begins, for putting nodes in the order of the text; 0 where that is not known."""
    found = extent(node)
    return found[0] if found else 0
