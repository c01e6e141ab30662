"""State: the fold of the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from sqlflow.core.ids import NodeId
from sqlflow.state.event import Event, NodeFinished, Published, RunFinished, RunStarted, Status
from sqlflow.state.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """When a node's action last ended well: how long it took, what it wrote, and what a test passed on.

    `rows` is None where nobody told; of a model by time range, they are those of so many `batches`.
    """

    run: str
    at: datetime
    seconds: float
    code: str
    inputs: Mapping[NodeId, str]
    rows: int | None
    batches: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """How a node's last action ended, and in which run; `success` is the last one that ended well."""

    run: str
    status: Status
    at: datetime
    seconds: float
    rows: int | None
    success: Success | None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of the past.

    `run` is the last run that began; `finished` whether it came to its end. `nodes` are those of each
    environment. `publications` has the one of each environment and node that was told of last: it may have a
    lower number than one before, where a warehouse was put back to what it had been.
    """

    run: str | None = None
    finished: bool = True
    nodes: Mapping[tuple[str, NodeId], NodeState] = field(default_factory=lambda: MappingProxyType({}))
    publications: Mapping[tuple[str, NodeId], Publication] = field(
        default_factory=lambda: MappingProxyType({})
    )


def fold(state: State, events: Iterable[Event]) -> State:
    """Adds events to a state; folding in parts gives what folding at once gives.

    Events of several runs may stand between each other: each says which run it is of.
    """
    nodes, publications = dict(state.nodes), dict(state.publications)
    run, finished = state.run, state.finished
    for event in events:
        match event:
            case RunStarted():
                run, finished = event.run, False
            case NodeFinished(status=Status.UNCHANGED | Status.HELD):
                pass
            case NodeFinished():
                key = event.environment, event.node
                nodes[key] = _ended(nodes.get(key), event)
            case Published():
                found = event.publication
                publications[found.environment, found.node] = found
            case RunFinished():
                finished = finished or event.run == run
            case _:
                pass
    return replace(
        state,
        run=run,
        finished=finished,
        nodes=MappingProxyType(nodes),
        publications=MappingProxyType(publications),
    )


def _ended(before: NodeState | None, event: NodeFinished) -> NodeState:
    success = before.success if before is not None else None
    if event.status.is_good:
        success = Success(
            run=event.run,
            at=event.at,
            seconds=event.seconds,
            code=event.code,
            inputs=event.inputs,
            rows=event.rows,
            batches=event.batches,
        )
    return NodeState(
        run=event.run,
        status=event.status,
        at=event.at,
        seconds=event.seconds,
        rows=event.rows,
        success=success,
    )
