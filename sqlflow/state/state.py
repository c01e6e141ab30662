"""State: the fold of the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from sqlflow.core.ids import NodeId
from sqlflow.state.event import Event, NodeFinished, RunFinished, RunStarted, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """How a node's last action ended, and in which run."""

    run: str
    status: Status
    at: datetime
    seconds: float
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of the past. `run` is the last run; `finished` whether it came to its end."""

    run: str | None = None
    finished: bool = True
    nodes: Mapping[NodeId, NodeState] = field(default_factory=lambda: MappingProxyType({}))


def fold(state: State, events: Iterable[Event]) -> State:
    """Adds events to a state; folding in parts gives what folding at once gives."""
    nodes = dict(state.nodes)
    for event in events:
        match event:
            case RunStarted():
                state = replace(state, run=event.run, finished=False)
            case NodeFinished():
                nodes[event.node] = NodeState(
                    run=state.run or "",
                    status=event.status,
                    at=event.at,
                    seconds=event.seconds,
                    rows=event.rows,
                )
            case RunFinished():
                state = replace(state, finished=True)
            case _:
                pass
    return replace(state, nodes=MappingProxyType(nodes))
