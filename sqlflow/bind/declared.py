"""Compares what properties declare of columns with what a model's query gives, or the warehouse told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlflow.bind.catalog import declared_columns, says_as_much
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label, Severity, did_you_mean
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.core.span import Span
from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.catalog import CATALOG_FILE, CatalogColumn
from sqlflow.project.types import ColumnDecl, ModelDecl, SourceDecl

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules


def check_declared(
    model: ModelDecl,
    schema: NodeSchema,
    *,
    enforced: bool,
    tested: frozenset[str],
    spec: DialectSpec,
    rules: TypeRules | None,
) -> Iterator[Diagnostic]:
    """Tells where the declared columns and those of the query differ.

    A contract that is `enforced` makes errors of that, and wants all columns to be declared. `schema` is what
    the query gives; `tested` are the columns, by their key, that an error-level test holds to be not null.
    """
    declared = {name_key(spec, column.name): column for column in model.columns}
    found = {name_key(spec, column.name): column for column in schema.columns if column.name}
    if enforced:
        yield from _missing(model, schema, declared, found)
        yield from _extra(model, declared, found)
        if schema.open:
            yield _unproven(model.span, f"the contract of `{model.name}` can't be checked: {schema.why_open}")
    for key, column in declared.items():
        given = found.get(key)
        if given is None:
            continue
        yield from _type(column, given, enforced, rules)
        if enforced:
            yield from _null(column, given, key in tested)


def check_source(
    source: SourceDecl, pulled: Sequence[CatalogColumn], spec: DialectSpec, rules: TypeRules | None
) -> Iterator[Diagnostic]:
    """Tells where a source's declared columns are not those that the warehouse had when it was asked."""
    known = {column.name: column for column in pulled}
    for name, column in declared_columns(source, pulled, spec).items():
        found = known.get(name)
        if found is None:
            yield Diagnostic(
                code=Code.SOURCE_DIFFERS,
                message=f"the warehouse has no column `{column.name}` in `{source.source}.{source.name}`",
                severity=Severity.WARNING,
                span=column.span,
                label="declared here",
                help=did_you_mean(column.name, list(known))
                or f"take it out, or run `sqlflow sources pull` where it is newer than {CATALOG_FILE}",
            )
            continue
        kind = rules.cast(column.data_type) if rules is not None and column.data_type else None
        told = rules.cast(found.type) if rules is not None else None
        if kind is not None and told is not None and not says_as_much(kind, told):
            yield Diagnostic(
                code=Code.SOURCE_DIFFERS,
                message=f"`{column.name}` is {told} in the warehouse, and {column.data_type} is declared",
                severity=Severity.WARNING,
                span=column.type_span or column.span,
                label="declared here, and taken for its type",
                labels=(Label(found.span, "told by the warehouse"),) if found.span is not None else (),
                help=f"declare `data_type: {told}`, or nothing; or run `sqlflow sources pull` where the "
                "warehouse has changed",
            )


def check_file(
    source: SourceDecl, schema: NodeSchema, spec: DialectSpec, rules: TypeRules | None
) -> Iterator[Diagnostic]:
    """Tells where a source's declared columns are not those of its file, whose own are used."""
    known = {name_key(spec, column.name): column for column in schema.columns if column.name}
    for column in source.columns:
        found = known.get(name_key(spec, column.name)) or known.get(lookup_key(spec, column.name))
        if found is None:
            yield Diagnostic(
                code=Code.SOURCE_DIFFERS,
                message=f"`{source.location}` has no column `{column.name}`",
                severity=Severity.WARNING,
                span=column.span,
                label="declared here",
                help=did_you_mean(column.name, [one.name for one in schema.columns if one.name])
                or "take it out",
            )
            continue
        kind = rules.cast(column.data_type) if rules is not None and column.data_type else None
        if kind is not None and found.type is not None and not says_as_much(kind, found.type):
            yield Diagnostic(
                code=Code.SOURCE_DIFFERS,
                message=f"`{column.name}` is {found.type} in `{source.location}`, and {column.data_type} is "
                "declared",
                severity=Severity.WARNING,
                span=column.type_span or column.span,
                label="declared here, and not used",
                help=f"declare `data_type: {found.type}`, or nothing, and cast it in the model that reads it",
            )


def _missing(
    model: ModelDecl,
    schema: NodeSchema,
    declared: Mapping[str, ColumnDecl],
    found: Mapping[str, SchemaColumn],
) -> Iterator[Diagnostic]:
    if schema.open or any(column.name is None for column in schema.columns):
        return
    names = [column.name for key, column in found.items() if key not in declared and column.name]
    for key, column in declared.items():
        if key not in found:
            yield Diagnostic(
                code=Code.CONTRACT_COLUMN_MISSING,
                message=f"`{model.name}` has no column `{column.name}`, which its contract promises",
                span=column.span,
                label="promised here",
                labels=(Label(model.span, "this query doesn't give it"),),
                help=did_you_mean(column.name, names)
                or "add it to the query, or take it out of the contract",
            )


def _extra(
    model: ModelDecl, declared: Mapping[str, ColumnDecl], found: Mapping[str, SchemaColumn]
) -> Iterator[Diagnostic]:
    for key, column in found.items():
        if key not in declared:
            yield Diagnostic(
                code=Code.CONTRACT_COLUMN_EXTRA,
                message=f"`{column.name}` is not in the contract of `{model.name}`",
                span=column.span or model.span,
                label="given here",
                help=f"declare it: `- name: {column.name}`, or take it out of the query",
            )


def _type(
    declared: ColumnDecl, given: SchemaColumn, enforced: bool, rules: TypeRules | None
) -> Iterator[Diagnostic]:
    if declared.data_type is None:
        if enforced:
            yield Diagnostic(
                code=Code.MISSING_SETTING,
                message=f"`{declared.name}` has no `data_type`, and its contract is enforced",
                span=declared.span,
                label="no `data_type` here",
                help=f"add `data_type: {given.type}`" if given.type is not None else "add `data_type:`",
            )
        return
    place = declared.type_span or declared.span
    kind = rules.cast(declared.data_type) if rules is not None else None
    if rules is None or kind is None or given.type is None:
        if enforced:
            why = given.why if given.type is None else f"{declared.data_type} is no type that is known"
            yield _unproven(place, f"the type of `{declared.name}` can't be checked: {why}")
        return
    if says_as_much(kind, given.type):
        return
    narrow = _is_wider(given.type, kind, rules)
    message = f"`{declared.name}` is {given.type}, and {declared.data_type} is declared"
    yield Diagnostic(
        code=Code.NARROWED_TYPE if narrow else Code.DECLARED_TYPE,
        message=message + (", which holds less" if narrow else ""),
        severity=Severity.ERROR if enforced else Severity.WARNING,
        span=place,
        label="declared here",
        labels=(Label(given.span, "given here"),) if given.span is not None else (),
        help=f"cast it: `CAST(... AS {declared.data_type})`, or declare `data_type: {given.type}`",
    )


def _is_wider(given: SqlType, declared: SqlType, rules: TypeRules) -> bool:
    """Whether the given type holds all values of the declared one, and more."""
    return rules.common([given, declared]) == given and rules.common([declared, given]) == given


def _null(declared: ColumnDecl, given: SchemaColumn, is_tested: bool) -> Iterator[Diagnostic]:
    promise = next((c for c in declared.constraints if c.type == "not_null"), None)
    if promise is None or is_tested or given.null is Nullability.NOT_NULL:
        return
    if given.null is Nullability.UNKNOWN:
        yield _unproven(promise.span, f"it is not known whether `{declared.name}` can be NULL")
        return
    yield Diagnostic(
        code=Code.CONTRACT_NULL,
        message=f"`{declared.name}` can be NULL, and its contract says that it is not",
        span=promise.span,
        label="promised here",
        labels=(Label(given.span, "given here"),) if given.span is not None else (),
        help="filter or replace the NULLs, or add the test `not_null`, which is run before others read it",
    )


def _unproven(span: Span, message: str) -> Diagnostic:
    return Diagnostic(
        code=Code.CONTRACT_UNPROVEN,
        message=message,
        severity=Severity.WARNING,
        span=span,
        help="cast the column, or add a test that holds it to its contract",
    )
