"""What a source says about its freshness, for all its tables or for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlflow.core.freshness import Freshness, LoadedAt
from sqlflow.core.span import Span
from sqlflow.project.decode import Section, invalid_value
from sqlflow.project.durations import read_duration

# The keys that are read here, beside `config` and in it.
FRESHNESS_KEYS = ("freshness", "loaded_at_field", "loaded_at_query")


class FreshnessLevel(NamedTuple):
    """What one level says: a source, its `config`, a table, its `config`.

    `ages` has the ages that are set, None for one that is taken back; an `off` takes all back. `span` is
    where freshness is asked for, `filter_span` where its filter stands.
    """

    loaded_at: LoadedAt | None
    ages: Mapping[str, timedelta | None]
    filter: str | None
    off: bool
    span: Span | None
    filter_span: Span | None


def read_level(section: Section) -> FreshnessLevel:
    """Reads what a source, a table or the `config` of one says."""
    field, query = section.text("loaded_at_field"), section.text("loaded_at_query")
    for key, text in (("loaded_at_field", field), ("loaded_at_query", query)):
        if text is not None and (not text.strip() or "\0" in text):
            section.report(invalid_value(f"`{key}` is empty", section.span(key)))
    if field is not None and query is not None:
        section.report(
            invalid_value(
                "`loaded_at_field` and `loaded_at_query` are both set",
                section.span("loaded_at_query"),
                "leave one of them out",
            )
        )
    key = "loaded_at_field" if field is not None else "loaded_at_query"
    text = field if field is not None else query
    loaded_at = (
        LoadedAt(text=text.strip(), query=field is None, span=section.span(key)) if text is not None else None
    )
    given = section.node.get("freshness")
    below = section.section("freshness", "`freshness`")
    if below is None:
        return FreshnessLevel(loaded_at, {}, None, given is not None, None, None)
    ages = {key: read_duration(below, key) for key in ("warn_after", "error_after") if below.node.get(key)}
    condition = below.text("filter")
    below.finish(also=("warn_after", "error_after"))
    span = given.key_span if given is not None else None
    return FreshnessLevel(
        loaded_at, ages, condition, False, span, below.span("filter") if condition is not None else None
    )


class Merged(NamedTuple):
    """What holds for a table; `span` is the place of its freshness, `filter_span` that of its filter."""

    loaded_at: LoadedAt | None
    freshness: Freshness | None
    span: Span | None
    filter_span: Span | None


def merged(levels: Sequence[FreshnessLevel]) -> Merged:
    """Merges levels, general to specific. A query takes the place of a filter that was set before it."""
    loaded_at: LoadedAt | None = None
    ages: dict[str, timedelta | None] = {}
    condition: str | None = None
    place: Span | None = None
    span: Span | None = None
    for level in levels:
        loaded_at = level.loaded_at or loaded_at
        if level.off or (level.loaded_at is not None and level.loaded_at.query):
            condition, place = None, None
        if level.off:
            ages = {}
        ages.update(level.ages)
        if level.filter is not None:
            condition, place = level.filter, level.filter_span
        span = level.span or span
    if not any(age is not None for age in ages.values()):
        return Merged(loaded_at, None, None, place)
    freshness = Freshness(
        warn_after=ages.get("warn_after"), error_after=ages.get("error_after"), filter=condition
    )
    return Merged(loaded_at, freshness, span, place)
