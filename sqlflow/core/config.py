"""The configuration of models, snapshots, seeds and tests after all its layers are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from sqlflow.core.batches import BatchSize
from sqlflow.core.moments import read_zone
from sqlflow.core.span import Span
from sqlflow.core.value import EMPTY, Value


class Materialization(StrEnum):
    """What a model becomes in the warehouse."""

    VIEW = "view"
    TABLE = "table"
    INCREMENTAL = "incremental"
    EPHEMERAL = "ephemeral"
    SEED = "seed"
    SNAPSHOT = "snapshot"


class IncrementalStrategy(StrEnum):
    """How new rows get into a table that is there."""

    APPEND = "append"
    DELETE_INSERT = "delete+insert"
    MERGE = "merge"
    INSERT_OVERWRITE = "insert_overwrite"
    TIME_RANGE = "time_range"
    # A macro of the project's own.
    CUSTOM = "custom"


class OnSchemaChange(StrEnum):
    """What happens when an incremental query's columns are not the table's."""

    IGNORE = "ignore"
    FAIL = "fail"
    APPEND_NEW_COLUMNS = "append_new_columns"
    SYNC_ALL_COLUMNS = "sync_all_columns"


class OnStaleSource(StrEnum):
    """What happens to what reads a source whose rows are older than its `error_after`."""

    IGNORE = "ignore"
    HOLD = "hold"


class SnapshotStrategy(StrEnum):
    """By what a snapshot tells that a row has changed."""

    TIMESTAMP = "timestamp"
    CHECK = "check"


class HardDeletes(StrEnum):
    """What a snapshot makes of a row that its query no longer gives."""

    IGNORE = "ignore"
    INVALIDATE = "invalidate"
    NEW_RECORD = "new_record"


class TestSeverity(StrEnum):
    """Whether a data test that finds rows stops what depends on the model."""

    ERROR = "error"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalUse:
    """A signal that a node waits for, with what it is given; `span` is where it is named."""

    name: str
    arguments: Mapping[str, Value] = field(default_factory=lambda: EMPTY)
    span: Span = field(default=Span("", 0, 0), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index on a table."""

    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A statement that runs before or after a node is built, in the transaction that publishes it or not."""

    sql: str
    transaction: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistDocs:
    """Which descriptions are kept in the warehouse, as comments: the node's own, those of its columns."""

    relation: bool = False
    columns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionPart:
    """A column that a table's rows are partitioned by; of one with times, by hours, days and so on."""

    column: str
    granularity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaColumns:
    """The names of the columns that a snapshot adds to those of its query."""

    dbt_scd_id: str = "dbt_scd_id"
    dbt_updated_at: str = "dbt_updated_at"
    dbt_valid_from: str = "dbt_valid_from"
    dbt_valid_to: str = "dbt_valid_to"
    dbt_is_deleted: str = "dbt_is_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotConfig:
    """The settings that only a snapshot has.

    `updated_at` is the column that tells when a row changed, None where the run's time does. `check_cols`
    are the columns that the strategy `check` compares, None for all. `valid_to_current` is an SQL
    expression that stands in the place of NULL for the end of a version that is still valid.
    `target_schema` is a schema's whole name.
    """

    strategy: SnapshotStrategy
    updated_at: str | None = None
    check_cols: tuple[str, ...] | None = None
    hard_deletes: HardDeletes = HardDeletes.IGNORE
    valid_to_current: str | None = None
    columns: MetaColumns = field(default_factory=MetaColumns)
    target_schema: str | None = None

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the columns that the snapshot has besides those of its query."""
        names = self.columns
        deleted = (names.dbt_is_deleted,) if self.hard_deletes is HardDeletes.NEW_RECORD else ()
        return (
            names.dbt_scd_id,
            names.dbt_updated_at,
            names.dbt_valid_from,
            names.dbt_valid_to,
            *deleted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRangeConfig:
    """The settings of a model that is built by time range.

    `event_time` is the column of its query by which rows belong to a range. `begin` is the first moment, in
    UTC; batches are counted from the one that it lies in. `lookback` batches before new ones are built again.
    `depends_on_past` says whether a batch is built from those before it; None where the query tells.
    """

    event_time: str
    batch_size: BatchSize
    begin: datetime
    lookback: int
    time_zone: str
    depends_on_past: bool | None = None

    @property
    def zone(self) -> tzinfo:
        """The time zone whose days, weeks and months these are."""
        zone = read_zone(self.time_zone)
        if zone is None:
            raise ValueError(f"no time zone {self.time_zone}")
        return zone


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """The settings of a model, a snapshot or a seed. `timeout` is in seconds; None is without limit."""

    materialized: Materialization = Materialization.VIEW
    enabled: bool = True
    alias: str | None = None
    schema: str | None = None
    database: str | None = None
    # The name that a node had before: what was published under that is the node's.
    renamed_from: str | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Value] = field(default_factory=lambda: EMPTY)
    pre_hook: tuple[Hook, ...] = ()
    post_hook: tuple[Hook, ...] = ()
    timeout: float | None = None
    persist_docs: PersistDocs = field(default_factory=PersistDocs)
    # How long what can't be told of a model or a snapshot (a volatile function, a source without a version)
    # counts as unchanged; None for not at all.
    stale_after: timedelta | None = None
    on_stale_source: OnStaleSource = OnStaleSource.IGNORE
    signals: tuple[SignalUse, ...] = ()
    # Whether what reads a table is left alone where the table has been built again with the same rows.
    checksum: bool = False
    # Grantees by privilege, in capitals; None leaves what is granted alone.
    grants: Mapping[str, tuple[str, ...]] | None = None
    indexes: tuple[Index, ...] = ()
    # Whether the columns of the query have to be the declared ones.
    contract: bool = False
    # Incremental models and snapshots.
    unique_key: tuple[str, ...] = ()
    partition_by: tuple[PartitionPart, ...] = ()
    incremental_strategy: IncrementalStrategy | None = None
    # The name of the strategy where it is the project's own.
    custom_strategy: str = ""
    on_schema_change: OnSchemaChange = OnSchemaChange.IGNORE
    # With a unique_key: SQL conditions on what is looked at in the table; the columns that a merge updates.
    incremental_predicates: tuple[str, ...] = ()
    merge_update_columns: tuple[str, ...] = ()
    merge_exclude_columns: tuple[str, ...] = ()
    full_refresh: bool | None = None
    # The column of times by which what reads the node takes a part of its rows.
    event_time: str | None = None
    # Set where the strategy is the one by time range, unless the settings have errors.
    time_range: TimeRangeConfig | None = None
    # How many of its batches may be built at once; None for as many as there are sessions.
    concurrent_batches: int | None = 1
    # Snapshots: set for each, unless its settings have errors.
    snapshot: SnapshotConfig | None = None
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
