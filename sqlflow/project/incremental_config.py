"""The settings of incremental models."""

from __future__ import annotations

from typing import NamedTuple

from sqlflow.core.codes import Code
from sqlflow.core.config import IncrementalStrategy, Materialization, PartitionPart, TimeRangeConfig
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.project.decode import Section, invalid_value, is_failed, wrong_type
from sqlflow.project.nodes import ListNode, MappingNode, Node, ScalarNode
from sqlflow.project.time_config import decode_time_range

# dbt's name for the strategy by time range, and how many batches that looks back where nothing is set.
MICROBATCH, _LOOKBACK = "microbatch", 1
_GRANULARITIES = ("hour", "day", "week", "month", "year")
_NEED_UNIQUE_KEY = (IncrementalStrategy.DELETE_INSERT, IncrementalStrategy.MERGE)

_BY_NAME = {s.value: s for s in IncrementalStrategy if s is not IncrementalStrategy.CUSTOM}

# The strategies that look at a setting.
_WITH = {
    "incremental_predicates": (
        IncrementalStrategy.MERGE,
        IncrementalStrategy.DELETE_INSERT,
        IncrementalStrategy.CUSTOM,
    ),
    "merge_update_columns": (IncrementalStrategy.MERGE,),
    "merge_exclude_columns": (IncrementalStrategy.MERGE,),
    "partition_by": (IncrementalStrategy.INSERT_OVERWRITE,),
}


class Increments(NamedTuple):
    """How an incremental model gets its new rows; see NodeConfig."""

    strategy: IncrementalStrategy | None
    custom: str
    time_range: TimeRangeConfig | None
    predicates: tuple[str, ...]
    update: tuple[str, ...]
    exclude: tuple[str, ...]
    partition_by: tuple[PartitionPart, ...]


def decode_increments(
    section: Section,
    materialized: Materialization,
    unique_key: tuple[str, ...],
    event_time: str | None,
) -> Increments:
    """Reads how new rows get in.

    An incremental model always gets a strategy: merge where it has a unique key, append where not.
    """
    word = section.text("incremental_strategy")
    strategy = _strategy(section, materialized, word, unique_key)
    time_range: TimeRangeConfig | None = None
    if strategy is IncrementalStrategy.TIME_RANGE and materialized is Materialization.INCREMENTAL:
        lookback = _LOOKBACK if word == MICROBATCH else 0
        place = section.span("incremental_strategy")
        time_range = decode_time_range(section, event_time, place, lookback=lookback)
    found = Increments(
        strategy=strategy,
        custom=word or "" if strategy is IncrementalStrategy.CUSTOM else "",
        time_range=time_range,
        predicates=section.texts("incremental_predicates") or (),
        update=section.texts("merge_update_columns") or (),
        exclude=section.texts("merge_exclude_columns") or (),
        partition_by=_partition_by(section),
    )
    if strategy is IncrementalStrategy.INSERT_OVERWRITE and not found.partition_by:
        _need_partition(section, materialized)
    if any(not text.strip() or "\0" in text for text in found.predicates):
        section.report(
            invalid_value(
                "a condition in `incremental_predicates` is empty", section.span("incremental_predicates")
            )
        )
    if found.update and found.exclude:
        section.report(
            invalid_value(
                "`merge_update_columns` and `merge_exclude_columns` are both set",
                section.span("merge_exclude_columns"),
                "leave one of them out: the columns that are updated, or those that are not",
            )
        )
    if materialized is Materialization.INCREMENTAL:
        for key, strategies in _WITH.items():
            if section.pair(key) is not None and found.strategy not in strategies:
                words = " or ".join(f"`{s.value}`" for s in strategies if s.value in _BY_NAME)
                section.report(
                    invalid_value(f"`{key}` is for the strategy {words}", section.span(key), "leave it out")
                )
    return found


def _need_partition(section: Section, materialized: Materialization) -> None:
    if materialized is Materialization.INCREMENTAL and section.node.get("partition_by") is None:
        section.report(
            Diagnostic(
                code=Code.MISSING_SETTING,
                message="the strategy `insert_overwrite` needs `partition_by`",
                span=section.span("incremental_strategy"),
                label="set here",
                help="name the columns whose values make a partition: `partition_by: [day]`",
            )
        )


def _partition_by(section: Section) -> tuple[PartitionPart, ...]:
    """Reads a column, several, or `{field: ordered_at, granularity: day}` in the place of one."""
    found = section.pair("partition_by")
    if found is None:
        return ()
    nodes = found.node.items if isinstance(found.node, ListNode) else (found.node,)
    parts = [_partition(node, section) for node in nodes]
    return tuple(dict.fromkeys(part for part in parts if part is not None))


def _partition(node: Node, section: Section) -> PartitionPart | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        if node.value.strip():
            return PartitionPart(column=node.value)
        section.report(invalid_value("a column in `partition_by` is empty", node.span))
        return None
    if not isinstance(node, MappingNode):
        if not is_failed(node):
            section.report(wrong_type("a column, or a mapping", node, "an item of `partition_by`"))
        return None
    below = Section(node, "`partition_by`", section.diagnostics)
    field, granularity = below.required_text("field"), below.choice("granularity", _GRANULARITIES)
    # What dbt needs to know, and the table itself tells.
    below.text("data_type")
    below.finish()
    return PartitionPart(column=field, granularity=granularity) if field is not None else None


def _strategy(
    section: Section, materialized: Materialization, word: str | None, unique_key: tuple[str, ...]
) -> IncrementalStrategy | None:
    if word is None:
        if materialized is not Materialization.INCREMENTAL:
            return None
        return IncrementalStrategy.MERGE if unique_key else IncrementalStrategy.APPEND
    strategy = IncrementalStrategy.TIME_RANGE if word == MICROBATCH else _BY_NAME.get(word)
    # Whether there is a macro for it is known when templates are rendered.
    strategy = strategy or IncrementalStrategy.CUSTOM
    needs_key = materialized is Materialization.INCREMENTAL and strategy in _NEED_UNIQUE_KEY
    if needs_key and not unique_key:
        section.report(
            Diagnostic(
                code=Code.MISSING_UNIQUE_KEY,
                message=f"the strategy `{word}` needs a `unique_key`",
                span=section.span("incremental_strategy"),
                label="set here",
                help="add `unique_key`, or use the strategy `append`",
            )
        )
    return strategy
