"""Each mistake in a template: its code, and the text that its places cover."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from tests.render.rendering import a_project, one, rendering

CASES = [
    # template, code, what the place covers, in the message, in the help
    ("select\n{{ 1 + }}", Code.TEMPLATE_SYNTAX, "}}", "unexpected `}}`", ""),
    ("a {{ }} b", Code.TEMPLATE_SYNTAX, "}}", "Expected an expression, got `}}`", ""),
    ("{% fro x %}", Code.TEMPLATE_SYNTAX, "fro", "unknown tag 'fro'", "`for`"),
    ("a\n{{ ref('a' }}", Code.TEMPLATE_SYNTAX, "}}", "unexpected '}'", ""),
    ("a\n{{ 'a' | uper }}", Code.TEMPLATE_SYNTAX, "uper", "No filter named 'uper'", "`upper`"),
    ("a\n{{ 1 is defind }}", Code.TEMPLATE_SYNTAX, "defind", "No test named 'defind'", "`defined`"),
    ("a {# never closed", Code.TEMPLATE_SYNTAX, "never", "Missing end of comment", ""),
    ("a {{ ? }}", Code.TEMPLATE_SYNTAX, "?", "unexpected char", ""),
    ("{{ f(a=1, a=2) }}", Code.TEMPLATE_SYNTAX, "(", "keyword argument repeated", ""),
    ("a {{ nosuch }}", Code.UNDEFINED_NAME, "nosuch", "`nosuch` is not defined", ""),
    ("a {{ sourc('a', 'b') }}", Code.UNDEFINED_NAME, "sourc", "`sourc` is not defined", "`source`"),
    ("{% if is_incremental() and nosuch %}{% endif %}", None, "", "", ""),
    ("{% if nosuch > 1 %}{% endif %}", Code.UNDEFINED_NAME, "nosuch", "`nosuch`", ""),
    ("{% set columns = 1 %}{{ colums }}", Code.UNDEFINED_NAME, "colums", "`colums`", "`columns`"),
    ("{{ target.schem }}", Code.UNDEFINED_NAME, "{{ target.schem }}", "schem", "`schema`"),
    ("{{ run_query('a') }}", Code.UNDEFINED_NAME, "run_query", "`run_query`", "don't ask the database"),
    ("{{ adapter.get_columns() }}", Code.UNDEFINED_NAME, "adapter", "`adapter`", "don't ask the database"),
    ("{{ ref('a').schema }}", Code.UNDEFINED_NAME, "{{ ref('a').schema }}", "schema", "known only after"),
    ("x {{ 1 / 0 }}", Code.TEMPLATE_ERROR, "{{ 1 / 0 }}", "division by zero", ""),
    ("x {{ 1 + 'a' }}", Code.TEMPLATE_ERROR, "{{ 1 + 'a' }}", "unsupported operand", ""),
    ("{% set x = [1][5] + 1 %}", Code.UNDEFINED_NAME, "{% set x = [1][5] + 1 %}", "no element 5", ""),
    ("a\n{{ exceptions.raise_compiler_error('no ' ~ 1) }}", Code.TEMPLATE_ERROR,
     "{{ exceptions.raise_compiler_error('no ' ~ 1) }}", "no 1", ""),
    ("{% include 'x' %}", Code.TEMPLATE_ERROR, "{% include 'x' %}", "can't include", ""),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", Code.TEMPLATE_ERROR, "{{ f() }}", "without end", ""),
    ("{{ var('a') + var('lookbak') }}", Code.MISSING_VAR, "var('lookbak')", "`lookbak`", "`lookback`"),
    ("{{ env_var('HOST') }}", Code.MISSING_ENV_VAR, "env_var('HOST')", "`HOST`", "env_var('HOST', 'value')"),
    ("{{ env_var('HOM') }}", Code.MISSING_ENV_VAR, "env_var('HOM')", "`HOM`", "`HOME`"),
    ("{{ env_var('SQLFLOW_SECRET_X') }}", Code.SECRET_IN_MODEL, "env_var('SQLFLOW_SECRET_X')", "secret", ""),
    ("{{ env_var('DBT_ENV_SECRET_X', 1) }}", Code.SECRET_IN_MODEL, "env_var('DBT_ENV_SECRET_X', 1)", "", ""),
    ("{{ ref() }}", Code.BAD_CALL, "ref()", "`ref` needs `name`", "ref(name)"),
    ("{{ ref(1) }}", Code.BAD_CALL, "ref(1)", "not a whole number", "quotes"),
    ("{{ ref('') }}", Code.BAD_CALL, "ref('')", "not empty text", ""),
    ("{{ ref('a', 'b', 'c') }}", Code.BAD_CALL, "ref('a', 'b', 'c')", "takes 2 ", "ref(package, name)"),
    ("{{ ref(nam='a') }}", Code.BAD_CALL, "ref(nam='a')", "no parameter `nam`", "`name`"),
    ("{{ source('a') }}", Code.BAD_CALL, "source('a')", "needs `table`", "source(source, table)"),
    ("{{ source('a', source='b') }}", Code.BAD_CALL, "source('a', source='b')", "twice", ""),
    ("{{ var() }}", Code.BAD_CALL, "var()", "needs `name`", ""),
    ("{{ is_incremental(1) }}", Code.BAD_CALL, "is_incremental(1)", "no argument", ""),
    ("{{ config('table') }}", Code.BAD_CALL, "config('table')", "by name", "materialized='table'"),
    ("{{ config(meta=namespace()) }}", Code.BAD_CALL, "config(meta=namespace())", "not a value", ""),
    ("{{ config.require('owner') }}", Code.BAD_CALL, "config.require('owner')", "no such setting", ""),
    ("{{ return(1) }}", Code.BAD_CALL, "{{ return(1) }}", "outside of a macro", ""),
    ("{{ ref(nosuch) }}", Code.UNDEFINED_NAME, "nosuch", "`nosuch`", ""),
]  # fmt: skip


@pytest.mark.parametrize(("template", "code", "covered", "message", "help_"), CASES)
def test_a_mistake_and_its_place(
    template: str, code: Code | None, covered: str, message: str, help_: str
) -> None:
    result = one(
        template, variables={"lookback": 3, "a": 1}, environment={"HOME": "/", "SQLFLOW_SECRET_X": "s3cr3t"}
    )
    if code is None:
        assert result.diagnostics == ()
        return
    found = result.only()
    assert (found.code, result.at(found.span)) == (code, covered)
    assert message in found.message
    assert help_ in found.help
    assert "s3cr3t" not in repr(found)
    assert not result.rendered.models
    assert len(result.rendered.failed) == 1


def test_what_is_not_closed_is_shown_where_it_opens() -> None:
    result = one("select\n{% for x in [1] %}\n{% if x %}\nfrom t")
    found = result.only()
    assert found.code is Code.TEMPLATE_SYNTAX
    assert [(result.at(span), text) for span, text in found.labels] == [("{% if x %}", "this is not closed")]


def test_an_error_in_a_macro_has_both_places() -> None:
    macros = {
        "macros/a.sql": "{% macro outer(x) %}\n  {{ inner(x) }}\n{% endmacro %}",
        "macros/b.sql": "{% macro other() %}{% endmacro %}\n{% macro inner(x) %}{{ x + 'a' }}{% endmacro %}",
    }
    result = one("select\n  {{ outer(1) }}", macros=macros)
    found = result.only()
    assert found.code is Code.TEMPLATE_ERROR
    assert found.span is not None
    assert (found.span.path, result.at(found.span)) == ("models/m.sql", "{{ outer(1) }}")
    assert [(span.path, result.at(span), message) for span, message in found.labels] == [
        ("macros/a.sql", "{{ inner(x) }}", "in macro `outer`"),
        ("macros/b.sql", "{{ x + 'a' }}", "in macro `inner`"),
    ]


def test_an_undefined_name_in_a_macro_is_covered_there() -> None:
    result = one("{{ f() }}", macros="{% macro f() %}{% if nosuch %}{% endif %}{% endmacro %}")
    found = result.only()
    assert (found.code, result.at(found.span)) == (Code.UNDEFINED_NAME, "{{ f() }}")
    assert [(result.at(span), message) for span, message in found.labels] == [("nosuch", "in macro `f`")]


def test_wrong_arguments_of_a_macro_point_at_the_call() -> None:
    result = one("a {{ key(1, 2) }}", macros="{% macro key(c) %}{% endmacro %}")
    found = result.only()
    assert (found.code, result.at(found.span)) == (Code.TEMPLATE_ERROR, "{{ key(1, 2) }}")
    assert "takes not more than 1" in found.message


def test_a_warning_of_a_template_stops_nothing_and_is_said_once() -> None:
    text = "{{ config(materialized='incremental') }}{{ exceptions.warn('old ' ~ 'macro') }}select 1"
    result = one(text)
    found = result.only()
    assert (found.severity, found.message) == (Severity.WARNING, "old macro")
    assert result.at(found.span) == "{{ exceptions.warn('old ' ~ 'macro') }}"
    assert result.query().text == "select 1"


def test_a_broken_model_blocks_no_other() -> None:
    result = rendering(a_project({"a": "{{", "b": "select 1", "c": "{{ nosuch }}", "d": "{% if %}"}))
    assert [d.span.path for d in result.diagnostics if d.span] == [f"models/{n}.sql" for n in "acd"]
    assert result.query("b").text == "select 1"
    assert len(result.rendered.failed) == 3


def test_a_broken_macro_file_is_reported_once() -> None:
    macros = {
        "macros/bad.sql": "{% macro f() %}{{ 1 + }}{% endmacro %}",
        "macros/ok.sql": "{% macro g() %}g{% endmacro %}",
    }
    result = rendering(a_project({"a": "{{ f() }}", "b": "{{ f() }}", "c": "{{ g() }}"}, macros=macros))
    found = result.only()
    assert (found.code, found.span.path if found.span else "") == (Code.TEMPLATE_SYNTAX, "macros/bad.sql")
    assert len(result.rendered.failed) == 2
    assert result.query("c").text == "g"


def test_a_macro_defined_twice() -> None:
    macros = {
        "macros/a.sql": "{% macro f(x) %}1{% endmacro %}",
        "macros/b.sql": "\n{% macro f() %}2{% endmacro %}",
    }
    result = one("{{ f() }}", macros=macros)
    found = result.only()
    assert found.code is Code.DUPLICATE_NAME
    assert result.at(found.span) == "{% macro f() %}"
    assert [result.at(span) for span, _ in found.labels] == ["{% macro f(x) %}"]
    assert result.query().text == "1"


def test_places_in_a_file_with_carriage_returns() -> None:
    result = one("select\r\n  a,\r\n  {{ nosuch }}\r\nfrom t")
    assert result.at(result.only().span) == "nosuch"


def test_a_wrong_setting_is_covered_where_it_is_written() -> None:
    result = one("{{ config(\n  materialized='tabel',\n  tags=['a', 'b']\n) }}")
    assert result.at(result.only().span) == "'tabel'"
    result = one("{{ config(materialised='table') }}")
    found = result.only()
    assert (found.code, result.at(found.span)) == (Code.UNKNOWN_KEY, "materialised")


def test_a_wrong_hook_is_covered_where_it_is_written() -> None:
    result = one("{{ config(post_hook=['select 1', 'grant {{ nosuch }}']) }}select 1")
    found = result.only()
    assert (found.code, result.at(found.span)) == (Code.UNDEFINED_NAME, "['select 1', 'grant {{ nosuch }}']")
    result = one("{{ config(post_hook='{{ ') }}select 1")
    found = result.only()
    assert (found.code, result.at(found.span)) == (Code.TEMPLATE_SYNTAX, "'{{ '")


def test_dbts_functions_are_for_config() -> None:
    result = one("{{ config(post_hook='{{ after_commit(\"x\") }}') }}select 1")
    found = result.only()
    assert found.code is Code.UNDEFINED_NAME
    assert "write `{sql: ..., transaction: false}`" in found.help
    found = one("{{ config(post_hook=after_commit()) }}select 1").only()
    assert (found.code, found.help) == (Code.BAD_CALL, "write `after_commit(sql)`")
    found = one("{{ config(post_hook=after_comit('x')) }}select 1").only()
    assert found.help == "did you mean `after_commit`?"
