"""Leaves out of a plan what computes rows, and all that depends on it: `--skip-backfill`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId
from sqlflow.plan.stale import ONLY_ATTACHED, Past
from sqlflow.plan.types import Action, BuildModel, Plan, RunTest
from sqlflow.state.publication import Publication


def without_filling(plan: Plan, past: Past | None) -> Plan:
    """Gives a plan of what computes no rows: takes, views, descriptions, tests of what is there.

    What is left out stays due, and nothing is dropped that it shows still.
    """
    left: dict[NodeId, Action] = {}
    for action in plan.actions:
        if _fills(action) or any(node in left for node in action.after):
            left[action.node] = action
    kept = plan.only({action.node for action in plan.actions} - left.keys())
    return replace(
        kept,
        left=tuple(left.values()),
        untold=plan.untold if kept.actions else (),
        takes=tuple(take for take in plan.takes if not take.fills),
        gone=_not_read(plan.gone, left.keys(), past) if past is not None else plan.gone,
    )


def _fills(action: Action) -> bool:
    """Whether an action computes rows, as far as is known before it is done."""
    if action.verdict.unread or action.verdict.reason == ONLY_ATTACHED or isinstance(action.work, RunTest):
        return False
    work = action.work
    return not (isinstance(work, BuildModel) and work.model.config.materialized is Materialization.VIEW)


def _not_read(gone: Sequence[Publication], left: Collection[NodeId], past: Past) -> tuple[Publication, ...]:
    """Gives what nothing of what is left reads, directly or through others, by what it was published from."""
    by_node = {one.node: one for one in gone}
    todo = [past.publications[node] for node in left if node in past.publications]
    while todo:
        read = todo.pop().inputs.keys()
        todo += [by_node.pop(node) for node in read if node in by_node]
    return tuple(one for one in gone if one.node in by_node)
