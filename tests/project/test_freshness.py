"""What sources say about how old their rows may be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.freshness import Freshness, FreshnessStatus
from sqlflow.project.durations import duration_text
from sqlflow.project.properties import read_properties
from sqlflow.project.types import SourceDecl
from tests.project.reading import covered, render_value

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sources(text: str) -> dict[str, SourceDecl]:
    properties, diagnostics = read_properties(text, "p.yml", "shop", render_value)
    assert diagnostics == ()
    return {source.name: source for source in properties.sources}


def test_a_table_goes_over_its_source() -> None:
    found = sources(
        """sources:
  - name: raw
    loaded_at_field: loaded_at
    tags: [a]
    freshness:
      warn_after: {count: 12, period: hour}
      error_after: 1 day
      filter: id > 0
    config:
      tags: [b]
    tables:
      - name: plain
      - name: own
        config:
          loaded_at_query: select max(x) from y
          freshness: {warn_after: 1 hour}
          meta: {team: sales}
      - name: takes_back
        freshness: {error_after: null, filter: "x > 1"}
      - name: never
        freshness: null
      - name: a_file
        location: data/x.csv
"""
    )
    assert found["plain"].freshness == Freshness(warn_after=12 * HOUR, error_after=DAY, filter="id > 0")
    told = found["plain"].loaded_at
    assert told is not None and (told.text, told.query) == ("loaded_at", False)
    own = found["own"]
    # A query says itself which rows it looks at.
    assert own.freshness == Freshness(warn_after=HOUR, error_after=DAY)
    assert own.loaded_at is not None and (own.loaded_at.text, own.loaded_at.query) == (
        "select max(x) from y",
        True,
    )
    assert (own.tags, dict(own.meta)) == (("a", "b"), {"team": "sales"})
    assert found["takes_back"].freshness == Freshness(warn_after=12 * HOUR, filter="x > 1")
    assert found["never"].freshness is None and found["never"].loaded_at is not None
    # A file has its time of change.
    assert found["a_file"].loaded_at is None and found["a_file"].freshness == found["plain"].freshness


@pytest.mark.parametrize(
    ("table", "code", "place", "message"),
    [
        ("freshness: {warn_after: 1 day}", Code.MISSING_SETTING, "freshness", "`loaded_at_field` is missing"),
        ("loaded_at_field: ''", Code.INVALID_VALUE, "''", "`loaded_at_field` is empty"),
        (
            "loaded_at_field: a, loaded_at_query: select 1",
            Code.INVALID_VALUE,
            "select 1",
            "are both set",
        ),
        (
            "loaded_at_field: a, freshness: {warn: 1 day}",
            Code.UNKNOWN_KEY,
            "warn",
            "unknown key `warn` in `freshness`",
        ),
        (
            "loaded_at_field: a, freshness: {warn_after: soon}",
            Code.INVALID_VALUE,
            "soon",
            "`soon` is not a length of time",
        ),
        ("loaded_at_field: a, freshness: 1 day", Code.WRONG_TYPE, "1 day", "`freshness` must be a mapping"),
        (
            "loaded_at_query: select 1, freshness: {warn_after: 1 day, filter: a > 1}",
            Code.INVALID_VALUE,
            "a > 1",
            "this `filter` filters nothing",
        ),
        ("loaded_at_field: a, freshness: {filter: a > 1}", Code.INVALID_VALUE, "a > 1", "filters nothing"),
        (
            "location: a.csv, freshness: {warn_after: 1 day, filter: a > 1}",
            Code.INVALID_VALUE,
            "a > 1",
            "filters",
        ),
        ("location: a.csv, loaded_at_field: a", Code.INVALID_VALUE, "a", "came when its file was changed"),
        ("config: {freshnes: 1}", Code.UNKNOWN_KEY, "freshnes", "the config of the table `b`"),
        ("loaded_at_field: '{{ no }}'", Code.MISSING_ENV_VAR, "'{{ no }}'", "no {{ no }}"),
    ],
)
def test_mistakes(table: str, code: Code, place: str, message: str) -> None:
    text = f"sources: [{{name: a, tables: [{{name: b, {table}}}]}}]"
    _, (diagnostic,) = read_properties(text, "p.yml", "shop", render_value)
    assert (diagnostic.code, covered(diagnostic.span, text)) == (code, place)
    assert message in diagnostic.message


@pytest.mark.parametrize(
    ("limits", "age", "status"),
    [
        (Freshness(warn_after=HOUR, error_after=DAY), HOUR, FreshnessStatus.PASS),
        (Freshness(warn_after=HOUR, error_after=DAY), 1.01 * HOUR, FreshnessStatus.WARN),
        (Freshness(warn_after=HOUR, error_after=DAY), 1.01 * DAY, FreshnessStatus.ERROR),
        (Freshness(warn_after=HOUR), 10 * DAY, FreshnessStatus.WARN),
        (Freshness(error_after=DAY), 2 * HOUR, FreshnessStatus.PASS),
        (Freshness(warn_after=HOUR, error_after=DAY), -HOUR, FreshnessStatus.PASS),
        (Freshness(warn_after=HOUR, error_after=DAY), None, FreshnessStatus.ERROR),
        (Freshness(warn_after=HOUR), None, FreshnessStatus.WARN),
    ],
)
def test_how_an_age_is_judged(limits: Freshness, age: timedelta | None, status: FreshnessStatus) -> None:
    assert limits.status(age) is status


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (HOUR, "1 hour"),
        (36 * HOUR, "36 hours"),
        (DAY, "1 day"),
        (14 * DAY, "2 weeks"),
        (HOUR / 2, "30 minutes"),
    ],
)
def test_lengths_in_words(length: timedelta, text: str) -> None:
    assert duration_text(length) == text
