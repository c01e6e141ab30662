"""What differs between two queries, as a person would say it.

`part` names the common table expression or subquery that it is in, empty for the query itself; the second
arm of a UNION has `[2]` behind it. Texts are SQL, columns of tables under the names that the query gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAdded:
    """A column that was not there."""

    part: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDropped:
    """A column that is there no more."""

    part: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRenamed:
    """The same expression under another name."""

    part: str
    old: str
    new: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRetyped:
    """Another type; None for one that is not known."""

    part: str
    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChanged:
    """Another expression. Where both texts are the same, a name in it means something else."""

    part: str
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsReordered:
    """The same columns in another order."""

    part: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChanged:
    """Conditions of `clause` (WHERE, HAVING, QUALIFY) that came and went. A text in both is one in which a
    name means something else."""

    part: str
    clause: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAdded:
    """A relation that is joined now."""

    part: str
    relation: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRemoved:
    """A relation that is joined no more."""

    part: str
    relation: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinChanged:
    """Another kind or condition of a join, or another place among the joins."""

    part: str
    relation: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FromChanged:
    """Another relation stands first in FROM."""

    part: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesChanged:
    """Relations outside the query that are read now and were not, and the other way round."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingChanged:
    """Other keys of GROUP BY, those of GROUP BY ALL written out."""

    part: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """Other keys of ORDER BY, those of ORDER BY ALL written out."""

    part: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChanged:
    """Another LIMIT or OFFSET."""

    part: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctChanged:
    """Another DISTINCT or DISTINCT ON."""

    part: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOperationChanged:
    """Other operations between the arms of a query, such as UNION ALL."""

    part: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsChanged:
    """Other rows because of what changed in the list: `why` says by which clause."""

    part: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAdded:
    """A common table expression or a subquery in FROM, or an arm of a UNION, that was not there."""

    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRemoved:
    """A common table expression or a subquery in FROM, or an arm of a UNION, that is there no more."""

    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherChanged:
    """Something else, such as a named window; the texts are empty where it is not known what."""

    part: str
    old: str
    new: str


Difference: TypeAlias = (
    ColumnAdded
    | ColumnDropped
    | ColumnRenamed
    | ColumnRetyped
    | ColumnChanged
    | ColumnsReordered
    | FilterChanged
    | JoinAdded
    | JoinRemoved
    | JoinChanged
    | FromChanged
    | SourcesChanged
    | GroupingChanged
    | OrderChanged
    | LimitChanged
    | DistinctChanged
    | SetOperationChanged
    | RowsChanged
    | PartAdded
    | PartRemoved
    | OtherChanged
)
