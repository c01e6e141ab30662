"""Macros: found by name, made for the model that is rendered."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.project.types import RefTarget
from tests.render.rendering import a_project, one, rendering


def test_macros_of_other_files_call_each_other() -> None:
    macros = {
        "macros/a.sql": "{% macro a(x) %}<{{ b(x) }}>{% endmacro %}",
        "macros/b.sql": "{% macro b(x) %}{{ c() }}{{ x }}{% endmacro %}{% macro c() %}c{% endmacro %}",
    }
    result = one("{{ a(1) }}{{ shop.b(2) }}", macros=macros)
    assert result.text() == "<c1>c2"
    assert result.query().reads.macros == {"a", "b", "c"}


def test_only_macros_that_are_named_are_read() -> None:
    macros = {
        "macros/a.sql": "{% macro a() %}a{% endmacro %}",
        "macros/b.sql": "{% macro b() %}b{% endmacro %}",
    }
    macros["macros/c.sql"] = "{% macro c() %}c{% endmacro %}{% macro d() %}{{ c() }}{% endmacro %}"
    assert one("{{ c() }}", macros=macros).query().reads.macros == {"c"}
    assert one("{{ a() }}", macros=macros).query().reads.macros == {"a"}
    assert one("select 1", macros=macros).query().reads.macros == set()


def test_a_macro_sees_the_model_that_calls_it() -> None:
    macros = "{% macro m() %}{{ this }} {{ ref('up') }} {{ config.get('tags') }} {{ var('v') }}{% endmacro %}"
    result = rendering(
        a_project(
            {"a": "{{ config(tags='x') }}{{ m() }}", "b": "{{ config(tags=['y']) }}{{ ref('o') }} {{ m() }}"},
            macros=macros,
            variables={"v": 1},
        )
    )
    assert result.text("a") == "__sqlflow_this__ __sqlflow_ref_0__ x 1"
    assert result.text("b") == "__sqlflow_ref_0__ __sqlflow_this__ __sqlflow_ref_1__ ['y'] 1"
    references = result.query("b").references
    assert [(r.target, result.at(r.span)) for r in references] == [
        (RefTarget("ref", ("o",)), "ref('o')"),
        (RefTarget("ref", ("up",)), "{{ m() }}"),
    ]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("{% macro key() %}own{% endmacro %}{{ key() }}", "own"),
        ("{% set key = 'set' %}{{ key }}", "set"),
        ("{% for key in ['loop'] %}{{ key }}{% endfor %}", "loop"),
        ("{{ key() }}", "project's"),
        ('{{ key() == "project\'s" }}', "True"),
        ('{{ {"project\'s": 1}[key()] }}', "1"),
        ("{{ key() | length }}", "9"),
        ("{{ key() ~ '!' }}", "project's!"),
        ("{{ range(2) | list }}", "[0, 1]"),
        ("{% set x = giving() %}{{ x.a + 1 }}", "2"),
        ("{{ giving()['b'] | join(',') }}", "1,2"),
        ("{{ early(1) }}-{{ early(0) }}", "one-other"),
        ("{{ nothing() is none }}", "True"),
        ("{{ _private() }}", "private"),
        ("{{ through() }}", "[inside]"),
        ("{{ shop.key() }}", "project's"),
        ("{% call wrapped() %}{{ return('from the block') }}{% endcall %}", "from the block"),
    ],
)
def test_what_macros_give(model: str, text: str) -> None:
    macros = """
{%- macro key() %}project's{% endmacro %}
{% macro giving() %}text{{ return({'a': 1, 'b': [1, 2]}) }}{% endmacro %}
{% macro early(x) %}{% if x %}{{ return('one') }}{% endif %}other{% endmacro %}
{% macro nothing() %}{{ return(none) }}{% endmacro %}
{% macro _private() %}private{% endmacro %}
{% macro through() %}[{% set v = early_text() %}{{ v }}]{% endmacro %}
{% macro early_text() %}{% do return('inside') %}{% endmacro %}
{% macro wrapped() %}<{{ caller() }}>{% endmacro %}
"""
    assert one(model, macros=macros).text() == text


def test_a_macro_of_the_project_stands_before_a_builtin() -> None:
    assert one("{{ zip() }}", macros="{% macro zip() %}mine{% endmacro %}").text() == "mine"


def test_a_macro_of_another_name_is_not_there() -> None:
    found = one("{{ shop.kye() }}", macros="{% macro key() %}{% endmacro %}").only()
    assert found.code is Code.UNDEFINED_NAME
    assert "kye" in found.message


def test_what_stands_around_macros_in_their_file() -> None:
    macros = "{# note #} text {% set prefix = 'p_' %}{% macro named(x) %}{{ prefix ~ x }}{% endmacro %}"
    assert one("{{ named('a') }}", macros=macros).text() == "p_a"


def test_a_macro_file_that_fails_at_its_top() -> None:
    macros = "{% set x = nosuch + 1 %}{% macro f() %}{% endmacro %}"
    result = rendering(a_project({"a": "{{ f() }}", "b": "select 1"}, macros=macros))
    found = result.only()
    assert found.code is Code.UNDEFINED_NAME
    assert result.query("b").text == "select 1"


def test_config_in_a_macro_is_the_models() -> None:
    result = one(
        "{{ as_table() }}select 1",
        macros="{% macro as_table() %}{{ config(materialized='table') }}{% endmacro %}",
    )
    assert result.model().config.materialized.value == "table"
    entry = result.model().layer["materialized"]
    assert result.at(entry.span) == "{{ as_table() }}"


def test_many_macro_files_are_compiled_only_when_used() -> None:
    macros = {
        f"macros/{i}.sql": f"{{% macro m{i}() %}}{{{{ f(a=1, a=2) }}}}{{% endmacro %}}" for i in range(3)
    }
    result = rendering(a_project({"a": "select 1", "b": "{{ m1() }}"}, macros=macros))
    found = result.only()
    assert (found.code, found.span.path if found.span else "") == (Code.TEMPLATE_SYNTAX, "macros/1.sql")
    assert result.query("a").text == "select 1"
