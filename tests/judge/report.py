"""Figures as tables that a page of the documentation can include."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Target(NamedTuple):
    """A figure that has to be reached: what it is, whether it is, and how it reads."""

    what: str
    held: bool
    figure: str


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lays out a Markdown table, numbers to the right."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    lines = [_line(header, widths), "|" + "|".join(_rule(i, w) for i, w in enumerate(widths)) + "|"]
    return "\n".join([*lines, *(_line(row, widths) for row in cells)])


def targets(items: Iterable[Target]) -> str:
    """Lays out targets and whether they are held."""
    return table(("target", "figure", "held"), [(t.what, t.figure, "yes" if t.held else "NO") for t in items])


def percent(part: int, whole: int) -> str:
    """Gives a share with two digits, rounded down, so that 100.00% is all of it."""
    if whole == 0:
        return "-"
    hundredths = part * 10_000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02}%"


def clipped(lines: Sequence[str], most: int) -> str:
    """Joins the first lines and says how many more there are."""
    more = len(lines) - most
    return "\n".join([*lines[:most], *([f"... and {more} more"] if more > 0 else [])])


def _text(cell: object) -> str:
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def _rule(index: int, width: int) -> str:
    return "-" * (width + 2) if index == 0 else "-" * (width + 1) + ":"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
    return "| " + " | ".join(parts) + " |"
