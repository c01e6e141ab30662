"""No input makes the compiler raise: a sample; `python -m tests.fuzz.compile` has more of it."""

from __future__ import annotations

import pytest

from tests.fuzz.compile import check, extremes, run_numbers
from tests.fuzz.project import FILES


def test_the_project_is_whole_before_it_is_broken() -> None:
    assert check(FILES) == ((), "")


@pytest.mark.parametrize("seed", range(4))
def test_broken_projects_get_diagnostics(seed: int) -> None:
    outcome = run_numbers(seed, range(150))
    assert outcome.failures == ()
    # What is broken is told of, and more than one stage has its say.
    assert outcome.clean < 100
    assert len(outcome.codes) > 8


@pytest.mark.parametrize(
    "name",
    [
        "1 MB of brackets",
        "1 MB of a string that never ends",
        "1 MB of noise",
        "30000 levels of (select 1) in a query",
        "30000 levels of {{ [1] }}",
        "30000 levels of a: {b} in a properties file",
        "30000 levels of (1) in a Python model",
        "400 levels of [ beside a column without a name",
    ],
)
def test_extreme_texts_get_diagnostics(name: str) -> None:
    found, problem = check(extremes()[name])
    assert found
    assert problem == ""
