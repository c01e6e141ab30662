"""Chooses how a model, a seed or a file source is built."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.bind.types import BoundModel, BoundQuery
from sqlflow.core.config import Index, Materialization
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.incremental import build_increment
from sqlflow.materialize.relation import build_table, build_view
from sqlflow.materialize.types import Existing, Rows, Run, Script, Step


def is_increment(model: BoundModel, existing: Existing, full_refresh: bool) -> bool:
    """Whether a build adds to what is there; a model's own `full_refresh` wins over the command's."""
    refresh = full_refresh if model.config.full_refresh is None else model.config.full_refresh
    return (
        model.config.materialized is Materialization.INCREMENTAL
        and existing.kind is RelationKind.TABLE
        and not refresh
    )


def build_model(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    existing: Existing,
    incoming: Sequence[Column],
    *,
    increment: bool,
    run: str,
) -> Script | Diagnostic:
    """Gives the steps that build a model from `rows`, its hooks around them.

    `incoming` are the columns of the rows, `increment` is what `is_increment` said, `run` a short id that
    makes the names of passing relations unique.
    """
    script: Script | Diagnostic
    if increment:
        script = build_increment(spec, model, rows, existing, incoming, run)
    elif model.config.materialized is Materialization.VIEW and isinstance(rows, BoundQuery):
        script = build_view(spec, model.relation, rows, existing, incoming, run)
    else:
        script = build_table(spec, model.relation, rows, existing, incoming, model.config.indexes, run)
    if isinstance(script, Diagnostic):
        return script
    return Script(steps=with_hooks(model.pre_hooks, script.steps, model.post_hooks))


def build_rows(
    spec: DialectSpec,
    relation: Relation,
    columns: tuple[Column, ...],
    existing: Existing,
    *,
    indexes: Sequence[Index] = (),
    pre_hooks: Sequence[BoundQuery] = (),
    post_hooks: Sequence[BoundQuery] = (),
    run: str,
) -> Script:
    """Gives the steps that load a file's rows into a table of the given columns."""
    script = build_table(spec, relation, columns, existing, columns, indexes, run)
    return Script(steps=with_hooks(pre_hooks, script.steps, post_hooks))


def with_hooks(
    before: Sequence[BoundQuery], steps: tuple[Step, ...], after: Sequence[BoundQuery]
) -> tuple[Step, ...]:
    """Puts hooks around the steps, in the same transaction; an empty hook is none."""
    return (
        *(Run(sql=hook.sql, map=hook.map) for hook in before if hook.sql.strip()),
        *steps,
        *(Run(sql=hook.sql, map=hook.map) for hook in after if hook.sql.strip()),
    )
