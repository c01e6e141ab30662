"""A sample of what is verified between two dialects, asked again on both engines."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import pytest

from sqlflow.dialect.pairs import load_pair
from sqlflow.dialect.specs import SPECS
from tests.pairs.ask import NOTHING, Asker, Run, same, verdict
from tests.pairs.forms import TYPES
from tests.pairs.generate import EACH, engines
from tests.pairs.questions import questions
from tests.servers import NoServerError, skip_or_fail

SAMPLE = 150
PAIRS = (("duckdb", "postgres"), ("postgres", "duckdb"))


@pytest.fixture(scope="module")
def runs() -> Iterator[Mapping[str, Run]]:
    try:
        with engines() as found:
            yield found
    except NoServerError as error:
        skip_or_fail(error)


def asker(source: str, target: str) -> Asker:
    pair = load_pair(source, target)
    return Asker(SPECS[source], SPECS[target], dict(pair.verified), pair.types)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_is_on_the_list_gives_equal_values(source: str, target: str, runs: Mapping[str, Run]) -> None:
    asks = asker(source, target)
    asked = 0
    everything = list(questions(source))
    for question in random.Random(1).sample(everything, len(everything)):
        try:
            pair = asks.translate(question.sql)
        except Exception:
            continue
        if not all(any(key in asks.verified for key in part.keys) for part in pair.constructs):
            continue
        why = verdict(pair, runs[source], runs[target], EACH if question.by_row else ())
        assert why in ("", NOTHING), (question.sql, pair.translated)
        asked += why == ""
        if asked == SAMPLE:
            return
    pytest.fail(f"only {asked} questions could be asked")


@pytest.mark.parametrize(
    ("source", "target", "expression", "key"),
    [
        ("duckdb", "postgres", "upper(s)", "Upper(VARCHAR)"),
        ("duckdb", "postgres", "cast(f as varchar)", "Cast(DOUBLE, as VARCHAR)"),
        ("postgres", "duckdb", "x / nullif(y, 0)", "Div(NUMERIC, NUMERIC but 0, typed=True)"),
        ("postgres", "duckdb", "substring(s, m, 2)", "Substring(TEXT, start=INTEGER, length=+)"),
    ],
)
def test_what_differs_is_not_on_the_list(
    source: str, target: str, expression: str, key: str, runs: Mapping[str, Run]
) -> None:
    asks = asker(source, target)
    assert key not in asks.verified
    asked = asks.translate(f"SELECT id, {expression} AS r FROM grid ORDER BY id")
    assert asked.root is not None and key in asked.root.keys
    assert verdict(asked, runs[source], runs[target], EACH)


def test_types_are_named_once_for_the_generator_and_the_package() -> None:
    for source, target in PAIRS:
        assert dict(load_pair(source, target).types) == TYPES[f"{source}.{target}"]


def test_exact_values_are_compared_exactly() -> None:
    assert same(1, 1) and not same(1, 2) and not same(None, 0) and not same(True, 1)
    assert same(0.1 + 0.2, 0.3) and not same(0.1, 0.1001) and same(float("nan"), float("nan"))
    assert not same("a", "A") and same([1, None], [1, None])
