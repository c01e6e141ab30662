"""Strategies for events."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Range, normalised
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.state.event import (
    Event,
    KeptEvent,
    NodeFinished,
    NodeStarted,
    Published,
    RunFinished,
    RunStarted,
    StatementSent,
    Status,
)
from sqlflow.state.publication import Publication

# With an offset, and not a place: a clock that is set back, or leaps, has times that are equal to none.
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30)), timezone(timedelta(hours=14))])
MOMENTS = st.datetimes() | st.datetimes(timezones=ZONES)
NODES = st.sampled_from([NodeId(f"model.shop.{name}") for name in "abc"])
RUNS = st.sampled_from(["r1", "r2", "r3"])
TEXTS = st.text(st.characters(), max_size=8)
COUNTS = st.integers(0, 2**63 - 1)
SECONDS = st.floats(0, 1e9)
INPUTS = st.dictionaries(NODES, TEXTS, max_size=2)

DIAGNOSTICS: st.SearchStrategy[tuple[Diagnostic, ...]] = st.lists(
    st.builds(
        Diagnostic,
        code=st.sampled_from(list(Code)),
        message=TEXTS,
        severity=st.sampled_from(list(Severity)),
        span=st.none() | st.builds(Span, path=TEXTS, start=COUNTS, end=COUNTS),
    ),
    max_size=2,
).map(tuple)

RANGES = st.none() | st.lists(st.builds(Range, st.datetimes(), st.datetimes()), max_size=3).map(normalised)

COLUMNS = st.lists(TEXTS, max_size=2).map(tuple)
PUBLICATIONS: st.SearchStrategy[Publication] = st.builds(
    Publication,
    environment=st.sampled_from(["prod", "dev"]),
    node=NODES,
    number=COUNTS,
    relation=TEXTS,
    code=TEXTS,
    data=TEXTS,
    inputs=INPUTS,
    ranges=RANGES,
    changed=RANGES,
    run=RUNS,
    at=MOMENTS,
    epoch=COUNTS,
    checksum=TEXTS,
    stage=TEXTS,
    like=st.dictionaries(TEXTS, COLUMNS, max_size=2),
    unread=st.dictionaries(NODES, COLUMNS, max_size=2),
    tested=INPUTS,
    table=st.none() | st.builds(Relation, st.none() | TEXTS, st.none() | TEXTS, TEXTS),
    origin=TEXTS,
    follows=st.sampled_from(["", "prod"]),
    origins=INPUTS,
    unshown=st.booleans(),
    mixed=st.booleans(),
    counts_as=st.sampled_from(["", "c0de"]),
)

KEPT: st.SearchStrategy[KeptEvent] = st.one_of(
    st.builds(
        RunStarted,
        run=RUNS,
        at=MOMENTS,
        command=TEXTS,
        target=TEXTS,
        actions=COUNTS,
        threads=COUNTS,
    ),
    st.builds(
        NodeFinished,
        run=RUNS,
        node=NODES,
        name=TEXTS,
        kind=TEXTS,
        materialized=TEXTS,
        status=st.sampled_from(list(Status)),
        at=MOMENTS,
        seconds=SECONDS,
        statements=COUNTS,
        rows=st.none() | COUNTS,
        reason=TEXTS,
        kept=st.none() | TEXTS,
        diagnostics=DIAGNOSTICS,
        code=TEXTS,
        inputs=INPUTS,
        batches=st.none() | st.integers(1, 40),
    ),
    st.builds(Published, publication=PUBLICATIONS),
    st.builds(
        RunFinished,
        run=RUNS,
        at=MOMENTS,
        seconds=SECONDS,
        counts=st.lists(
            st.tuples(st.sampled_from(list(Status)), COUNTS), max_size=3, unique_by=lambda pair: pair[0]
        ).map(tuple),
        not_done=st.lists(NODES, max_size=2).map(tuple),
        interrupted=st.booleans(),
        diagnostics=DIAGNOSTICS,
    ),
)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    KEPT,
    st.builds(NodeStarted, node=NODES, name=TEXTS, kind=TEXTS, materialized=TEXTS, at=MOMENTS),
    st.builds(
        StatementSent, node=NODES, sql=TEXTS, seconds=SECONDS, rows=st.none() | COUNTS, ok=st.booleans()
    ),
)
LOGS = st.lists(EVENTS, max_size=12)
