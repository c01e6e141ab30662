"""Finds what has changed of a relation that is built by time range, or is a view of such."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlflow.adapter.protocol import Session
from sqlflow.apply.publish_log import PublishLog
from sqlflow.bind.types import BoundTime, FollowedView
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Ranges, union
from sqlflow.plan.stale import UNTOLD
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication


class Changes(NamedTuple):
    """What has changed of a relation: the ranges, None for all that there are.

    `anything_else` says whether something changed as well that has no ranges: nobody knows what it reaches.
    """

    ranges: Ranges | None
    anything_else: bool


_ALL = Changes(None, True)


def changes_since(log: PublishLog, time: BoundTime, node: NodeId, since: str, session: Session) -> Changes:
    """Reads what has changed of a node, which the model with `time` reads, since it had a data version.

    A view is looked through: each of its publications says what it was made from. It is another one where its
    own code has changed, and then any row may be.
    """
    ranges: Ranges = ()
    anything_else = False
    todo = [(node, since, time.ranged.get(node, False))]
    while todo:
        node, since, is_kept = todo.pop()
        view = time.views.get(node)
        if view is not None:
            found = log.since(node, since, session)
            if not found or not all(same_rows(one.code, found[0].code) for one in found):
                return _ALL
            before, now = found[0].inputs, found[-1].inputs
            anything_else = anything_else or _has_else(view, found)
            changed = (parent for parent in view.ranged if before.get(parent) != now.get(parent))
            todo += [(one, before.get(one, UNTOLD), is_kept and view.ranged[one]) for one in changed]
            continue
        more = log.changes(node, since, session) if is_kept else None
        if more is None:
            return _ALL
        ranges = union(ranges, more)
    return Changes(ranges, anything_else)


def _has_else(view: FollowedView, found: Sequence[Publication]) -> bool:
    """Whether a view was published anew for what has no ranges, or for nothing that one can tell."""
    before, now = found[0].inputs, found[-1].inputs
    changed = {node for node in {*before, *now} if before.get(node) != now.get(node)}
    if view.is_volatile or UNTOLD in now.values():
        return True
    return not changed or bool(changed - view.ranged.keys())
