"""How two environments compare, as text, as markdown for a pull request, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sqlflow.cli.views.json import json_value
from sqlflow.cli.views.paint import Paint, count, no_colour, visible
from sqlflow.cli.views.table import table

if TYPE_CHECKING:
    from sqlflow.plan.comparison import Comparison, RowsCompared, Side

Record: TypeAlias = dict[str, object]


class Names(NamedTuple):
    """What the two sides are called."""

    left: str
    right: str


def diff_text(found: Sequence[Comparison], names: Names, *, paint: Paint = no_colour) -> str:
    """Draws what differs; what is equal is counted."""
    lines = [paint(_headline(found, names), "title")]
    for one in found:
        if not one.is_equal:
            lines += [
                "",
                f"{paint(f'~ {visible(one.name)}', 'warning')}{_matched(one)}",
                *_told(one, names, paint),
            ]
    return "\n".join(lines)


def diff_markdown(found: Sequence[Comparison], names: Names) -> str:
    """Writes it for a pull request."""
    lines = [f"### {_headline(found, names)}"]
    if any(not one.is_equal for one in found):
        heads = ("model", "rows", f"only in {names.left}", f"only in {names.right}", "equal", "different")
        lines += ["", f"| {' | '.join(map(_cell, heads))} |", "|---|---:|---:|---:|---:|---:|"]
    for one in found:
        if not one.is_equal:
            lines.append(f"| {' | '.join(_cell(cell) for cell in _cells(one))} |")
    for one in found:
        if not one.is_equal:
            told = [line.removeprefix("    ") for line in _told(one, names, no_colour)]
            lines += ["", f"**{visible(one.name)}**{_matched(one)}", "```", *told, "```"]
    return "\n".join(lines)


def diff_record(found: Sequence[Comparison], names: Names) -> Record:
    """Gives it as plain data."""
    return {
        "event": "diff",
        "left": names.left,
        "right": names.right,
        "equal": all(one.is_equal for one in found),
        "models": [
            {
                "id": one.node,
                "name": one.name,
                "equal": one.is_equal,
                "left": str(one.left) if one.left is not None else None,
                "right": str(one.right) if one.right is not None else None,
                "columns": {
                    "added": [column._asdict() for column in one.columns.added],
                    "removed": [column._asdict() for column in one.columns.removed],
                    "retyped": [
                        {"name": name, "left": left, "right": right}
                        for name, left, right in one.columns.retyped
                    ],
                },
                "rows": _rows_record(one.rows) if one.rows is not None else None,
            }
            for one in found
        ],
    }


def _rows_record(rows: RowsCompared) -> Record:
    def side(one: Side, alone: int, first: Sequence[Sequence[object]]) -> Record:
        return {
            "rows": one.rows,
            "only": alone,
            "no_key": one.no_key,
            "repeated_keys": one.repeated_keys,
            "first": [_plain(row) for row in first],
        }

    return {
        "key": list(rows.key.columns),
        "key_from": rows.key.origin.value,
        "why_no_key": rows.key.why_none,
        "compared": list(rows.columns),
        "left": side(rows.left, rows.only_left, rows.first_left),
        "right": side(rows.right, rows.only_right, rows.first_right),
        "equal": rows.equal,
        "different": rows.different,
        "changed": [
            {
                "column": one.name,
                "rows": one.rows,
                "samples": [
                    {"key": _plain(s.key), "left": json_value(s.left), "right": json_value(s.right)}
                    for s in one.samples
                ],
            }
            for one in rows.changed
        ],
    }


def _plain(row: Sequence[object]) -> list[object]:
    return [json_value(value) for value in row]


def _headline(found: Sequence[Comparison], names: Names) -> str:
    differ = sum(not one.is_equal for one in found)
    same = sum(one.is_one for one in found)
    parts = [count(len(found), "model"), f"{differ} differ", f"{len(found) - differ} equal"]
    shared = f", {same} of them one table for both" if same else ""
    return f"diff of {visible(names.left)} and {visible(names.right)}: {', '.join(parts)}{shared}"


def _matched(one: Comparison) -> str:
    rows = one.rows
    if rows is None:
        return ""
    if rows.key.columns:
        return f"  by {', '.join(map(visible, rows.key.columns))} ({rows.key.origin.value})"
    return f"  by whole rows: {visible(rows.key.why_none)}"


def _told(one: Comparison, names: Names, paint: Paint) -> Iterator[str]:
    for side, there in ((names.left, one.left), (names.right, one.right)):
        if there is None:
            yield f"    is not there in {visible(side)}"
    for column in one.columns.removed:
        yield paint(f"    - column  {visible(column.name)} {visible(column.type)}", "error")
    for column in one.columns.added:
        yield paint(f"    + column  {visible(column.name)} {visible(column.type)}", "good")
    for name, left, right in one.columns.retyped:
        yield paint(f"    ~ column  {visible(name)}: {visible(left)} is now {visible(right)}", "warning")
    if one.rows is not None:
        yield from _rows(one.rows, names, paint)
    elif one.left is not None and one.right is not None:
        yield "    no column is on both sides: rows are not compared"


def _rows(rows: RowsCompared, names: Names, paint: Paint) -> Iterator[str]:
    left, right = visible(names.left), visible(names.right)
    facts = [
        f"{rows.only_left:,} only in {left}",
        f"{rows.only_right:,} only in {right}",
        f"{rows.equal:,} equal",
    ]
    facts += [f"{rows.different:,} different"] if rows.key.columns else []
    yield f"    rows    {rows.left.rows:,} and {rows.right.rows:,}: {', '.join(facts)}"
    for name, side in ((left, rows.left), (right, rows.right)):
        if side.no_key:
            yield f"    {count(side.no_key, 'row')} of {name} without a key, not compared"
        if side.repeated_keys:
            yield f"    {count(side.repeated_keys, 'key')} of {name} in several rows, not compared"
    for changed in rows.changed:
        yield paint(f"    ~ value   {visible(changed.name)} in {count(changed.rows, 'row')}", "warning")
        if changed.samples:
            shown = [(*sample.key, sample.left, sample.right) for sample in changed.samples]
            yield from _table((*rows.key.columns, names.left, names.right), shown, paint)
    for name, first in ((left, rows.first_left), (right, rows.first_right)):
        if first:
            yield f"    only in {name}, the first:"
            yield from _table(rows.key.columns or rows.columns, first, paint)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], paint: Paint) -> Iterator[str]:
    for line in table(heads, rows, paint=paint, width=None).splitlines():
        yield f"        {line}"


def _cells(one: Comparison) -> tuple[str, ...]:
    rows = one.rows
    if rows is None:
        return (visible(one.name), "", "", "", "", "")
    counts = (rows.only_left, rows.only_right, rows.equal, rows.different)
    return (visible(one.name), f"{rows.left.rows:,} and {rows.right.rows:,}", *(f"{n:,}" for n in counts))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
