"""The stage `Project`: what is declared, unresolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.freshness import Freshness, LoadedAt
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.core.severities import Level
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.dialect.environments import Layout, Naming

# Evaluates a YAML text value that holds a template; gives the value and what is wrong with it.
RenderValue: TypeAlias = Callable[[str, Span], tuple[Value, tuple[Diagnostic, ...]]]


class ConfigEntry(NamedTuple):
    """A setting as it was written: its value, the place of the value and, where it is known, of its key."""

    value: Value
    span: Span
    key: Span | None = None


# One layer of configuration: a folder's, a properties file's, a file's own.
ConfigLayer: TypeAlias = Mapping[str, ConfigEntry]


def place_of(layer: ConfigLayer, key: str, default: Span) -> Span:
    """Gives the place of a setting's value, or the default where it is not set."""
    entry = layer.get(key)
    return entry.span if entry is not None else default


class Template(NamedTuple):
    """A template that is not all of a file, and the place where all of it was written, if that is one.

    Without such a place, each character of the text is at its offset in the file.
    """

    text: str
    place: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A connection by name. `settings` are the adapter's own keys, as written.

    `defer_to` is the target whose names are prod's, where what is not there is to be read from prod.
    """

    name: str
    type: str
    schema: str | None
    database: str | None
    threads: int
    settings: Mapping[str, ConfigEntry]
    span: Span
    defer_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `sqlflow.yml` says. `target` is the chosen one, with its templates evaluated.

    `vars` holds the project's variables with those of the command line on top. The `*_config` trees are
    kept as layers by folder: a key is the folder's path below a model (seed, snapshot, test) path, `""` the
    top.
    `layout` is how nodes lie in the warehouse, None where that is not said and goes by the engine, `naming`
    how environments are called; one that nothing is done with for `environment_ttl` days may be dropped.
    `severities` are those of the diagnostics that the project gives another than their own. An ibis model is
    compiled within `python_timeout` seconds. `state` is where the state is kept, as written, templates
    evaluated: it may hold a password. `run_hooks` are the statements of `on-run-start` and of `on-run-end`,
    not evaluated.
    """

    name: str
    version: str
    dialect: str
    target: Target
    target_names: tuple[str, ...]
    vars: Mapping[str, Value]
    model_paths: tuple[str, ...]
    seed_paths: tuple[str, ...]
    snapshot_paths: tuple[str, ...]
    macro_paths: tuple[str, ...]
    test_paths: tuple[str, ...]
    signal_paths: tuple[str, ...]
    target_path: str
    model_config: Mapping[str, ConfigLayer]
    seed_config: Mapping[str, ConfigLayer]
    snapshot_config: Mapping[str, ConfigLayer]
    test_config: Mapping[str, ConfigLayer]
    severities: Mapping[Code, Level]
    python_timeout: float
    lock_timeout: float
    lease_time: float
    state: ConfigEntry | None
    path: str
    layout: Layout | None = None
    naming: Naming = Naming.SUFFIX
    environment_ttl: float = 7.0
    run_hooks: Mapping[str, tuple[Template, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDecl:
    """A generic test on a node or one of its columns, as declared.

    `test` names the generic test (`not_null`), `arguments` are its own, `config` its settings, `name` what
    the user calls it, if anything.
    """

    test: str
    column: str | None
    arguments: Mapping[str, Value]
    config: ConfigLayer
    name: str | None
    description: str
    span: Span


class Constraint(NamedTuple):
    """What a contract promises of a column; `type` is dbt's word."""

    type: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDecl:
    """A column as declared in properties, or in the decorator of a Python model.

    `span` is its name's place, `type_span` that of its type.
    """

    name: str
    description: str = ""
    data_type: str | None = None
    type_span: Span | None = None
    constraints: tuple[Constraint, ...] = ()
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Value]
    span: Span


class FrameKind(StrEnum):
    """How a parameter of a Python model receives its upstream rows, by its annotation."""

    PANDAS = "pandas.DataFrame"
    POLARS = "polars.DataFrame"
    ARROW = "pyarrow.Table"
    DUCKDB = "duckdb.DuckDBPyRelation"
    IBIS = "ibis.Table"


class RefTarget(NamedTuple):
    """What a reference names: `ref('name')`, `ref('package', 'name')`, `source('source', 'table')`.

    `kind` is "ref", "source" or, for a plain name, "name".
    """

    kind: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a Python model."""

    name: str
    reference: RefTarget
    frame: FrameKind
    span: Span


class MomentParameter(NamedTuple):
    """A parameter of a Python model that gets the `start` or the `end` of a batch, by its name."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFunction:
    """The function behind a Python model: the models that it reads, and what it asks of a batch."""

    name: str
    parameters: tuple[Parameter, ...]
    moments: tuple[MomentParameter, ...] = ()

    @property
    def is_ibis(self) -> bool:
        """Whether it builds an expression, and is compiled to a query, instead of being run on rows."""
        return any(parameter.frame is FrameKind.IBIS for parameter in self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDecl:
    """A model or a snapshot.

    `layers` are its configuration outside its file, general to specific: folders, then YAML.
    A SQL model has no `function`; a Python model's decorator is `file_config`, which for a SQL model comes
    from rendering. `template` is that of a snapshot which is not all of a file. `span` is where it is
    defined: the file's start, the function's name, a snapshot's tag or name.
    """

    id: NodeId
    name: str
    path: str
    function: PythonFunction | None
    template: Template | None = None
    layers: tuple[ConfigLayer, ...]
    file_config: ConfigLayer
    description: str
    columns: tuple[ColumnDecl, ...]
    tests: tuple[TestDecl, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedDecl:
    """A file of rows that is loaded into a table: csv or parquet, by its suffix."""

    id: NodeId
    name: str
    path: str
    layers: tuple[ConfigLayer, ...]
    description: str
    columns: tuple[ColumnDecl, ...]
    tests: tuple[TestDecl, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDecl:
    """A table that the project reads and does not make.

    `location` is a file relative to the project's root, for a source that is a file; else the table is
    `database.schema.identifier`, where a schema of None means the source's name. `loaded_at` tells when the
    last rows of a table came, `freshness` how old these may be.
    """

    id: NodeId
    source: str
    name: str
    database: str | None
    schema: str | None
    identifier: str
    location: str | None
    description: str
    columns: tuple[ColumnDecl, ...]
    tests: tuple[TestDecl, ...]
    tags: tuple[str, ...]
    meta: Mapping[str, Value]
    span: Span
    loaded_at: LoadedAt | None = None
    freshness: Freshness | None = None

    @property
    def relation(self) -> Relation:
        """The table, by the parts of its name."""
        return Relation(self.database, self.schema or self.source, self.identifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDecl:
    """A Python function that says whether a model may be built.

    `required` are the parameters without a default, `span` is the function's name.
    """

    name: str
    path: str
    parameters: tuple[str, ...]
    required: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SingularTestDecl:
    """A SQL file whose query gives the rows that are wrong."""

    id: NodeId
    name: str
    path: str
    layers: tuple[ConfigLayer, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """All declarations; `models` has the snapshots, too.

    `texts` are those of the templates by path: SQL models, snapshots, singular tests, macros.
    """

    settings: Settings
    models: Mapping[NodeId, ModelDecl]
    seeds: Mapping[NodeId, SeedDecl]
    sources: Mapping[NodeId, SourceDecl]
    tests: Mapping[NodeId, SingularTestDecl]
    macro_files: tuple[str, ...]
    texts: Mapping[str, str]
    signals: Mapping[str, SignalDecl] = field(default_factory=lambda: MappingProxyType({}))
