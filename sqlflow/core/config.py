"""The configuration of models, seeds and tests after all its layers are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlflow.core.value import EMPTY, Value


class Materialization(StrEnum):
    """What a model becomes in the warehouse."""

    VIEW = "view"
    TABLE = "table"
    INCREMENTAL = "incremental"
    EPHEMERAL = "ephemeral"
    SEED = "seed"


class IncrementalStrategy(StrEnum):
    """How new rows get into a table that is there."""

    APPEND = "append"
    DELETE_INSERT = "delete+insert"
    MERGE = "merge"


class OnSchemaChange(StrEnum):
    """What happens when an incremental query's columns are not the table's."""

    IGNORE = "ignore"
    FAIL = "fail"
    APPEND_NEW_COLUMNS = "append_new_columns"
    SYNC_ALL_COLUMNS = "sync_all_columns"


class TestSeverity(StrEnum):
    """Whether a data test that finds rows stops what depends on the model."""

    ERROR = "error"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index on a table."""

    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """The settings of a model or a seed. `timeout` is in seconds; None is without limit."""

    materialized: Materialization = Materialization.VIEW
    enabled: bool = True
    alias: str | None = None
    schema: str | None = None
    database: str | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Value] = field(default_factory=lambda: EMPTY)
    pre_hook: tuple[str, ...] = ()
    post_hook: tuple[str, ...] = ()
    timeout: float | None = None
    indexes: tuple[Index, ...] = ()
    # Whether the columns of the query have to be the declared ones.
    contract: bool = False
    # Incremental models.
    unique_key: tuple[str, ...] = ()
    incremental_strategy: IncrementalStrategy | None = None
    on_schema_change: OnSchemaChange = OnSchemaChange.IGNORE
    full_refresh: bool | None = None
    # Seeds.
    column_types: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class TestConfig:
    """The settings of a data test."""

    severity: TestSeverity = TestSeverity.ERROR
    store_failures: bool = False
    enabled: bool = True
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Value] = field(default_factory=lambda: EMPTY)
