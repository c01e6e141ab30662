"""The stage `Parsed`: facts of each query, never its tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlflow.core.ids import NodeId


class QueryKey(NamedTuple):
    """One query of a node: `mode` is "full" or "incremental"."""

    node: NodeId
    mode: str


class Name(NamedTuple):
    """An identifier as written, without its quotes."""

    text: str
    quoted: bool


class TableUse(NamedTuple):
    """A table that a query reads and does not define itself.

    `parts` are those of its name, outermost first; `start` and `end` the offsets of the whole name in the
    rendered text; `aliased` says whether the query gives it another name. `keyword` is where the word TABLE
    begins in `TABLE orders`, which stands for `SELECT * FROM orders` and takes nothing but a name.
    """

    parts: tuple[Name, ...]
    start: int
    end: int
    aliased: bool
    keyword: int | None = None


class Qualifier(NamedTuple):
    """What stands before a column's name: its parts, its range, and where the last part begins."""

    parts: tuple[Name, ...]
    start: int
    end: int
    last_start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """What a query reads and gives.

    `qualifiers` are those that linking may have to change: the ones of several parts, and placeholders.
    `outputs` has None for a column whose name the engine makes up, or that a star stands for. `end` is the
    offset where the query ends: a semicolon after it is not part of it. `volatile` are the functions and
    words in it that may give something else each time, `unknown` the functions that sqlglot doesn't know.
    """

    tables: tuple[TableUse, ...]
    qualifiers: tuple[Qualifier, ...]
    ctes: tuple[str, ...]
    outputs: tuple[str | None, ...]
    end: int
    volatile: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The facts of all queries that parsed."""

    queries: Mapping[QueryKey, ParsedQuery]
