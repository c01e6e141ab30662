"""Chooses how a model is built."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlflow.bind.types import BoundModel, BoundQuery, Docs, Grants
from sqlflow.core.config import Materialization
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ranges import Range
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.docs import comments
from sqlflow.materialize.grants import set_grants, worth_keeping
from sqlflow.materialize.incremental import build_increment, key_checks
from sqlflow.materialize.relation import build_table, build_view
from sqlflow.materialize.snapshot import build_snapshot
from sqlflow.materialize.time_range import build_batch
from sqlflow.materialize.types import Audit, Checks, Existing, Rows, Run, Script, Step


def is_increment(model: BoundModel, kind: RelationKind | None, full_refresh: bool) -> bool:
    """Whether a build adds to what is there; a model's own `full_refresh` wins over the command's.

    A snapshot is never made anew: what it knows is nowhere else.
    """
    if model.config.snapshot is not None:
        return kind is RelationKind.TABLE
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
    audited: bool,
    run: str,
    now: datetime,
    batch: Range | None = None,
) -> Script | Diagnostic:
    """Gives the steps that build a model or a snapshot from `rows`, its hooks among them.

    `incoming` are the columns of the rows, `increment` is what `is_increment` said, `audited` whether it
    has tests, `run` a short id that makes the names of passing relations unique, `now` the run's time,
    `batch` is what the rows are of, where the model is built by time range.
    """
    audit, existing = audits(audited), worth_keeping(existing, model.grants)
    is_view = model.config.materialized is Materialization.VIEW
    kind = RelationKind.VIEW if is_view else RelationKind.TABLE
    describe = comments(spec, model.docs, model.relation, kind, existing, increment=increment)

    def checks(on: Relation) -> Sequence[Step]:
        return audit(on) if is_view else (*audit(on), *describe(on))

    if increment and batch is not None:
        script = build_batch(spec, model, rows, existing, incoming, batch, checks)
    else:
        script = _script(spec, model, rows, existing, incoming, checks, increment=increment, run=run, now=now)
    if isinstance(script, Diagnostic):
        return script
    if is_view:
        # What is checked may be a copy.
        script = Script(steps=(*script.steps, *describe(model.relation)))
    script = Script(steps=(*script.steps, *set_grants(model.grants, model.relation)))
    return with_hooks(script, model.relation, model.post_hooks)


def _script(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    existing: Existing,
    incoming: Sequence[Column],
    audit: Checks,
    *,
    increment: bool,
    run: str,
    now: datetime,
) -> Script | Diagnostic:
    if model.config.snapshot is not None:
        return build_snapshot(spec, model, rows, existing, incoming, audit, run=run, now=now)
    if increment:
        return build_increment(spec, model, rows, existing, incoming, audit, run)
    if model.config.materialized is Materialization.VIEW and isinstance(rows, BoundQuery):
        return build_view(spec, model.relation, rows, existing, incoming, audit, run)

    def checks(on: Relation) -> Sequence[Step]:
        return (*key_checks(spec, model, on, model.config.unique_key), *audit(on))

    return build_table(spec, model.relation, rows, existing, incoming, model.config.indexes, checks, run)


def attachments(
    spec: DialectSpec, docs: Docs | None, grants: Grants | None, relation: Relation, kind: RelationKind
) -> tuple[Step, ...]:
    """Gives the steps that bring up to date what hangs on a relation that is there."""
    describe = comments(spec, docs, relation, kind, Existing(kind=kind), increment=True)
    return (*describe(relation), *set_grants(grants, relation))


def audits(audited: bool) -> Checks:
    """Gives the checks of a node that has tests, or of one that has none."""
    return lambda on: (Audit(on=on),) if audited else ()


def with_hooks(script: Script, relation: Relation, hooks: Sequence[BoundQuery]) -> Script:
    """Puts hooks after the steps. What they change is published too: so the audit comes after them."""
    after = hook_steps(hooks)
    if not after:
        return script
    steps = [step for step in script.steps if not isinstance(step, Audit)]
    audit = (Audit(on=relation),) if len(steps) < len(script.steps) else ()
    return Script(steps=(*steps, *after, *audit))


def hook_steps(hooks: Sequence[BoundQuery]) -> tuple[Step, ...]:
    """Gives the steps of hooks, which run in the same transaction; an empty hook is none."""
    return tuple(Run(sql=hook.sql, map=hook.map) for hook in hooks if hook.sql.strip())
