"""The stage `Rendered`: SQL text, where each part of it came from, and what rendering read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlflow.core.config import NodeConfig, TestConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.core.value import Value
from sqlflow.project.types import ConfigLayer, RefTarget

# What `ref` and `source` leave in the text: an identifier in every dialect, whose number is an index into
# `RenderedQuery.references`; the linker puts the relation's name in its place. `{{ this }}` leaves THIS.
PLACEHOLDER = re.compile(r"__sqlflow_ref_(\d+)__", re.IGNORECASE)
THIS = "__sqlflow_this__"
# What `{{ start }}` and `{{ end }}` leave: an identifier too, of no column. The moments are put there for
# each batch, in a text literal as well. A query that has these filters what it reads itself, which OWN_FILTER
# tells; what it reads is filtered where it has those that `model.batch` leaves.
START, END = "__sqlflow_start__", "__sqlflow_end__"
BATCH_START, BATCH_END = "__sqlflow_batch_start__", "__sqlflow_batch_end__"
MOMENT_NAMES: Mapping[str, str] = MappingProxyType({"start": START, "end": END})
MOMENTS = re.compile(r"(')?__sqlflow_(?:batch_)?(?:start|end)__(?(1)'|)", re.IGNORECASE)
OWN_FILTER = re.compile(r"__sqlflow_(?:start|end)__", re.IGNORECASE)


def placeholder(index: int) -> str:
    """Gives the identifier that stands for a query's reference of that index."""
    return f"__sqlflow_ref_{index}__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A call of `ref` or `source` and the place of the expression that made it."""

    target: RefTarget
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a rendering read: variables, environment variables (never their values), macros, the clock."""

    vars: frozenset[str]
    env: frozenset[str]
    macros: frozenset[str]
    clock: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedQuery:
    """One rendering of a template. `text` has placeholders for references."""

    text: str
    map: TextMap
    references: tuple[Reference, ...]
    reads: Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedStrategy:
    """The statements of a strategy of the project's own, and the names of the columns that it was given."""

    query: RenderedQuery
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedModel:
    """A model or a snapshot: rendered in full and, if incremental, once more with `is_incremental()` true.

    A Python model has no query. `layer` is its configuration as it was written. Hooks are rendered like
    queries, in the order in which they run.
    """

    id: NodeId
    config: NodeConfig
    relation: Relation
    full: RenderedQuery | None
    incremental: RenderedQuery | None
    pre_hooks: tuple[RenderedQuery, ...]
    post_hooks: tuple[RenderedQuery, ...]
    layer: ConfigLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSeed:
    """A seed with its configuration and name; only its hooks have text."""

    id: NodeId
    config: NodeConfig
    relation: Relation
    pre_hooks: tuple[RenderedQuery, ...]
    post_hooks: tuple[RenderedQuery, ...]
    layer: ConfigLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedTest:
    """A singular test."""

    id: NodeId
    config: TestConfig
    query: RenderedQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """All nodes that rendered. `disabled` are those that are switched off, with the place that says so.

    `failed` are those with an error in their template: they are known by name, so that a reference to one
    is not unknown, and have no text. `macros` are the names of the project's macros. `questions` are the
    queries that ask sources when their last rows came.
    """

    models: Mapping[NodeId, RenderedModel]
    seeds: Mapping[NodeId, RenderedSeed]
    tests: Mapping[NodeId, RenderedTest]
    disabled: Mapping[NodeId, Span]
    failed: frozenset[NodeId]
    vars: Mapping[str, Value]
    macros: frozenset[str] = frozenset()
    questions: Mapping[NodeId, RenderedQuery] = field(default_factory=lambda: MappingProxyType({}))
