"""A query in the target's dialect, with places for the names of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlflow.core.ids import NodeId
from sqlflow.core.textmap import TextMap


class TablePlace(NamedTuple):
    """Where the name of a table is put; `is_this` says that the query reads its own model's relation."""

    start: int
    end: int
    node: NodeId
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedQuery:
    """The text that was generated, mapped to the template, and the tables that it reads, in its order."""

    text: str
    map: TextMap
    tables: tuple[TablePlace, ...]
