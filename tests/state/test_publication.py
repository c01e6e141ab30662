"""What a publication says of those before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlflow.core.ids import NodeId
from sqlflow.dialect.environments import PROD
from sqlflow.state.publication import Publication

FIRST = Publication(
    environment=PROD,
    node=NodeId("model.shop.p"),
    number=1,
    relation="p",
    code="c",
    data="r:1",
    inputs={},
    ranges=None,
    run="r",
    at=datetime(2026, 1, 1, tzinfo=UTC),
    epoch=0,
)


def after(last: Publication, columns: set[str] | None) -> Publication:
    number = last.number + 1
    like = last.likeness(frozenset(columns) if columns is not None else None)
    return replace(last, number=number, data=f"r:{number}", like=like)


def test_columns_add_up() -> None:
    last = after(after(FIRST, {"b"}), {"a"})
    assert last.columns_since("r:3") == frozenset()
    assert last.columns_since("r:2") == {"a"}
    assert last.columns_since("r:1") == {"a", "b"}
    assert last.columns_since("r:0") is None


def test_nothing_is_claimed_beyond_what_is_not_known() -> None:
    last = after(after(after(FIRST, {"b"}), None), {"a"})
    assert last.columns_since("r:3") == {"a"}
    assert last.columns_since("r:2") is None
    assert last.columns_since("r:1") is None


def test_the_oldest_are_forgotten() -> None:
    last = FIRST
    for number in range(40):
        last = after(last, {f"c{number}"})
    assert len(last.like) == 16
    assert last.columns_since(f"r:{41 - 16}") == {f"c{number}" for number in range(24, 40)}
    assert last.columns_since(f"r:{41 - 17}") is None
