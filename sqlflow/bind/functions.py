"""Ibis models: functions that are compiled to queries once the columns that they read are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlflow.bind.types import NodeSchema
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity, has_errors
from sqlflow.core.ids import NodeId
from sqlflow.core.moments import MomentType
from sqlflow.core.textmap import Segment, TextMap
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Graph, Links
from sqlflow.parse.parse import parse_query
from sqlflow.parse.types import Parsed, ParsedQuery, QueryKey
from sqlflow.project.types import ModelDecl, Parameter
from sqlflow.render.types import PLACEHOLDER, Reads, Reference, Rendered, RenderedQuery, placeholder


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionInput:
    """A parameter: the table that the query is to read for it, and its columns, with a type where known.

    It `is_open` where the table may have more of them.
    """

    parameter: str
    table: str
    columns: tuple[tuple[str, str | None], ...]
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledFunction:
    """An ibis model as the query that it stands for."""

    query: RenderedQuery
    facts: ParsedQuery
    links: Links


# Compiles the function of a model over its inputs, and over moments of a type; gives the query in the
# target's dialect, or what is wrong.
CompileFunction: TypeAlias = Callable[
    [ModelDecl, Sequence[FunctionInput], MomentType, DialectSpec],
    tuple[str | None, tuple[Diagnostic, ...]],
]


def compile_function(
    model: ModelDecl,
    parents: Sequence[NodeId],
    schemas: Mapping[NodeId, NodeSchema],
    moments: MomentType,
    spec: DialectSpec,
    port: CompileFunction | None,
) -> tuple[CompiledFunction | None, tuple[Diagnostic, ...]]:
    """Compiles a model whose parents are bound; without their columns nothing is tried and nothing told.

    Without a `port` no function is called, and that is what is told. `moments` is the type of those that it
    gets of a batch.
    """
    function = model.function
    if function is None or len(parents) != len(function.parameters) or any(p not in schemas for p in parents):
        return None, ()
    if port is None:
        return None, (_not_compiled(model),)
    inputs = tuple(
        FunctionInput(
            parameter=parameter.name,
            table=placeholder(index),
            columns=tuple(
                (column.name, str(column.type) if column.type is not None else None)
                for column in schemas[parent].columns
                if column.name is not None
            ),
            is_open=schemas[parent].open,
        )
        for index, (parameter, parent) in enumerate(zip(function.parameters, parents, strict=True))
    )
    empty = [parameter for parameter, one in zip(function.parameters, inputs, strict=True) if not one.columns]
    if empty:
        return None, tuple(_empty(model, parameter) for parameter in empty)
    sql, found = port(model, inputs, moments, spec)
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


def with_compiled(
    rendered: Rendered, parsed: Parsed, graph: Graph, compiled: Mapping[NodeId, CompiledFunction]
) -> tuple[Rendered, Parsed, Graph]:
    """Gives the stages with the queries of ibis models in them, as if they had been written in SQL."""
    if not compiled:
        return rendered, parsed, graph
    models = {node: replace(rendered.models[node], full=one.query) for node, one in compiled.items()}
    facts = {QueryKey(node, "full"): one.facts for node, one in compiled.items()}
    links = {QueryKey(node, "full"): one.links for node, one in compiled.items()}
    return (
        replace(rendered, models={**rendered.models, **models}),
        replace(parsed, queries={**parsed.queries, **facts}),
        replace(graph, queries={**graph.queries, **links}),
    )


def _not_compiled(model: ModelDecl) -> Diagnostic:
    return Diagnostic(
        code=Code.IBIS_NOT_COMPILED,
        message=f"`{model.name}` is not compiled: its function is not to be called",
        severity=Severity.WARNING,
        span=model.span,
        help="leave `--no-python` out to compile it; meanwhile only its declared columns are known",
    )


def _empty(model: ModelDecl, parameter: Parameter) -> Diagnostic:
    return Diagnostic(
        code=Code.IBIS_NOT_RENDERED,
        message=f"`{model.name}` can't be compiled: no column of `{parameter.name}` is known",
        span=parameter.span,
        help="declare the columns of what it reads; `sqlflow sources pull` asks the warehouse for a source's",
    )


def _foreign(model: ModelDecl, name: str) -> Diagnostic:
    return Diagnostic(
        code=Code.IBIS_NOT_RENDERED,
        message=f"`{model.name}` reads the table `{name}`, which is none of its parameters",
        span=model.span,
        help="write a parameter for each table that the function reads: `name: ibis.Table`",
    )
