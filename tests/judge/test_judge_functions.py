"""Calls of functions as queries write them have the engine's types: a sample of `tests.judge.functions`."""

from __future__ import annotations

import pytest

from tests.judge.functions import judge_functions
from tests.rules.subjects import subjects


@pytest.mark.parametrize(("dialect", "share", "least"), [("duckdb", 0.15, 500), ("postgres", 0.5, 300)])
def test_calls_have_the_types_that_the_engine_says(dialect: str, share: float, least: int) -> None:
    with subjects([dialect]) as some:
        found = judge_functions(some[0], seed=7, share=share)
    assert found.taken > least
    assert found.wrong == ()
    assert found.refused == ()
    assert found.unknown < found.taken * 0.06
