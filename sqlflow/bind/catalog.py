"""The columns of what the project reads and does not compute: sources, seeds, dataframe models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from sqlflow.bind.query.values import NONE
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.relation import Column
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.catalog import CatalogColumn
from sqlflow.project.types import ColumnDecl, ModelDecl, SeedDecl, SourceDecl

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules


_NULLS: Mapping[bool | None, Nullability] = MappingProxyType(
    {None: Nullability.UNKNOWN, True: Nullability.NULLABLE, False: Nullability.NOT_NULL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileColumns:
    """The columns of a data file, in order; a type is empty where the engine decides it on its own."""

    columns: tuple[Column, ...]


# Reads the columns of a file; None where it can't be read. Takes its path, the delimiter of a csv, the types
# that are declared, and whether the engine reads the file in place.
DescribeFile: TypeAlias = Callable[[str, str, Mapping[str, str], bool], FileColumns | None]


def source_schema(
    source: SourceDecl,
    pulled: Sequence[CatalogColumn] | None,
    spec: DialectSpec,
    rules: TypeRules | None,
    describe: DescribeFile,
    reader: DialectSpec,
) -> NodeSchema:
    """Gives a source's columns: those of its file, else those that the warehouse told when it was asked.

    Where neither is there, they are the declared ones, of which there may be more. `reader` is the
    dialect of the engine that reads files, `spec` that of the models.
    """
    if source.location is not None:
        suffix = f".{source.location.rsplit('.', 1)[-1].lower()}"
        found = describe(source.location, ",", {}, suffix in reader.file_readers)
        if found is not None:
            return _schema(found.columns, source.columns, spec, rules)
        return _declared(source.columns, rules, open=True, why=f"{source.location} can't be read")
    if pulled is not None:
        return _pulled(source, pulled, spec, rules)
    why = f"the warehouse may have more columns of {source.source}.{source.name} than are declared"
    return _declared(source.columns, rules, open=True, why=why)


def seed_schema(
    seed: SeedDecl,
    delimiter: str,
    types: Mapping[str, str],
    spec: DialectSpec,
    rules: TypeRules | None,
    describe: DescribeFile,
) -> NodeSchema:
    """Gives a seed's columns, with the types that loading gives them."""
    found = describe(seed.path, delimiter, types, False)
    if found is None:
        return _declared(seed.columns, rules, open=True, why=f"{seed.path} can't be read")
    return _schema(found.columns, seed.columns, spec, rules)


def function_schema(model: ModelDecl, rules: TypeRules | None) -> NodeSchema:
    """Gives a dataframe model's declared columns; only running it tells whether there are more."""
    return _declared(
        model.columns, rules, open=True, why=f"{model.name} is computed by a function", opaque=True
    )


def _schema(
    found: Sequence[Column], declared: Sequence[ColumnDecl], spec: DialectSpec, rules: TypeRules | None
) -> NodeSchema:
    types = {lookup_key(spec, column.name): column.data_type for column in declared if column.data_type}
    columns = tuple(
        _column(column.name, column.type or types.get(lookup_key(spec, column.name)), rules)
        for column in found
    )
    return NodeSchema(columns=columns, rows=NONE, open=False, why_open="", opaque=False)


def declared_columns(
    source: SourceDecl, pulled: Sequence[CatalogColumn], spec: DialectSpec
) -> Mapping[str, ColumnDecl]:
    """Gives the declared columns by the warehouse's names for them, or their own where it has none."""
    stored = {name_key(spec, column.name): column.name for column in pulled}
    keys = ((name_key(spec, column.name), lookup_key(spec, column.name)) for column in source.columns)
    return {
        next((stored[key] for key in pair if key in stored), column.name): column
        for column, pair in zip(source.columns, keys, strict=True)
    }


def says_as_much(declared: SqlType, found: SqlType) -> bool:
    """Whether a declared type is the found one, or the same without its precision."""
    return declared == found or (not declared.numbers and not declared.parts and declared.name == found.name)


def _pulled(
    source: SourceDecl, pulled: Sequence[CatalogColumn], spec: DialectSpec, rules: TypeRules | None
) -> NodeSchema:
    declared = dict(declared_columns(source, pulled, spec))
    columns: list[SchemaColumn] = []
    for found in pulled:
        said = declared.pop(found.name, None)
        column = _column(found.name, found.type, rules)
        if said is not None and said.data_type:
            own = _column(found.name, said.data_type, rules)
            if own.type is None or column.type is None or not says_as_much(own.type, column.type):
                column = own
        columns.append(replace(column, null=_NULLS[found.nullable]))
    columns += (_column(column.name, column.data_type, rules) for column in declared.values())
    return NodeSchema(columns=tuple(columns), rows=NONE, open=False, why_open="", opaque=False)


def _declared(
    columns: Sequence[ColumnDecl], rules: TypeRules | None, *, open: bool, why: str, opaque: bool = False
) -> NodeSchema:
    return NodeSchema(
        columns=tuple(_column(column.name, column.data_type, rules) for column in columns),
        rows=NONE,
        open=open,
        why_open=why,
        opaque=opaque,
    )


def _column(name: str, written: str | None, rules: TypeRules | None) -> SchemaColumn:
    type: SqlType | None = None
    why = ""
    if not written:
        why = f"the type of {name} is not declared"
    elif rules is None:
        why = "there are no type rules for this dialect"
    else:
        type = rules.cast(written)
        why = "" if type is not None else f"{written} is no type that is known"
    return SchemaColumn(
        name=name, type=type, why=why, null=Nullability.UNKNOWN, sources=NONE, text="", span=None
    )
