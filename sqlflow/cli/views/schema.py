"""What is known of the columns of nodes, as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sqlflow.cli.views.paint import Paint, count, visible
from sqlflow.cli.views.table import table
from sqlflow.core.ids import NodeId
from sqlflow.core.schema import Nullability

if TYPE_CHECKING:
    from sqlflow.bind.types import NodeSchema, SchemaColumn

Record: TypeAlias = dict[str, object]

# What stands for the name of a column that has none of its own.
UNNAMED = "(unnamed)"
_UNKNOWN = "unknown"


class Checked(NamedTuple):
    """What a check found of one model: a column that has no type is in `unknown`, with the reason."""

    id: NodeId
    name: str
    columns: int
    not_null: int
    unknown: tuple[tuple[str | None, str], ...]
    why_open: str

    @property
    def typed(self) -> int:
        """The number of columns whose type is known."""
        return self.columns - len(self.unknown)


def schema_text(
    name: str, schema: NodeSchema, descriptions: Mapping[str, str], *, paint: Paint, width: int | None
) -> str:
    """Draws the columns of a node. `descriptions` are by the lower case name of a column."""
    rows = [
        (
            column.name if column.name is not None else UNNAMED,
            str(column.type) if column.type is not None else _UNKNOWN,
            _null(column),
            _description(column, descriptions),
        )
        for column in schema.columns
    ]
    blocks = (
        [table(("column", "type", "null", "description"), rows, paint=paint, width=width)] if rows else []
    )
    unknown = [(column.name, column.why) for column in schema.columns if column.type is None]
    if unknown:
        blocks.append(_listed("unknown types", [_reason(*found) for found in unknown], paint))
    if schema.open:
        blocks.append(_listed("there may be more columns", [schema.why_open], paint))
    if schema.opaque:
        blocks.append(
            paint("lineage", "title") + f": any column of {visible(name)} may come from all that it reads"
        )
    return "\n\n".join(blocks) if blocks else f"{visible(name)} has no columns"


def schema_record(id: NodeId, name: str, schema: NodeSchema, descriptions: Mapping[str, str]) -> Record:
    """Gives the columns of a node; a type that is not known is null, and `why` says why."""
    return {
        "event": "schema",
        "id": id,
        "name": name,
        "columns": [
            {
                "name": column.name,
                "type": str(column.type) if column.type is not None else None,
                "why": column.why if column.type is None else "",
                "null": column.null.value,
                "description": _description(column, descriptions),
            }
            for column in schema.columns
        ],
        "open": schema.open,
        "why_open": schema.why_open,
        "opaque": schema.opaque,
    }


def checked(id: NodeId, name: str, schema: NodeSchema) -> Checked:
    """Counts what is known of a model's columns."""
    return Checked(
        id=id,
        name=name,
        columns=len(schema.columns),
        not_null=sum(column.null is Nullability.NOT_NULL for column in schema.columns),
        unknown=tuple((column.name, column.why) for column in schema.columns if column.type is None),
        why_open=schema.why_open if schema.open else "",
    )


def check_text(models: Sequence[Checked], *, paint: Paint, width: int | None) -> str:
    """Draws the account of a check; the totals are its last line."""
    blocks: list[str] = []
    if models:
        rows = [(model.name, model.columns, model.typed, model.not_null) for model in models]
        blocks.append(table(("model", "columns", "typed", "not null"), rows, paint=paint, width=width))
    unknown = [f"{model.name}.{_reason(name, why)}" for model in models for name, why in model.unknown]
    if unknown:
        blocks.append(_listed("unknown types", unknown, paint))
    open_ = [f"{model.name}: {model.why_open}" for model in models if model.why_open]
    if open_:
        blocks.append(_listed("there may be more columns", open_, paint))
    blocks.append(_totals(models))
    return "\n\n".join(blocks)


def check_records(models: Sequence[Checked]) -> list[Record]:
    """Gives an object for each model and one for all of them."""
    records: list[Record] = [
        {
            "event": "checked",
            "id": model.id,
            "name": model.name,
            "columns": model.columns,
            "typed": model.typed,
            "not_null": model.not_null,
            "unknown": [{"column": name, "why": why} for name, why in model.unknown],
            "open": bool(model.why_open),
            "why_open": model.why_open,
        }
        for model in models
    ]
    records.append(
        {
            "event": "check_finished",
            "models": len(models),
            "columns": sum(model.columns for model in models),
            "typed": sum(model.typed for model in models),
            "unknown": sum(len(model.unknown) for model in models),
            "not_null": sum(model.not_null for model in models),
        }
    )
    return records


def _totals(models: Sequence[Checked]) -> str:
    columns, typed = sum(model.columns for model in models), sum(model.typed for model in models)
    return (
        f"{count(len(models), 'model')}, {count(columns, 'column')}: "
        f"{typed:,} typed, {columns - typed:,} unknown"
    )


def _null(column: SchemaColumn) -> str:
    return column.null.value.replace("_", " ")


def _description(column: SchemaColumn, descriptions: Mapping[str, str]) -> str:
    return " ".join(descriptions.get((column.name or "").lower(), "").split())


def _reason(name: str | None, why: str) -> str:
    return f"{name if name is not None else UNNAMED}: {why}"


def _listed(title: str, lines: Sequence[str], paint: Paint) -> str:
    return "\n".join([f"{paint(title, 'title')}:", *(f"  {visible(line)}" for line in lines)])
