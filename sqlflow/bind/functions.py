"""Ibis models: functions that are compiled to queries once the columns that they read are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlflow.bind.types import NodeSchema
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, has_errors
from sqlflow.core.ids import NodeId
from sqlflow.core.textmap import Segment, TextMap
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Links
from sqlflow.parse.parse import parse_query
from sqlflow.parse.types import ParsedQuery
from sqlflow.project.types import ModelDecl
from sqlflow.render.types import PLACEHOLDER, Reads, Reference, RenderedQuery, placeholder


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionInput:
    """A parameter: the table that the query is to read for it, and its columns, with a type where known."""

    parameter: str
    table: str
    columns: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledFunction:
    """An ibis model as the query that it stands for."""

    query: RenderedQuery
    facts: ParsedQuery
    links: Links


# Compiles the function of a model over its inputs; gives the query in the target's dialect, or what is wrong.
CompileFunction: TypeAlias = Callable[
    [ModelDecl, Sequence[FunctionInput], DialectSpec], tuple[str | None, tuple[Diagnostic, ...]]
]


def compile_function(
    model: ModelDecl,
    parents: Sequence[NodeId],
    schemas: Mapping[NodeId, NodeSchema],
    spec: DialectSpec,
    port: CompileFunction,
) -> tuple[CompiledFunction | None, tuple[Diagnostic, ...]]:
    """Compiles a model whose parents are bound; without their columns nothing is tried and nothing told."""
    function = model.function
    if function is None or len(parents) != len(function.parameters) or any(p not in schemas for p in parents):
        return None, ()
    inputs = tuple(
        FunctionInput(
            parameter=parameter.name,
            table=placeholder(index),
            columns=tuple(
                (column.name, str(column.type) if column.type is not None else None)
                for column in schemas[parent].columns
                if column.name is not None
            ),
        )
        for index, (parameter, parent) in enumerate(zip(function.parameters, parents, strict=True))
    )
    sql, found = port(model, inputs, spec)
    if sql is None:
        return None, found
    whole = TextMap((Segment(0, (model.span,), False),), len(sql))
    query = RenderedQuery(
        text=sql,
        map=whole,
        references=tuple(
            Reference(target=parameter.reference, span=parameter.span) for parameter in function.parameters
        ),
        reads=Reads(vars=frozenset(), env=frozenset(), macros=frozenset(), clock=False),
    )
    facts, wrong = parse_query(sql, whole, spec)
    found += wrong
    if facts is None or has_errors(wrong):
        return None, found
    tables: list[NodeId | None] = []
    for use in facts.tables:
        name = use.parts[-1].text
        match = PLACEHOLDER.fullmatch(name)
        if match is None:
            return None, (*found, _foreign(model, name))
        tables.append(parents[int(match.group(1))])
    return CompiledFunction(
        query=query, facts=facts, links=Links(tables=tuple(tables), references=tuple(parents))
    ), found


def _foreign(model: ModelDecl, name: str) -> Diagnostic:
    return Diagnostic(
        code=Code.IBIS_NOT_RENDERED,
        message=f"`{model.name}` reads the table `{name}`, which is none of its parameters",
        span=model.span,
        help="write a parameter for each table that the function reads: `name: ibis.Table`",
    )
