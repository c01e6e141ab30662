"""Random queries: they are valid and varied, failures are found and shrunk, and the binder is right."""

from __future__ import annotations

import re

import pytest

from tests.judge import subject
from tests.judge.engine import Engine
from tests.judge.fakes import Copy, changed, crashing
from tests.judge.generate import random_query
from tests.judge.random_queries import judge_random, valid_queries
from tests.judge.subject import Analysis, Tables
from tests.judge.tree import items, optional, reductions, seq, shrink
from tests.judge.world import TABLES

_FORMS = (
    r"\bLEFT JOIN\b", r"\bRIGHT JOIN\b", r"\bFULL JOIN\b", r"\bCROSS JOIN\b", r"\bSEMI JOIN\b",
    r"\bANTI JOIN\b", r"\bNATURAL\b", r"\bUSING \(", r"\bLATERAL\b", r"\bASOF\b", r"\bGROUP BY ALL\b",
    r"\bROLLUP\b", r"\bCUBE\b", r"\bGROUPING SETS\b", r"\bHAVING\b", r"\bFILTER\b", r"count\(DISTINCT",
    r"\bWINDOW\b", r"\bQUALIFY\b", r"\bROWS BETWEEN\b", r"\bUNION ALL\b", r"\bBY NAME\b", r"\bEXCEPT\b",
    r"\bINTERSECT\b", r"\bRECURSIVE\b", r"\bEXISTS\b", r" IN \(SELECT", r"\bunnest\(", r"\bEXCLUDE\b",
    r"\bREPLACE \(", r"\bRENAME\b", r"\bCOLUMNS\(", r"\* LIKE\b", r"\(VALUES\b", r"^VALUES\b",
    r"\bDISTINCT ON\b", r"\bLIMIT\b", r"\bPIVOT\b", r"\bUNPIVOT\b", r"\blambda\b", r" FOR x IN ",
    r"^FROM\b", r"->>", r"\.size\b", r"\bCASE WHEN\b", r"\bTRY_CAST\b",
)  # fmt: skip


def test_queries_are_the_same_for_the_same_seed() -> None:
    assert str(random_query("1:7")) == str(random_query("1:7"))
    assert str(random_query("1:7")) != str(random_query("1:8"))


@pytest.mark.parametrize("exact", [False, True])
def test_most_queries_are_valid(exact: bool) -> None:
    made = list(valid_queries(Engine(TABLES), 3, 300, exact=exact))
    assert sum(described is None for _, _, described in made) < 0.3 * len(made)


def test_queries_are_varied() -> None:
    texts = [str(random_query(f"5:{number}")) for number in range(1500)]
    missing = [form for form in _FORMS if not any(re.search(form, text) for text in texts)]
    assert missing == []


def test_exact_queries_leave_out_what_depends_on_order() -> None:
    texts = [str(random_query(f"5:{number}", exact=True)) for number in range(500)]
    tied = re.compile(
        r"\b(?:row_number|any_value|first|last|lag|lead|arg_max|mode|ntile|ASOF)\b|ROWS BETWEEN"
    )
    assert [text for text in texts if tied.search(text)] == []
    limited = [text for text in texts if re.search(r"LIMIT [2-9]", text)]
    assert limited
    assert all("ORDER BY" in text for text in limited)


def test_the_engine_agrees_with_itself() -> None:
    outcome = judge_random(Copy(), 2, 200)
    assert outcome.tally.queries == 200
    assert outcome.failures == ()
    assert all(target.held for target in outcome.targets())


@pytest.mark.parametrize(
    ("planted", "kind"),
    [(changed(type="UUID"), "wrong type"), (changed(name="no such"), "name"), (crashing, "crash")],
)
def test_a_planted_error_is_caught(planted: subject.Analyse, kind: str) -> None:
    outcome = judge_random(planted, 2, 20, shrunk=2)
    assert not all(target.held for target in outcome.targets())
    assert outcome.failures[0].startswith(f"{kind}: 2:")


def test_unknown_types_are_counted() -> None:
    outcome = judge_random(changed(type=None), 2, 20, shrunk=1)
    assert outcome.tally.unknown == 20
    assert not all(target.held for target in outcome.targets())


def test_a_failure_is_shrunk_to_what_fails() -> None:
    copy = Copy()

    def weak(sql: str, dialect: str, tables: Tables) -> Analysis:
        if "LEFT JOIN" in sql:
            raise ValueError("no left joins")
        return copy(sql, dialect, tables)

    outcome = judge_random(weak, 2, 60, shrunk=3)
    assert outcome.failures
    for failure in outcome.failures:
        assert "LEFT JOIN" in failure
        assert len(failure.split("\n    ")[1]) < 250


def test_trees_lose_parts_down_to_the_least() -> None:
    tree = seq(
        "SELECT ", items(["a", "b", seq("f(", seq("c", sort="expr"), ")", sort="expr")]), optional(" LIMIT 1")
    )
    assert str(tree) == "SELECT a, b, f(c) LIMIT 1"
    smaller = {str(one) for one in reductions(tree)}
    assert smaller == {
        "SELECT b, f(c) LIMIT 1", "SELECT a, f(c) LIMIT 1", "SELECT a, b LIMIT 1", "SELECT a, b, c LIMIT 1",
        "SELECT a, b, f(c)",
    }  # fmt: skip
    assert str(shrink(tree, lambda text: "c" in text)) == "SELECT c"


def test_the_binder_is_right() -> None:
    outcome = judge_random(subject.analyse, 1, 300, shrunk=3)
    # How much is unknown is counted by the command; here, nothing may be wrong.
    missed = [t for t in outcome.targets() if not t.held and not t.what.startswith("unknown types")]
    assert missed == [], "\n".join(outcome.failures)
