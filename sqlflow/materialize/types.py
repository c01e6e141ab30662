"""What a materialization is given, and the steps that it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlflow.bind.types import BoundQuery, Docs, Grants
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.relation import Column, Grant, Relation, RelationKind, ViewDefinition
from sqlflow.core.textmap import TextMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """What stands under a relation's name; `kind` is None where nothing does."""

    kind: RelationKind | None = None
    columns: tuple[Column, ...] = ()
    dependents: tuple[ViewDefinition, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A statement to send. `map` leads back to the template; `counts` says that its rows are the node's."""

    sql: str
    map: TextMap | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The node's rows (a dataframe, a file) go into a table."""

    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """A query that must give no row; if it does, nothing is published, and `because` says why."""

    sql: str
    because: Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The views that read a relation are locked, before it is.

    A reader locks a view first and what it reads next: in the other order, each could wait for the other.
    `dependents` are those that are known: an engine may lock what a view reads just to tell its definition,
    so these come first, and only then it is asked again.
    """

    relation: Relation
    dependents: tuple[ViewDefinition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """The views that a Hold locked still read what was renamed aside: they are made again, by their names.

    Those that can't be made again keep reading `aside`, which then stays until nothing reads it; it stays in
    any case where it is to be kept.
    """

    aside: Relation
    kind: RelationKind
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The node's tests run, and read `on` in the place of the node's own relation.

    Where one of severity error finds rows, nothing is published.
    """

    on: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A table or view gets the node's descriptions as comments.

    `old` says that it was there before, and may have comments already.
    """

    on: Relation
    kind: RelationKind
    docs: Docs
    old: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGrants:
    """What is granted on a table or view becomes what is wanted; grants on columns are left alone."""

    on: Relation
    grants: Grants


Step: TypeAlias = Run | Load | Refuse | Hold | Carry | Audit | Comment | SetGrants

# What is asked of new contents before they are published, given the relation that holds them.
Checks: TypeAlias = Callable[[Relation], Sequence[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The steps that build a node, all in one transaction."""

    steps: tuple[Step, ...]


# Where a node's rows come from: a query that the engine runs, or rows that sqlflow loads, of these columns.
Rows: TypeAlias = BoundQuery | tuple[Column, ...]


def around(before: str, query: BoundQuery, after: str = "", *, counts: bool = False) -> Run:
    """Makes a statement of a query with text before and after it."""
    return Run(sql=f"{before}{query.sql}{after}", map=query.map.shifted(len(before)), counts=counts)
