"""Severities that a project or a line gives to diagnostics."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from tests.compiler.projects import DUCKDB, compiled

_UNUSED = "with spare as (select 1 as a)\nselect 2 as b"


def _settings(levels: str) -> str:
    return DUCKDB.replace("{SF0304: ignore, SF0310: ignore}", levels)


def test_unused_part_is_a_warning_by_itself() -> None:
    only = compiled({"q.sql": _UNUSED}).only()
    assert (only.code, only.severity) == (Code.UNUSED_CTE, Severity.WARNING)


def test_project_makes_an_error_of_a_warning() -> None:
    found = compiled({"q.sql": _UNUSED}, settings=_settings("{SF0309: error}"))
    assert found.only().severity is Severity.ERROR


def test_project_ignores_a_code() -> None:
    compiled({"q.sql": _UNUSED}, settings=_settings("{SF0309: ignore}")).clean()


def test_project_makes_a_warning_of_an_error() -> None:
    files = {"a.sql": "select 1 as x", "q.sql": "select y from a"}
    assert compiled(files).only().severity is Severity.ERROR
    found = compiled(files, settings=_settings("{SF0301: warning}"))
    assert found.only().severity is Severity.WARNING


@pytest.mark.parametrize(
    "comment",
    [
        "with spare as (select 1 as a) -- sqlflow: ignore SF0309",
        "with spare as (select 1 as a) -- sqlflow: ignore SF0301, sf0309 kept for the audit",
        "with spare as (select 1 as a) /* sqlflow: ignore SF0309 */",
        "with spare as (select 1 as a) {# sqlflow: ignore SF0309 #}",
        "-- sqlflow: ignore SF0309\nwith spare as (select 1 as a)",
    ],
)
def test_comment_on_the_line_or_above_ignores(comment: str) -> None:
    compiled({"q.sql": f"{comment}\nselect 2 as b"}).clean()


def test_comment_holds_for_its_line_alone() -> None:
    text = "-- sqlflow: ignore SF0309\nwith spare as (select 1 as a),\nrest as (select 2 as b)\nselect 3 as c"
    found = compiled({"q.sql": text})
    assert found.at(found.only().span)[1] == "rest"


def test_comment_goes_over_the_project() -> None:
    text = "-- sqlflow: warning SF0309\n" + _UNUSED
    found = compiled({"q.sql": text}, settings=_settings("{SF0309: error}"))
    assert found.only().severity is Severity.WARNING


def test_comment_in_properties_holds_for_what_is_found_there() -> None:
    properties = (
        "models:\n  - name: q\n    columns:\n"
        "      - name: b\n        data_type: varchar  # sqlflow: ignore SF0314\n"
    )
    compiled({"q.sql": "select 2 as b", "q.yml": properties}).clean()


@pytest.mark.parametrize(
    ("levels", "message", "help_"),
    [
        ("{SF0399: error}", "there is no diagnostic `SF0399`", "did you mean"),
        ("{SF0203: ignore}", "the severity of SF0203 can't be set", "it can be for SF0301"),
    ],
)
def test_code_that_can_not_be_set_is_refused(levels: str, message: str, help_: str) -> None:
    only = compiled({"q.sql": "select 1 as a"}, settings=_settings(levels)).only()
    assert only.message == message
    assert only.help is not None and help_ in only.help
    assert only.severity is Severity.ERROR


def test_level_that_is_unknown_is_refused() -> None:
    found = compiled({"q.sql": "select 1 as a"}, settings=_settings("{SF0309: loud}"))
    assert found.at(found.only().span) == ("sqlflow.yml", "loud")


def test_comment_that_names_nothing_is_warned_of() -> None:
    found = compiled({"q.sql": "select 1 as a -- sqlflow: ignore"})
    assert (found.only().code, found.only().severity) == (Code.INVALID_VALUE, Severity.WARNING)


def test_comment_of_an_unknown_code_is_warned_of() -> None:
    found = compiled({"q.sql": "select 1 as a -- sqlflow: ignore SF0999"})
    assert found.only().message == "there is no diagnostic `SF0999`"
