"""Snapshots of random histories are what a replay of them is, on each engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sqlflow.adapter.protocol import Session
from sqlflow.adapter.registry import find_adapter
from sqlflow.core.config import SnapshotStrategy
from sqlflow.dialect.spec import DialectSpec
from tests.materialize.histories import Case, Replay, Snapshot, cases, seen


@pytest.fixture
def duckdb_session() -> Iterator[tuple[Session, DialectSpec]]:
    adapter = find_adapter("duckdb")
    assert adapter is not None
    warehouse = adapter.offline()
    assert warehouse is not None
    with closing(warehouse), closing(warehouse.session()) as session:
        yield session, adapter.spec


@pytest.fixture
def postgres_session(postgres_database: dict[str, Any]) -> Iterator[tuple[Session, DialectSpec]]:
    adapter = find_adapter("postgres")
    assert adapter is not None
    with closing(adapter.open(postgres_database, "/")) as warehouse, closing(warehouse.session()) as session:
        yield session, adapter.spec


_FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(case=cases())
@settings(max_examples=150, deadline=None, suppress_health_check=_FIXTURE)
def test_on_duckdb(duckdb_session: tuple[Session, DialectSpec], case: Case) -> None:
    check(*duckdb_session, case)


@given(case=cases())
@settings(max_examples=60, deadline=None, suppress_health_check=_FIXTURE)
def test_on_postgres(postgres_session: tuple[Session, DialectSpec], case: Case) -> None:
    check(*postgres_session, case)


def check(session: Session, spec: DialectSpec, case: Case) -> None:
    session.rollback()
    session.execute("DROP TABLE IF EXISTS s")
    snapshot, replay = Snapshot(session, spec, case), Replay(case.config)
    for step in case.steps:
        snapshot.put(step)
        snapshot.build(step.now)
        replay.step(step)
        assert Counter(snapshot.rows()) == Counter(replay.rows())
        # What did not change is not written, whatever the time is.
        assert snapshot.build(step.now + timedelta(seconds=1)) == 0
    ids = [row["dbt_scd_id"] for row in session.fetch("SELECT dbt_scd_id FROM s").to_pylist()]
    assert len(set(ids)) == len(ids)
    no_overlap(snapshot)
    if case.honest:
        shows_the_source(snapshot)


def no_overlap(snapshot: Snapshot) -> None:
    """Of each key, versions follow each other, and the last one alone may be current."""
    at = -2 if snapshot.config.hard_deletes.value != "new_record" else -3
    by_key: dict[Any, list[tuple[Any, ...]]] = {}
    for row in sorted(snapshot.rows(), key=lambda row: row[at]):
        by_key.setdefault(row[:2], []).append(row)
    for versions in by_key.values():
        for first, second in pairwise(versions):
            assert first[at] < first[at + 1] <= second[at]


def shows_the_source(snapshot: Snapshot) -> None:
    """A query as of each step's time gives the source as it was."""
    case = snapshot.case
    by_updated_at = case.config.strategy is SnapshotStrategy.TIMESTAMP
    for number, step in enumerate(case.steps, 1):
        have = {row[:2]: row[2:4] for row in snapshot.as_of(step.now)}
        assert have == seen(case.steps[:number], case.config.hard_deletes)
        assert len(have) == len(snapshot.as_of(step.now))
        if step.has_extra and case.config.check_cols is None and not by_updated_at:
            extras = {row[:2]: row[4] for row in snapshot.as_of(step.now) if row[:2] in step.rows}
            assert extras == {key: row[2] for key, row in step.rows.items()}
