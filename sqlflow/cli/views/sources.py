"""What the warehouse says of sources, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from sqlflow.cli.views.paint import Paint, count, visible

if TYPE_CHECKING:
    from sqlflow.apply.pull import ColumnChange, PulledSources, PulledTable

Record: TypeAlias = dict[str, object]


def table_lines(table: PulledTable, *, paint: Paint) -> Iterator[str]:
    """Draws a table with what differs from what was written down of it."""
    if table.now is None:
        yield f"{visible(table.name)}  {paint('gone', 'warning')}"
        return
    columns = count(len(table.now), "column")
    if table.before is None:
        yield f"{visible(table.name)}  {columns}, {paint('new', 'good')}"
    elif not table.is_changed:
        yield f"{visible(table.name)}  {columns}"
    else:
        yield f"{visible(table.name)}  {columns}, {paint('changed', 'warning')}"
        yield from (f"  {visible(_change(change))}" for change in table.changes)


def pull_records(pulled: PulledSources) -> Iterator[Record]:
    """Gives an object for each table and one for all of them."""
    for table in pulled.tables:
        yield {
            "event": "source_pulled",
            "name": table.name,
            "status": _status(table),
            "columns": [
                {"name": column.name, "type": column.type, "nullable": column.nullable}
                for column in table.now or ()
            ],
            "changes": [
                {"name": change.name, "before": change.before, "now": change.now} for change in table.changes
            ],
        }
    yield {
        "event": "pull_finished",
        "path": pulled.path,
        "tables": len(pulled.tables),
        "changed": sum(table.is_changed for table in pulled.tables),
        "is_current": pulled.is_current,
        "written": pulled.written,
    }


def _status(table: PulledTable) -> str:
    if table.now is None:
        return "gone"
    if table.before is None:
        return "new"
    return "changed" if table.is_changed else "same"


def _change(change: ColumnChange) -> str:
    if change.before is None:
        return f"+ {change.name} {change.now}"
    if change.now is None:
        return f"- {change.name} {change.before}"
    if change.before == change.now:
        return f"~ {change.name} has another place"
    return f"~ {change.name} {change.before} -> {change.now}"
