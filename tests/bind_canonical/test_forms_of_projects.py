"""The digest that each query of a project has of what it means, and texts that are kept for later."""

from __future__ import annotations

from pathlib import Path

from sqlflow.bind.canonical.differences import differences
from sqlflow.bind.forms import read_kept
from sqlflow.bind.schemas import schema_table
from sqlflow.bind.types import Program
from sqlflow.compiler import compile_project
from sqlflow.core.config import Materialization
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId
from sqlflow.plan.versions import versions
from sqlflow.system.local import LocalSystem
from tests.compiler.projects import POSTGRES, Compiled, compiled

_EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"
_FILES = {
    "s.yml": "sources: [{name: raw, tables: [{name: o, columns: [{name: id, data_type: integer},"
    " {name: at, data_type: date}, {name: price, data_type: integer}]}]}]\n",
    "stg": "select id, at, price from {{ source('raw', 'o') }} where price > 1 and id is not null",
    "eph": "{{ config(materialized='ephemeral') }} select id, price from {{ ref('stg') }}",
    "q": "select eph.id, sum(eph.price) as price from eph join stg on eph.id = stg.id group by 1",
}


def _project(**models: str) -> Compiled:
    files = {**_FILES, **models}
    return compiled({f"{n}.sql" if not n.endswith(".yml") else n: text for n, text in files.items()}).clean()


def _form(project: Compiled, name: str = "q") -> str:
    full = project.model(name).full
    assert full is not None
    assert len(full.form) == 64
    return full.form


def test_another_way_of_writing_it_has_the_same_form() -> None:
    before = _project()
    after = _project(
        stg="SELECT s.id, s.at, s.price -- all\nFROM {{ source('raw','o') }} AS s"
        " WHERE NOT s.id IS NULL AND 1 < price",
        q="select e.id, sum(e.price) price from {{ ref('eph') }} as e"
        " inner join {{ ref('stg') }} s on s.id = e.id group by e.id",
    )
    assert _form(before, "stg") == _form(after, "stg")
    assert _form(before, "q") == _form(after, "q")


def test_placeholders_in_texts_are_what_they_stand_for() -> None:
    both = "{{ ref('stg') }} as a, {{ ref('eph') }} as b"
    turned = "{{ ref('eph') }} as b, {{ ref('stg') }} as a"
    one = _project(q=f"select a.id, '{{{{ ref('stg') }}}}' as t from {both}")
    assert _form(one) == _form(
        _project(q=f"select x.id, '{{{{ ref('stg') }}}}' as t from {both.replace('as a', 'x')}")
    )
    assert _form(one) != _form(_project(q=f"select a.id, '{{{{ ref('eph') }}}}' as t from {both}"))
    assert _form(one) != _form(_project(q=f"select a.id, '{{{{ ref('stg') }}}}' as t from {turned}"))


def test_what_an_ephemeral_model_means_is_a_part_of_its_readers() -> None:
    before, after = _project(), _project(eph=_FILES["eph"] + " where price > 5")
    assert _form(before, "stg") == _form(after, "stg")
    assert _form(before) != _form(after)


def test_where_a_relation_lies_does_not_matter() -> None:
    moved = _project(stg="{{ config(schema='other', alias='renamed') }}" + _FILES["stg"])
    assert _form(moved) == _form(_project())


_INCREMENTAL = """{{ config(materialized='incremental') }} select id from stg
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}"""


def test_an_incremental_model_has_two_forms() -> None:
    forms: list[tuple[str, str]] = []
    for sql in (
        _INCREMENTAL,
        _INCREMENTAL.replace("select max(id) from {{ this }}", "select max(o.id) from {{ this }} o"),
    ):
        model = _project(q=sql).model()
        assert model.full is not None
        assert model.incremental is not None
        forms.append((model.full.form, model.incremental.form))
    assert forms[0] == forms[1]
    assert forms[0][0] != forms[0][1]


def test_the_moments_of_a_batch_are_names() -> None:
    sql = """{{ config(materialized='incremental', incremental_strategy='time_range', event_time='at',
        begin='2024-01-01', batch_size='day') }} select id, at from stg where at >= {{ start }}"""
    before, after = _project(q=sql), _project(q=sql.replace("at >= {{ start }}", "{{ start }} <= stg.at"))
    assert _form(before) == _form(after)
    assert _form(before) != _form(_project(q=sql.replace("start", "end")))


def test_a_translated_query_has_the_form_of_what_was_written() -> None:
    files = {f"{n}.sql" if "." not in n else n: text for n, text in _FILES.items()}
    there = compiled(files, settings=POSTGRES.replace("name: shop", "name: shop\ndialect: duckdb"))
    assert _form(there, "stg") == _form(_project(), "stg")


def test_a_text_that_was_kept_has_the_form_that_it_had() -> None:
    found = compile_project(LocalSystem(_EXAMPLE))
    program = found.program
    assert program and found.languages
    tables = {str(node): schema_table(node, schema) for node, schema in program.schemas.items()}
    checked = 0
    for node, version in versions(program, found.tree, {}, {}).items():
        for role, text in version.queries.items():
            kept = read_kept(text, found.languages.source, found.languages.rules, tables)
            assert kept is not None
            assert differences(kept.outline, kept.outline) == ()
            inlined = any(_is_ephemeral(program, parent) for parent in program.graph.parents[node])
            if role == "full" and not inlined:
                assert digest(kept.form) == version.forms[role], text
                checked += 1
    assert checked > 10


def _is_ephemeral(program: Program, node: NodeId) -> bool:
    model = program.models.get(node)
    return model is not None and model.config.materialized is Materialization.EPHEMERAL
