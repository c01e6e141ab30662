"""Canonical forms over random queries: the judge catches what is wrong, and the forms are right."""

from __future__ import annotations

from tests.judge.canonical import form_of, judge_forms, pairs
from tests.judge.engine import Engine
from tests.judge.world import TABLES


def test_pairs_are_the_same_for_the_same_seed() -> None:
    engine = Engine(TABLES)
    assert list(pairs(engine, 3, 5)) == list(pairs(engine, 3, 5))
    assert list(pairs(engine, 3, 5)) != list(pairs(engine, 4, 5))


def test_a_form_that_leaves_something_out_is_caught() -> None:
    outcome = judge_forms(2, 40, lambda sql, known: form_of(sql, known).partition("(from")[0])
    assert outcome.counts["UNSOUND"] > 0
    assert outcome.failures[0].startswith("UNSOUND 2:")


def test_a_form_that_sees_the_spelling_is_caught() -> None:
    outcome = judge_forms(2, 20, lambda sql, _: sql)
    assert outcome.counts["NOT SEEN"] > 0
    assert outcome.counts["UNSOUND"] == 0


def test_forms_are_right() -> None:
    outcome = judge_forms(5, 80)
    wrong = [outcome.counts[what] for what in ("UNSOUND", "NOT SEEN")]
    assert wrong == [0, 0], "\n".join(outcome.failures)
    assert outcome.counts["one meaning, equal forms"] > 10
    assert outcome.counts["changed, told apart"] > 5
