from __future__ import annotations

from collections.abc import Iterator

import pytest

from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.rules import NULL, STRING, TypeRules, load_rules
from sqlflow.dialect.specs import POSTGRES
from tests.rules.check import compare
from tests.rules.generate import function_rules, with_common, written_rules
from tests.rules.subject import Subject
from tests.rules.subjects import postgres_subject
from tests.servers import NoServerError, skip_or_fail

SAMPLE = ("sum", "avg", "round", "date_trunc", "jsonb_agg", "string_agg")


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    try:
        with postgres_subject() as found:
            yield found
    except NoServerError as error:
        skip_or_fail(error)


@pytest.fixture(scope="module")
def rules() -> TypeRules:
    found = load_rules(POSTGRES)
    assert found is not None
    return found


def test_random_expressions_have_the_types_that_the_rules_say(subject: Subject, rules: TypeRules) -> None:
    tally = compare(subject, rules, 4000, seed=11)
    assert tally.wrong == []
    assert sum(tally.taken.values()) > 1000
    assert sum(tally.unknown.values()) < 0.05 * sum(tally.taken.values())


def test_the_written_rules_are_what_the_engine_says_today(subject: Subject, rules: TypeRules) -> None:
    engine = subject.start()
    compressor = with_common(rules, subject.probes)
    shapes = {shape.name: shape for shape in subject.shapes(engine)}
    for name in SAMPLE:
        said = function_rules(engine, shapes[name], subject.probes, compressor)
        assert said == written_rules(subject, name), name


def _kind(text: str) -> SqlType:
    kind = parse_type(text)
    assert kind is not None
    return kind


@pytest.mark.parametrize(
    ("left", "symbol", "right", "expected"),
    [
        ("integer", "/", "integer", "INTEGER"),
        ("smallint", "+", "bigint", "BIGINT"),
        ("numeric(10,2)", "*", "integer", "NUMERIC"),
        ("date", "-", "date", "INTEGER"),
        ("date", "+", "interval", "TIMESTAMP WITHOUT TIME ZONE"),
        ("jsonb", "->>", "integer", "TEXT"),
        ("text", "||", "integer", "TEXT"),
    ],
)
def test_operators(rules: TypeRules, left: str, symbol: str, right: str, expected: str) -> None:
    assert str(rules.operator(symbol, _kind(left), _kind(right))) == expected


def test_functions_and_common_types(rules: TypeRules) -> None:
    integer, bigint, numeric = _kind("integer"), _kind("bigint"), _kind("numeric")
    two = _kind("numeric(10,2)")
    assert rules.function("sum", [integer]) == bigint
    assert rules.function("sum", [bigint]) == numeric
    assert rules.function("max", [two]) == numeric
    assert rules.common([two, two]) == two
    assert rules.common([two, numeric]) == numeric
    assert rules.common([STRING, NULL, integer]) == integer
    assert rules.settle(NULL) == rules.settle(STRING) == SqlType("TEXT")


def test_numbers_and_names(rules: TypeRules) -> None:
    texts = ("1", "3000000000", "9223372036854775808", "1.5", "1e3")
    kinds = [str(rules.literal(text, "number")) for text in texts]
    assert kinds == ["INTEGER", "BIGINT", "None", "NUMERIC", "NUMERIC"]
    assert rules.cast("int8[]") == _kind("bigint[]")
    assert rules.cast("decimal(10)") == SqlType("NUMERIC", (10, 0))
    assert rules.cast("varchar(10)") == SqlType("CHARACTER VARYING", (10,))
    assert rules.cast("timestamptz(3)") == SqlType("TIMESTAMP WITH TIME ZONE", (3,))
    assert rules.cast("nothing") is None
