"""What the file of a Python model imports from sqlflow: the decorator `model`, and `ref`, `source`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, ParamSpec, TypedDict, TypeVar, Unpack

from sqlflow.project.types import RefTarget

P = ParamSpec("P")
R = TypeVar("R")


class IndexConfig(TypedDict, total=False):
    """An index on a model's table."""

    columns: Sequence[str]
    unique: bool


class DurationConfig(TypedDict):
    """A length of time."""

    count: int
    period: Literal["minute", "hour", "day", "week"]


class PartitionConfig(TypedDict, total=False):
    """A column of times whose hours, days and so on are partitions."""

    field: str
    data_type: str
    granularity: Literal["hour", "day", "week", "month", "year"]


class HookConfig(TypedDict, total=False):
    """A hook that says whether it runs in the transaction that publishes."""

    sql: str
    transaction: bool


class ModelConfig(TypedDict, total=False):
    """The configuration of a Python model, in the words of `{{ config(...) }}`."""

    materialized: Literal["table", "incremental", "view", "ephemeral"]
    enabled: bool
    alias: str
    schema: str
    database: str
    renamed_from: str
    tags: str | Sequence[str]
    meta: Mapping[str, object]
    pre_hook: str | HookConfig | Sequence[str | HookConfig]
    post_hook: str | HookConfig | Sequence[str | HookConfig]
    timeout: float
    persist_docs: Mapping[str, bool]
    stale_after: str | DurationConfig
    on_stale_source: Literal["ignore", "hold"]
    signals: str | Sequence[str | Mapping[str, Mapping[str, object]]]
    checksum: bool
    contract: Mapping[str, bool]
    grants: Mapping[str, str | Sequence[str]]
    indexes: Sequence[IndexConfig]
    unique_key: str | Sequence[str]
    incremental_strategy: str
    partition_by: str | PartitionConfig | Sequence[str | PartitionConfig]
    incremental_predicates: str | Sequence[str]
    merge_update_columns: str | Sequence[str]
    merge_exclude_columns: str | Sequence[str]
    event_time: str
    batch_size: str
    begin: str
    lookback: int
    time_zone: str
    depends_on_past: bool
    concurrent_batches: bool | int
    on_schema_change: Literal["ignore", "fail", "append_new_columns", "sync_all_columns"]
    full_refresh: bool
    description: str
    columns: Mapping[str, str]


def model(**config: Unpack[ModelConfig]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Configures the function below it as a model; gives the function back unchanged.

    The values must be literals: sqlflow reads them from the file's text and does not run it to compile.
    `timeout` is in seconds, `columns` maps a column's name to its type.

        @model(materialized="table", tags=["daily"])
        def busy_days(flights: pandas.DataFrame) -> pandas.DataFrame: ...
    """

    def unchanged(function: Callable[P, R]) -> Callable[P, R]:
        return function

    return unchanged


def ref(*parts: str) -> RefTarget:
    """Names an upstream model in `Annotated[T, ref("orders")]`, where the parameter's name can't."""
    return RefTarget("ref", parts)


def source(name: str, table: str) -> RefTarget:
    """Names an upstream source in `Annotated[T, source("raw", "orders")]`."""
    return RefTarget("source", (name, table))
