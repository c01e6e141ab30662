"""Chooses how a model is built."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.bind.types import BoundModel, BoundQuery
from sqlflow.core.config import Materialization
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.relation import Column, RelationKind
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.incremental import build_increment, key_checks
from sqlflow.materialize.relation import build_table, build_view
from sqlflow.materialize.types import Existing, Rows, Run, Script, Step


def is_increment(model: BoundModel, kind: RelationKind | None, full_refresh: bool) -> bool:
    """Whether a build adds to what is there; a model's own `full_refresh` wins over the command's."""
    refresh = full_refresh if model.config.full_refresh is None else model.config.full_refresh
    return (
        model.config.materialized is Materialization.INCREMENTAL
        and kind is RelationKind.TABLE
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
    """Gives the steps that build a model from `rows`; hooks are not among them.

    `incoming` are the columns of the rows, `increment` is what `is_increment` said, `run` a short id that
    makes the names of passing relations unique.
    """
    if increment:
        return build_increment(spec, model, rows, existing, incoming, run)
    if model.config.materialized is Materialization.VIEW and isinstance(rows, BoundQuery):
        return build_view(spec, model.relation, rows, existing, incoming, run)
    script = build_table(spec, model.relation, rows, existing, incoming, model.config.indexes, run)
    return Script(steps=(*script.steps, *key_checks(spec, model, model.relation, model.config.unique_key)))


def hook_steps(hooks: Sequence[BoundQuery]) -> tuple[Step, ...]:
    """Gives the steps of hooks, which run in the same transaction; an empty hook is none."""
    return tuple(Run(sql=hook.sql, map=hook.map) for hook in hooks if hook.sql.strip())
