"""Makes new contents in a table of their own, where an engine has no transactions.

What a node published is then the table that its view shows. A build makes the next one: of nothing, or of a
copy of what is shown. Once that has passed its audits the view is replaced, in one statement: until then
nobody sees anything of it, and from then on everybody all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from sqlflow.bind.splice import rebound
from sqlflow.bind.types import BoundModel, BoundQuery, BoundSeed
from sqlflow.core.config import Materialization
from sqlflow.core.digest import short_digest
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.core.textmap import TextMap
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import name_key, relation_sql, shorten
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.types import Rows, Run, around

_Hooked = TypeVar("_Hooked", BoundModel, BoundSeed)

_MARK = "__sqlflow_at_"
_DIGITS = 12


def stage_name(spec: DialectSpec, relation: Relation, run: str, number: int) -> Relation:
    """Names the table of a relation's next contents; `run` is a run's short id, `number` a publication's."""
    name = shorten(spec, relation.identifier, f"{_mark(spec, relation)}{run}_{number}")
    return replace_name(relation, name)


def is_stage(spec: DialectSpec, relation: Relation, name: str) -> bool:
    """Whether a name, as it is stored in a relation's schema, is that of contents of this relation."""
    return name_key(spec, _mark(spec, relation)) in name_key(spec, name)


def replace_name(relation: Relation, name: str) -> Relation:
    """Gives a relation beside another one."""
    return Relation(relation.database, relation.schema, name)


def on_stage(spec: DialectSpec, model: BoundModel, stage: Relation) -> BoundModel:
    """A model as it is built aside: what hangs on its name comes when that is published.

    What its hooks call `this` is the table that they can change.
    """
    pre, post = (hooks_on(spec, hooks, model.id, stage) for hooks in (model.pre_hooks, model.post_hooks))
    return replace(model, relation=stage, docs=None, grants=None, pre_hooks=pre, post_hooks=post)


def hooks_on(
    spec: DialectSpec, hooks: Sequence[BoundQuery], node: NodeId, table: Relation
) -> tuple[BoundQuery, ...]:
    """Gives hooks with another table in the places of the node's own name."""
    return tuple(rebound(hook, node, relation_sql(spec, table)) for hook in hooks)


def all_rows(spec: DialectSpec, relation: Relation) -> BoundQuery:
    """A query for all that a relation shows."""
    return BoundQuery(sql=f"SELECT * FROM {relation_sql(spec, relation)}", map=TextMap((), 0))


def copy(spec: DialectSpec, old: Relation, new: Relation) -> Run:
    """Makes a table of the rows that another relation shows."""
    return Run(sql=f"{sql.create_table_as(spec, new)}{all_rows(spec, old).sql}")


def show(spec: DialectSpec, relation: Relation, stage: Relation) -> Run:
    """Publishes a table: a view of a node's name shows it from then on."""
    return Run(sql=f"{sql.create_view(spec, relation, replace=True)}{all_rows(spec, stage).sql}")


def show_query(spec: DialectSpec, model: BoundModel, rows: Rows) -> Run | None:
    """Publishes a model that is a view itself; None for any other."""
    if model.config.materialized is not Materialization.VIEW or isinstance(rows, tuple):
        return None
    return around(sql.create_view(spec, model.relation, replace=True), rows)


def hooks_outside(node: _Hooked) -> _Hooked:
    """Takes hooks out of the transaction: where there is none, they come before and after it all."""
    return replace(
        node,
        before_begin=(*node.before_begin, *node.pre_hooks),
        pre_hooks=(),
        after_commit=(*node.post_hooks, *node.after_commit),
        post_hooks=(),
    )


def _mark(spec: DialectSpec, relation: Relation) -> str:
    return f"{_MARK}{short_digest(name_key(spec, relation.identifier), _DIGITS)}_"
