"""Finds out what there is already of a model by time range that is going to be filled anew."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Ranges
from sqlflow.plan.types import Action, Take
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication


def filled_before(
    action: Action,
    takes: Mapping[NodeId, Take],
    filling: Mapping[NodeId, Publication],
    planned: Mapping[NodeId, Action],
    published: Mapping[NodeId, Publication],
) -> Ranges | None:
    """Gives the ranges that a model's new table has before anything is built; None where it begins empty.

    They are those of a table that is taken, or of one that an earlier run has left unfinished, where that is
    of the code that there will be: the model's own, and that of all that it reads.
    """
    take, found = takes.get(action.node), filling.get(action.node)
    if take is not None and same_rows(take.code, action.code):
        return take.publication.ranges
    if found is None or not same_rows(found.code, action.code):
        return None
    for node, origin in found.origins.items():
        read, parent = published.get(node), planned.get(node)
        is_other = parent is not None and read is not None and not same_rows(read.code, parent.code)
        if read is None or read.origin != origin or node in takes or is_other:
            return None
    return found.ranges
