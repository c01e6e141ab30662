"""Queries that the engine describes though they can't run on rows, and those that it runs."""

from __future__ import annotations

import pytest

from tests.judge.engine import Engine
from tests.judge.validity import fails_on_values, is_valid_throughout
from tests.judge.world import TABLES


@pytest.mark.parametrize(
    "message",
    [
        "SF0305: DATE can't be compared with INTEGER",
        "SF0306: column 2 of the EXCEPT is INTERVAL on one side and DOUBLE on the other",
    ],
)
def test_types_without_a_cast_fail_on_values(message: str) -> None:
    assert fails_on_values(message)


@pytest.mark.parametrize(
    "message",
    [
        "SF0305: DATE can't be compared with TIMESTAMP",
        "SF0306: column 2 of the EXCEPT is INTEGER on one side and DOUBLE on the other",
        "SF0305: INTEGER can't be compared with VARCHAR",
        "SF0305: NO_SUCH_TYPE can't be compared with DATE",
        "SF0301: no column `x`",
    ],
)
def test_a_wrong_refusal_is_none_of_these(message: str) -> None:
    assert not fails_on_values(message)


def test_what_is_not_used_has_to_be_valid_too() -> None:
    engine = Engine(TABLES)
    assert is_valid_throughout(engine, "WITH a AS (SELECT 1 AS x) SELECT 2")
    wrong = "SELECT 1 FROM sales WINDOW w AS (ORDER BY TIMESTAMP '2020-01-01' + 1)"
    assert engine.describe(wrong) is not None
    assert not is_valid_throughout(engine, wrong)
