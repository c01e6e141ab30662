"""What is read as prod has it, since the environment has not built it: what is asked for, what is found."""

from __future__ import annotations

from dataclasses import dataclass

from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.state.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """Asks that what is not selected, and is not there, is read from prod.

    `to` is the target whose names are prod's, None for that of the project's settings, or else for the target
    in use. With `favor_state`, what is there is read from prod as well, unless it is selected.
    """

    to: str | None = None
    favor_state: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """A node that is read as prod has it: its table or view there, and what was published last.

    The `publication` is None where that is not known. `other` names what prod has of other code than the
    project's now: it itself, and what it is made of.
    """

    node: NodeId
    name: str
    relation: Relation
    publication: Publication | None
    other: tuple[str, ...]
