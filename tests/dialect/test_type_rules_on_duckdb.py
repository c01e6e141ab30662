from __future__ import annotations

import json
from typing import Any

import pytest

from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.specs import DUCKDB
from tests.rules.check import compare
from tests.rules.generate import function_rules, with_common, written_rules
from tests.rules.subjects import duckdb_subject

SUBJECT = duckdb_subject()
SAMPLE = ("sum", "avg", "date_trunc", "left", "ntile", "map_keys", "list_transform", "strftime")


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return json.loads(SUBJECT.file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rules() -> TypeRules:
    found = load_rules(DUCKDB)
    assert found is not None
    return found


def test_random_expressions_have_the_types_that_the_rules_say(rules: TypeRules) -> None:
    tally = compare(SUBJECT, rules, 3000, seed=11)
    assert tally.wrong == []
    assert sum(tally.taken.values()) > 1000
    assert sum(tally.unknown.values()) < 0.05 * sum(tally.taken.values())


def test_the_written_rules_are_what_the_engine_says_today(rules: TypeRules) -> None:
    engine = SUBJECT.start()
    compressor = with_common(rules, SUBJECT.probes)
    shapes = {shape.name: shape for shape in SUBJECT.shapes(engine)}
    for name in SAMPLE:
        said = function_rules(engine, shapes[name], SUBJECT.probes, compressor)
        assert said == written_rules(SUBJECT, name), name


def test_the_written_facts_are_what_the_engine_says_today(data: dict[str, Any]) -> None:
    base = SUBJECT.base(SUBJECT.start())
    for part in ("names", "digits", "integers", "keyed", "literals", "fields"):
        assert data[part] == base[part], part
