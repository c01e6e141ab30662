"""The stage `Program`: every query with the warehouse's names in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.bind.query.values import ColumnRef
from sqlflow.core.config import NodeConfig, TestConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.moments import MomentType
from sqlflow.core.relation import Grant, Relation
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.core.value import Value
from sqlflow.dialect.environments import PLAIN, Environment
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Graph
from sqlflow.project.types import FrameKind


class Read(NamedTuple):
    """Where a node's relation is written in a query, as a half-open range of its characters.

    `alias` is what has to follow another relation that is put there, so that the query sees it under the
    same name; empty where an alias follows anyway.
    """

    start: int
    end: int
    node: NodeId
    alias: str

    def shifted(self, by: int) -> Read:
        """The same place, `by` characters further on."""
        return self._replace(start=self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundQuery:
    """SQL that the engine understands, mapped back to the template.

    `reads` are the places of tables in it, in their order, those inside of ephemeral models' queries
    included; the model's own relation (`this`) is not among them, but in hooks and a strategy's statements:
    of a model's query, these places are `own`. `inlined` are the places of these queries themselves, in
    brackets, of the ones that it reads itself. `form` is the
    digest of what the query means (`bind/canonical/`), that of ephemeral models in it included: it is the
    same for two texts of one meaning, and empty where it is not known.
    """

    sql: str
    map: TextMap
    reads: tuple[Read, ...] = ()
    inlined: tuple[Read, ...] = ()
    own: tuple[Read, ...] = ()
    form: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableClause:
    """A node in a FROM clause, and the places of tables in that text."""

    text: str
    reads: tuple[Read, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundInput:
    """A parameter of a Python model: what it reads, what it arrives as, and the from-clause of that."""

    parameter: str
    node: NodeId
    frame: FrameKind
    table: TableClause


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundFunction:
    """A Python model's function: the file that it is defined in, its name, its inputs.

    `moments` are the parameters, `start` and `end`, that get those of a batch.
    """

    path: str
    name: str
    inputs: tuple[BoundInput, ...]
    moments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSignal:
    """A Python function that a model waits for, with what it is given; `span` is its name in its file.

    It `is_of_batches` if it is asked for each batch of the model.
    """

    name: str
    path: str
    parameters: tuple[str, ...]
    arguments: Mapping[str, Value]
    is_of_batches: bool
    span: Span


class TimeColumn(NamedTuple):
    """A column of times, by the name that the warehouse has for it."""

    name: str
    type: MomentType


class FollowedView(NamedTuple):
    """A view between two models that are built by time range.

    `ranged` has what it reads that is built by time range, or is such a view, as in `BoundTime`: each with
    whether its ranges are those of the model. It `is_volatile` if it gives other rows by itself.
    """

    ranged: Mapping[NodeId, bool]
    is_volatile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTime:
    """How a model is built by time range: its own column of times, and those of the nodes that it reads.

    Of a parent, only the rows of a batch are read, where the query doesn't name
    the batch's moments itself. Where it `depends_on_past`, a batch is built from those before it.
    `ranged` are the relations that it reads that are built by time range themselves, or are `views` of such,
    each with whether what one of its ranges holds decides what is in the same range here, and nothing else.
    `views` has all of them between it and what is built by time range.
    `most_at_once` is how many batches may be built at once, None for as many as there are sessions.
    """

    column: TimeColumn
    parents: Mapping[NodeId, TimeColumn]
    depends_on_past: bool = False
    most_at_once: int | None = 1
    ranged: Mapping[NodeId, bool] = field(default_factory=lambda: MappingProxyType({}))
    views: Mapping[NodeId, FollowedView] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Docs:
    """The descriptions of a node that are kept in the warehouse.

    Empty text describes nothing; `description` or `columns` of None are not kept. `columns` has the
    described ones, by name as declared.
    """

    description: str | None
    columns: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundStrategy:
    """The statements that bring new rows in, and the columns that they were written for.

    `batch` is the temporary table that they read the new rows from. Their `reads` are the places of the
    model's own table.
    """

    statements: tuple[BoundQuery, ...]
    columns: tuple[str, ...]
    batch: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What is to be granted on a node's table or view, and nothing else; `span` is where that is set."""

    wanted: tuple[Grant, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundModel:
    """A model that is ready to be built.

    Exactly one of `full` and `function` is set. `incremental` is the query that runs where the table is
    there already. `from_clause` is how another query reads the model: its relation, or an ephemeral
    model's query in brackets. `strategy` is set where the project wrote that itself, `time` for a model that
    is built by time range, `docs` where descriptions are kept in the warehouse, `grants` where they are
    configured. The hooks are those in the transaction that publishes; `before_begin` and `after_commit` run
    outside of it.
    """

    id: NodeId
    name: str
    path: str
    config: NodeConfig
    relation: Relation
    full: BoundQuery | None
    incremental: BoundQuery | None
    function: BoundFunction | None
    pre_hooks: tuple[BoundQuery, ...]
    post_hooks: tuple[BoundQuery, ...]
    from_clause: str
    span: Span
    time: BoundTime | None = None
    signals: tuple[BoundSignal, ...] = ()
    strategy: BoundStrategy | None = None
    docs: Docs | None = None
    grants: Grants | None = None
    before_begin: tuple[BoundQuery, ...] = ()
    after_commit: tuple[BoundQuery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSeed:
    """A file of rows that becomes a table; hooks and docs are as in a model."""

    id: NodeId
    name: str
    path: str
    config: NodeConfig
    relation: Relation
    pre_hooks: tuple[BoundQuery, ...]
    post_hooks: tuple[BoundQuery, ...]
    from_clause: str
    span: Span
    docs: Docs | None = None
    grants: Grants | None = None
    before_begin: tuple[BoundQuery, ...] = ()
    after_commit: tuple[BoundQuery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSource:
    """A table outside the project.

    `load` names the file that has to be loaded into it first, if any; `question` is the query that asks when
    its last rows came, where it has one of its own.
    """

    id: NodeId
    name: str
    relation: Relation
    load: str | None
    from_clause: str
    span: Span
    question: BoundQuery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundGenericTest:
    """A generic test on a node: what it checks, with references bound.

    `table` is the node under test; `arguments` are as declared, `to` is the table that a relationships
    test compares with.
    """

    id: NodeId
    name: str
    test: str
    table: TableClause
    column: str | None
    arguments: Mapping[str, Value]
    to: TableClause | None
    config: TestConfig
    failures: Relation
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSingularTest:
    """A query that gives the rows that are wrong."""

    id: NodeId
    name: str
    path: str
    query: BoundQuery
    config: TestConfig
    failures: Relation
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaColumn:
    """A column of a node: what is known of it without a warehouse.

    A `name` of None is one that the engine makes up, a `type` of None is unknown, and `why` says why.
    `sources` are columns of the nodes that this one reads, whose values it takes; `text` is the expression
    that does so, empty for a column that a star stands for.
    """

    name: str | None
    type: SqlType | None
    why: str
    null: Nullability
    sources: frozenset[ColumnRef]
    text: str
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSchema:
    """The columns of a node.

    `rows` are the columns of the nodes it reads that decide which rows it has. It is `open` where it may
    have columns that are not listed, `opaque` where it is a dataframe model, whose columns can come from
    anything that it reads.
    """

    columns: tuple[SchemaColumn, ...]
    rows: frozenset[ColumnRef]
    open: bool
    why_open: str
    opaque: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A project whose names are resolved: what can be compiled, planned and built.

    `schemas` has every model, seed and source whose query could be read. `volatile` names, of each node
    that has such, what may give other rows although nothing that it reads has changed: functions, words,
    tables that are none of the project's. The names of its relations are those of the `environment`, but for
    what is `deferred`, which is read under these; what could have been, and is `nowhere`, has these in prod.
    `plain` are those that its models and seeds have in prod.
    """

    graph: Graph
    spec: DialectSpec
    models: Mapping[NodeId, BoundModel]
    seeds: Mapping[NodeId, BoundSeed]
    sources: Mapping[NodeId, BoundSource]
    generic_tests: Mapping[NodeId, BoundGenericTest]
    singular_tests: Mapping[NodeId, BoundSingularTest]
    schemas: Mapping[NodeId, NodeSchema]
    volatile: Mapping[NodeId, tuple[str, ...]]
    environment: Environment = PLAIN
    plain: Mapping[NodeId, Relation] = field(default_factory=lambda: MappingProxyType({}))
    deferred: Mapping[NodeId, Relation] = field(default_factory=lambda: MappingProxyType({}))
    nowhere: Mapping[NodeId, Relation] = field(default_factory=lambda: MappingProxyType({}))
