"""Models, seeds and tests: configuration, references, names, hooks, both renderings."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.config import Hook, Materialization
from sqlflow.core.ids import NodeKind, node_id
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.project.types import RefTarget
from tests.render.rendering import a_project, layer, model_id, one, rendering


def test_references_are_numbered_and_placed() -> None:
    text = "select * from {{ ref('a') }} join {{ source('raw', 't') }} "
    text += "{% set x = ref('pkg', 'b') %}{{ x }}{{ x }}"
    result = one(text)
    assert result.text() == (
        "select * from __sqlflow_ref_0__ join __sqlflow_ref_1__ __sqlflow_ref_2____sqlflow_ref_2__"
    )
    assert [(r.target, result.at(r.span)) for r in result.query().references] == [
        (RefTarget("ref", ("a",)), "ref('a')"),
        (RefTarget("source", ("raw", "t")), "source('raw', 't')"),
        (RefTarget("ref", ("pkg", "b")), "ref('pkg', 'b')"),
    ]


def test_several_references_in_one_tag_have_their_own_places() -> None:
    result = one("{% set xs = [ref('a'), ref('b'), ref('b')] %}{{ xs | join(' ') }}")
    assert [result.at(r.span) for r in result.query().references] == [
        "ref('a')",
        "{% set xs = [ref('a'), ref('b'), ref('b')] %}",
        "{% set xs = [ref('a'), ref('b'), ref('b')] %}",
    ]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{{ target.name }} {{ target['type'] }} {{ target.threads }}", "dev duckdb 4"),
        ("{{ target.database is none }} {{ target.get('x', 'd') }}", "True d"),
        ("{{ project_name }} {{ execute }} {{ is_incremental() }}", "shop True False"),
        ("{{ var('n') + 1 }} {{ var('no', 'd') }} {{ var('no', default=2) }}", "4 d 2"),
        ("{{ var.has_var('n') }} {{ var.has_var('no') }}", "True False"),
        ("{{ var('xs') | join(',') }} {{ var('m').k }}", "1,2 v"),
        ("{{ env_var('HOME') }} {{ env_var('NO', 'd') }}", "/home d"),
        ("{{ run_started_at.strftime('%Y-%m-%d %H:%M %Z') }}", "2024-05-06 07:08 UTC"),
        ("{{ modules.datetime.datetime.now() }}", "2024-05-06 07:08:09"),
        ("{{ modules.datetime.date.today() }}", "2024-05-06"),
        ("{{ fromjson('[1, 2]') | sum }} {{ tojson({'a': 1}) }} {{ fromjson('{', 'd') }}", '3 {"a": 1} d'),
        ("{{ zip([1, 2], 'ab') }} {{ set([1, 1]) }}", "[(1, 'a'), (2, 'b')] {1}"),
        ("{{ config.get('tags', 'd') }}", "d"),
        ("{{ config(tags='t') }}{{ config.get('tags') }} {{ config.require('tags') }}", "t t"),
        ("a\n", "a\n"),
        ("{% do [].append(2) %}{% for i in [0, 1] %}{% if i %}{% break %}{% endif %}0{% endfor %}", "0"),
    ],
)  # fmt: skip
def test_what_templates_know(text: str, made: str) -> None:
    variables = {"n": 3, "xs": (1, 2), "m": {"k": "v"}}
    assert one(text, variables=variables, environment={"HOME": "/home"}).text() == made


def test_what_was_read_is_recorded() -> None:
    text = "{{ var('a', 1) }}{{ env_var('E', 'x') }}{{ var.has_var('b') }}"
    reads = one(text).query().reads
    assert (reads.vars, reads.env, reads.macros, reads.clock) == ({"a", "b"}, {"E"}, set(), False)
    assert one("{{ run_started_at }}").query().reads.clock
    assert one("{{ modules.datetime.datetime.utcnow() }}").query().reads.clock
    assert not one("{{ modules.datetime.timedelta(1) }}").query().reads.clock


def test_the_files_settings_stand_above_the_layers() -> None:
    outer = (layer(materialized="view", tags=("a",), schema="s"), layer(tags=("b",), meta={"x": 1}))
    result = one(
        "{{ config(materialized='table', tags=['c'], meta={'y': 2}) }}{{ config.get('tags') }}", outer=outer
    )
    assert result.text() == "['a', 'b', 'c']"
    config = result.model().config
    assert config.materialized is Materialization.TABLE
    assert config.tags == ("a", "b", "c")
    assert dict(config.meta) == {"x": 1, "y": 2}
    entry = result.model().layer["materialized"]
    assert (entry.value, result.at(entry.span), result.at(entry.key)) == ("table", "'table'", "materialized")


def test_settings_as_one_mapping() -> None:
    result = one("{{ config({'materialized': 'table', 'post-hook': 'a'}) }}")
    assert result.model().config.post_hook == (Hook(sql="a"),)
    entry = result.model().layer["materialized"]
    assert result.at(entry.span) == "config({'materialized': 'table', 'post-hook': 'a'})"


def test_an_incremental_model_is_rendered_twice() -> None:
    text = (
        "{{ config(materialized='incremental') }}select * from {{ ref('a') }}"
        "{% if is_incremental() %} where x > (select max(x) from {{ this }}) and {{ ref('b') }}{% endif %}"
    )
    model = one(text).model()
    assert model.full is not None and model.incremental is not None
    assert model.full.text == "select * from __sqlflow_ref_0__"
    assert model.incremental.text.endswith("from __sqlflow_this__) and __sqlflow_ref_1__")
    assert (len(model.full.references), len(model.incremental.references)) == (1, 2)
    assert one("select 1").model().incremental is None


def test_settings_that_depend_on_is_incremental() -> None:
    text = "{{ config(materialized='incremental', tags=['b' if is_incremental() else 'a']) }}"
    result = one(text)
    found = result.only()
    assert found.code is Code.TEMPLATE_ERROR
    assert "`tags` depends on `is_incremental()`" in found.message
    assert result.at(found.span) == "['b' if is_incremental() else 'a']"
    assert result.rendered.failed == {model_id("m")}


def test_an_error_in_the_incremental_rendering_alone() -> None:
    result = one("{{ config(materialized='incremental') }}{% if is_incremental() %}{{ nosuch }}{% endif %}")
    assert result.at(result.only().span) == "nosuch"
    assert result.rendered.failed == {model_id("m")}


def test_a_disabled_model_is_told_apart_by_the_place_that_says_so() -> None:
    result = rendering(
        a_project(
            {
                "a": "{{ config(enabled=false) }}",
                "b": "{{ nosuch }}",
                "c": "{{ config(enabled=true) }}select 1",
            },
            layers={"b": [layer(enabled=False)], "c": [layer(enabled=False)]},
        )
    )
    assert result.diagnostics == ()
    assert result.at(result.rendered.disabled[model_id("a")]) == "false"
    assert result.rendered.disabled[model_id("b")] == Span("sqlflow.yml", 0, 5)
    assert list(result.rendered.models) == [model_id("c")]
    assert not result.rendered.failed


def test_hooks_are_templates_with_the_place_of_their_setting() -> None:
    settings = "pre_hook='a {{ ref(\"r\") }}', post_hook=['grant on {{ this }}', 'in {{ this.schema }}']"
    text = f"{{{{ config({settings}) }}}}x"
    outer = (layer(pre_hook="first {{ target.name }}"),)
    result = one(text, outer=outer)
    model = result.model()
    assert [hook.text for hook in model.pre_hooks] == ["first dev", "a __sqlflow_ref_0__"]
    assert [hook.text for hook in model.post_hooks] == ["grant on __sqlflow_this__", "in main"]
    assert model.pre_hooks[0].map.locate(0, 3) == (Span("sqlflow.yml", 0, 5),)
    (place,) = model.pre_hooks[1].map.locate(3, 4)
    assert result.at(place) == "'a {{ ref(\"r\") }}'"
    assert model.pre_hooks[1].references[0].span == place
    assert not model.pre_hooks[1].map.segments[0].exact


def test_a_hook_sets_no_configuration() -> None:
    found = one("{{ config(post_hook='{{ config(tags=1) }}') }}x").only()
    assert (found.code, found.message) == (Code.BAD_CALL, "`config` sets nothing outside of a file")


@pytest.mark.parametrize(
    ("config", "schema", "relation"),
    [
        ("", "main", Relation(None, "main", "m")),
        ("", None, Relation(None, None, "m")),
        ("schema='x'", "main", Relation(None, "main_x", "m")),
        ("schema='x'", None, Relation(None, "x", "m")),
        ("alias='y', database='d'", "main", Relation("d", "main", "y")),
    ],
)
def test_a_models_name(config: str, schema: str | None, relation: Relation) -> None:
    made = a_project({"m": f"{{{{ config({config}) }}}}select 1"}, schema=schema)
    assert rendering(made).model().relation == relation


def test_macros_decide_on_names() -> None:
    macros = """
    {% macro generate_schema_name(custom_schema_name, node) %}
      {% if custom_schema_name is none %} {{ target.schema }} {% else %} {{ custom_schema_name }} {% endif %}
    {% endmacro %}
    {% macro generate_alias_name(custom_alias_name, node) -%}
      {{ node.resource_type }}_{{ custom_alias_name or node.name }}_{{ node.config.materialized }}
    {%- endmacro %}"""
    made = a_project(
        {"a": "x", "b": "{{ config(schema='s', alias='c', materialized='table') }}"},
        macros=macros,
        seeds={"k": []},
    )
    result = rendering(made)
    assert result.model("a").relation == Relation(None, "main", "model_a_view")
    assert result.model("b").relation == Relation(None, "s", "model_c_table")
    assert result.rendered.seeds[node_id(NodeKind.SEED, "shop", "k")].relation.identifier == "seed_k_seed"


def test_an_error_in_a_macro_that_decides_on_names() -> None:
    macros = "{% macro generate_schema_name(custom, node) %}{{ custom + 1 }}{% endmacro %}"
    result = one("{{ config(schema='s') }}select 1", macros=macros)
    found = result.only()
    assert found.code is Code.TEMPLATE_ERROR
    assert result.at(found.span) == "'s'"
    assert [result.at(span) for span, _ in found.labels] == ["{{ custom + 1 }}"]


def test_a_python_model_has_configuration_and_hooks_but_no_query() -> None:
    made = a_project({}, python={"p": layer("models/p.py", post_hook="grant {{ this }}", tags=("t",))})
    model = rendering(made).model("p")
    assert model.full is None and model.incremental is None
    assert model.config.materialized is Materialization.TABLE
    assert [hook.text for hook in model.post_hooks] == ["grant __sqlflow_this__"]
    view = rendering(a_project({}, python={"p": layer("models/p.py", materialized="view")}))
    assert view.only().code is Code.BAD_MATERIALIZATION


def test_a_seed_has_hooks() -> None:
    seed = node_id(NodeKind.SEED, "shop", "k")
    result = rendering(a_project({}, seeds={"k": [layer(pre_hook="a {{ this.identifier }}", schema="s")]}))
    assert result.rendered.seeds[seed].relation == Relation(None, "main_s", "k")
    assert [hook.text for hook in result.rendered.seeds[seed].pre_hooks] == ["a k"]


def test_a_singular_test_sets_its_configuration() -> None:
    test = node_id(NodeKind.TEST, "shop", "t")
    made = a_project({}, tests={"t": "{{ config(severity='warn') }}select * from {{ ref('a') }}"})
    found = rendering(made).rendered.tests[test]
    assert found.config.severity.value == "warn"
    assert found.query.text == "select * from __sqlflow_ref_0__"
    broken = rendering(a_project({}, tests={"t": "{{ nosuch }}"}))
    assert broken.rendered.failed == {test}
    off = rendering(a_project({}, tests={"t": "{{ config(enabled=false) }}"}))
    assert list(off.rendered.disabled) == [test]


def test_a_wrong_setting_of_a_folder_is_said_once() -> None:
    wrong = layer(materialized="tabel")
    result = rendering(a_project({"a": "1", "b": "2"}, layers={"a": [wrong], "b": [wrong]}))
    assert len(result.diagnostics) == 1


def test_dbts_functions_say_where_a_hook_runs() -> None:
    """What they give is a setting; the text within is the hook's template."""
    config = (
        "pre_hook=before_begin('a {{ this.identifier }}'), "
        "post_hook=[in_transaction('b'), after_commit(sql='c {{ ref(\"r\") }}'), 'd']"
    )
    model = one("{{ config(" + config + ") }}x").model()
    assert model.config.pre_hook == (Hook(sql="a {{ this.identifier }}", transaction=False),)
    assert [hook.transaction for hook in model.config.post_hook] == [True, False, True]
    assert [hook.text for hook in model.pre_hooks] == ["a m"]
    assert [hook.text for hook in model.post_hooks] == ["b", "c __sqlflow_ref_0__", "d"]
    (place,) = model.post_hooks[1].map.locate(0, 1)
    assert place.path == "models/m.sql"
