"""The first build of an incremental model keeps its unique_key as the later ones do."""

from __future__ import annotations

import pytest

from tests.apply.projects import Project, source_text

TWICE = "select 1 as id union all select 1"
MISSING = "select 1 as id union all select null"


@pytest.mark.parametrize(
    ("strategy", "rows", "code"),
    [
        ("merge", TWICE, "SF0705"),
        ("merge", MISSING, "SF0705"),
        ("delete+insert", MISSING, "SF0705"),
        ("delete+insert", TWICE, None),
    ],
)
def test_keys_of_a_first_build(project: Project, strategy: str, rows: str, code: str | None) -> None:
    config = f"materialized='incremental', unique_key='id', incremental_strategy='{strategy}'"
    run = project.build({"facts": f"{{{{ config({config}) }}}} {rows}"})
    assert [d.code.value for d in run.diagnostics] == ([code] if code else [])
    # Nothing is published that the next build would have to refuse.
    assert ("facts" in project.warehouse.names()) is (code is None)


def test_the_place_of_an_error_is_the_whole_word(project: Project) -> None:
    run = project.build({"facts": "select 1 as a, no_such_function() as b"})
    (diagnostic,) = run.diagnostics
    assert source_text(project, diagnostic) == "no_such_function"
