"""Says which relations a plan puts something else in the place of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlflow.bind.types import BoundModel, Program
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.dialect.names import read_relation
from sqlflow.plan.losses import goes_on
from sqlflow.plan.stale import ONLY_ATTACHED
from sqlflow.plan.types import Action, BuildModel, LoadSeed, LoadSource, Plan, RunTest, Take
from sqlflow.state.publication import Publication


class Way(StrEnum):
    """What becomes of a relation."""

    VIEW = "it is a view, which is made again"
    TABLE = "a new table takes its name"
    SHOWN = "it is a view, which shows a new table"
    ALTERED = "it is a table that goes on, and may be altered"
    ADOPTED = "it is a table that gets a name by version, and a view takes its place"
    DROPPED = "it is dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A relation that a plan replaces, and how.

    `table` is the one that is shown then, where it is there already. The `model` is one whose rows go on in a
    table, which may be altered or copied for that; None for all others. `span` is None for what is no longer
    in the project.
    """

    node: NodeId
    name: str
    span: Span | None
    relation: Relation
    way: Way
    table: Relation | None = None
    model: BoundModel | None = None


def made_again(plan: Plan, program: Program) -> frozenset[Relation]:
    """The relations that a plan makes again, or drops: views among them need not follow what they read."""
    # What is likely to be left as it is has to go on reading what is there.
    built = (action.node for action in plan.actions if not action.verdict.unread)
    models = (program.models.get(node) for node in (*built, *(take.node for take in plan.takes)))
    gone = (read_relation(program.spec, one.relation) for one in plan.removes)
    return frozenset((*(model.relation for model in models if model is not None), *gone))


def find_replaced(
    plan: Plan, program: Program, published: Mapping[NodeId, Publication]
) -> tuple[Replaced, ...]:
    """Gives what a plan replaces, in its order; `published` has the last publication of each node."""
    planned = {action.node: action for action in plan.actions}
    found = [_taken(take) for take in plan.takes]
    for action in plan.actions:
        if not (action.verdict.unread or action.verdict.held or action.verdict.reason == ONLY_ATTACHED):
            found += _built(action, planned, program, published)
    found += (
        Replaced(
            node=last.node,
            name=last.node.rpartition(".")[2],
            span=None,
            relation=read_relation(program.spec, last.relation),
            way=Way.DROPPED,
        )
        for last in plan.removes
        # The table of a file has one name in all environments.
        if kind_of(last.node) is not NodeKind.SOURCE
    )
    return tuple(found)


def _taken(take: Take) -> Replaced:
    table = take.publication.table if take.query is None else None
    shown = Way.SHOWN if table is not None else Way.ADOPTED
    return Replaced(
        node=take.node,
        name=take.name,
        span=take.span,
        relation=take.relation,
        way=shown if take.query is None else Way.VIEW,
        table=table,
    )


def _built(
    action: Action,
    planned: Mapping[NodeId, Action],
    program: Program,
    published: Mapping[NodeId, Publication],
) -> Iterator[Replaced]:
    is_virtual = program.environment.is_virtual and action.node in program.plain
    model: BoundModel | None = None
    match action.work:
        case BuildModel() as work:
            built, is_view = work.model, work.model.config.materialized is Materialization.VIEW
            if goes_on(action, planned, published, is_virtual=program.environment.is_virtual):
                model = built
        case LoadSeed() as work:
            built, is_view = work.seed, False
        case LoadSource() as work:
            built, is_view = work.source, False
        case RunTest():
            return
    if is_view:
        way = Way.VIEW
    elif is_virtual:
        way = Way.SHOWN
    else:
        way = Way.ALTERED if model is not None else Way.TABLE
    yield Replaced(
        node=action.node, name=action.name, span=built.span, relation=built.relation, way=way, model=model
    )
