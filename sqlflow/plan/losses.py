"""Finds what a plan would lose, or can't do, in tables that go on with their rows under other columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple

from sqlflow.bind.types import BoundModel, NodeSchema, Program
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization, OnSchemaChange
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.relation import Column
from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.widening import holds
from sqlflow.materialize.incremental import columns_differ, schema_change
from sqlflow.materialize.snapshot import unfit_for_history
from sqlflow.plan.stale import ONLY_ATTACHED
from sqlflow.plan.types import Action, BuildModel, Plan
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication

# Types of a query's columns that are others in a table.
_OF_LITERALS = frozenset({"NULL", "UNKNOWN", "INTEGER_LITERAL"})


def find_losses(
    plan: Plan,
    program: Program,
    published: Mapping[NodeId, Publication],
    tables: Mapping[NodeId, Sequence[Column]],
    allowed: Collection[str],
) -> tuple[Diagnostic, ...]:
    """Gives a diagnostic for each model whose table would lose columns, or can't take the query's.

    `published` has the last publication of each node, `tables` the columns of tables that may go on;
    `allowed` are the names of models that may lose some. What can't be told without running a query
    is left out: it turns out when it is built.
    """
    planned = {action.node: action for action in plan.actions}
    taken = {take.node: take.code for take in plan.takes}
    found: list[Diagnostic] = []
    for action in plan.actions:
        table, work = tables.get(action.node, ()), action.work
        if not table or not isinstance(work, BuildModel) or action.verdict.reason == ONLY_ATTACHED:
            continue
        if action.verdict.unread or same_rows(taken.get(action.node, ""), action.code):
            continue
        if goes_on(action, planned, published, is_virtual=program.environment.is_virtual):
            schema = program.schemas.get(action.node)
            found += _losses(program.spec, work.model, table, schema, allowed)
    return tuple(found)


def goes_on(
    action: Action,
    planned: Mapping[NodeId, Action],
    published: Mapping[NodeId, Publication],
    *,
    is_virtual: bool,
) -> bool:
    """Whether a model that has rows keeps them when it is built, as far as is known before."""
    work = action.work
    if not isinstance(work, BuildModel):
        return False
    config = work.model.config
    if config.snapshot is not None:
        return True
    if config.materialized is not Materialization.INCREMENTAL:
        return False
    if config.full_refresh is not None:
        return not config.full_refresh
    if work.full_refresh:
        return False
    return work.forward_only or not is_virtual or not follows_other_code(action, planned, published)


def follows_other_code(
    action: Action, planned: Mapping[NodeId, Action], published: Mapping[NodeId, Publication]
) -> bool:
    """Whether an action is in the plan for a change of code, its own or of something before it."""
    while action.verdict.because is not None:
        action = planned[action.verdict.because]
    last = published.get(action.node) if kind_of(action.node) is not NodeKind.SOURCE else None
    return last is not None and not same_rows(last.code, action.code)


def _losses(
    spec: DialectSpec,
    model: BoundModel,
    table: Sequence[Column],
    schema: NodeSchema | None,
    allowed: Collection[str],
) -> Iterator[Diagnostic]:
    incoming = known_columns(spec, table, schema) if schema is not None else None
    if incoming is None:
        return
    if model.config.snapshot is not None:
        # A history loses no column.
        own = {name_key(spec, name) for name in astuple(model.config.snapshot.columns)}
        given = [column for column in incoming if name_key(spec, column.name) not in own]
        is_known = all(column.type for column in given) and not model.pre_hooks
        unfit = unfit_for_history(spec, model, table, given) if is_known else None
        if unfit is not None and unfit.code is Code.SCHEMA_CHANGED:
            yield unfit
        return
    change = schema_change(spec, model, table, incoming)
    if isinstance(change, Diagnostic):
        # A hook may alter the table before it matters.
        if not model.pre_hooks:
            yield change
    elif model.config.on_schema_change is OnSchemaChange.SYNC_ALL_COLUMNS and model.name not in allowed:
        yield from _lost(spec, model, table, incoming)


def known_columns(
    spec: DialectSpec, table: Sequence[Column], schema: NodeSchema
) -> tuple[Column, ...] | None:
    """Gives the columns of new rows as the engine would tell them; None where that is not known.

    A type that is not known counts as the table's.
    """
    if schema.open or schema.opaque or any(column.name is None for column in schema.columns):
        return None
    there = {name_key(spec, column.name): column for column in table}
    out: list[Column] = []
    for column in schema.columns:
        name, kind = column.name or "", column.type
        old = there.get(name_key(spec, name))
        if old is not None:
            out.append(old if kind is None or _is_of(kind, old.type) else Column(name, str(kind)))
        elif kind is not None:
            out.append(Column(name, str(kind)))
        else:
            # Whatever it is, it is new.
            out.append(Column(name, ""))
    return tuple(out)


def _is_of(kind: SqlType, text: str) -> bool:
    return kind.name in _OF_LITERALS or parse_type(text) in (None, kind)


def _lost(
    spec: DialectSpec, model: BoundModel, table: Sequence[Column], incoming: Sequence[Column]
) -> Iterator[Diagnostic]:
    differ = columns_differ(spec, table, incoming)
    old = {name_key(spec, column.name): column for column in table}
    narrowed = [c for c in differ.retyped if not holds(spec, c.type, old[name_key(spec, c.name)].type)]
    lost = [column.name for column in (*differ.removed, *narrowed)]
    if not lost:
        return
    what = "a column" if len(lost) == 1 else "columns"
    yield Diagnostic(
        code=Code.DESTRUCTIVE_CHANGE,
        message=f"`{model.name}` would lose what its table has in {what}: {', '.join(lost)}",
        span=model.span,
        notes=(
            *(f"- {column.name} {column.type}" for column in differ.removed),
            *(f"~ {c.name} is {old[name_key(spec, c.name)].type}, and is {c.type} then" for c in narrowed),
        ),
        help=f"allow it by `--allow-destructive {model.name}`, or set `on_schema_change` to "
        "`append_new_columns`, which keeps them",
    )
