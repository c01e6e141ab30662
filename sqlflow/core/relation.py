"""A table or view of the warehouse by its name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Relation(NamedTuple):
    """A name of a table or view, each part as the engine stores it, unquoted.

    A `database` of None is the one that the connection is in; a `schema` of None the default one.
    """

    database: str | None
    schema: str | None
    identifier: str

    def __str__(self) -> str:
        return ".".join(part for part in self if part)


class RelationKind(StrEnum):
    """What stands under a name in the warehouse."""

    TABLE = "table"
    VIEW = "view"
    OTHER = "other"


class Column(NamedTuple):
    """A column as the engine describes it: `type` in the engine's own words."""

    name: str
    type: str


class ViewDefinition(NamedTuple):
    """A view, the query and the options (what stands in WITH) that it has, as the engine gives them back.

    One that is `stored` holds rows of its own, and can't be made again without these.
    """

    relation: Relation
    query: str
    options: str = ""
    stored: bool = False


class ViewReader(NamedTuple):
    """A view that reads a table or another view, directly.

    It is `replaceable` where the user of this session may define it anew; `stored` is as in ViewDefinition.
    """

    view: Relation
    reads: Relation
    stored: bool
    replaceable: bool


class Comments(NamedTuple):
    """What is said of a table or view, and of each of its columns; None where nothing is."""

    relation: str | None
    columns: Mapping[str, str | None]


class Grant(NamedTuple):
    """What somebody may do with a table or view, or with one of its columns; without a grantee, everybody."""

    privilege: str
    grantee: str | None
    column: str | None = None
    grantable: bool = False
