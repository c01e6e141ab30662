"""Checks that an interval is asked for of models that have one to build."""

from __future__ import annotations

from collections.abc import Iterator

from sqlflow.bind.types import Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.ids import NodeId

_HELP = "only such models have an interval to build: `incremental_strategy: time_range`"


def check_interval(program: Program, chosen: frozenset[NodeId], named: frozenset[NodeId]) -> None:
    """Raises ProjectError where one that is `named`, or none of those `chosen`, has an interval to build."""
    found = list(_wrong(program, chosen, named))
    if not named and not any(program.models[n].time is not None for n in chosen if n in program.models):
        message = "no model that is built by time range is selected"
        found = [Diagnostic(code=Code.EMPTY_SELECTION, message=message, help=_HELP)]
    if found:
        raise ProjectError(found)


def _wrong(program: Program, chosen: frozenset[NodeId], named: frozenset[NodeId]) -> Iterator[Diagnostic]:
    for id in sorted(named):
        node, model = program.graph.nodes[id], program.models.get(id)
        if model is None or model.time is None:
            message, help_ = f"`{node.name}` is not built by time range, and can't be restated", _HELP
        elif id not in chosen:
            message, help_ = f"`{node.name}` is to be restated, and is not selected", "select it as well"
        else:
            continue
        yield Diagnostic(code=Code.EMPTY_SELECTION, message=message, span=node.span, help=help_)
