"""What is known of an incremental model holds for the rows of both of its queries."""

from __future__ import annotations

import pytest

from sqlflow.core.ids import NodeId
from tests.compiler.projects import Compiled, compiled

_PEOPLE = "select * from (values (1, 'Ada', 3), (2, 'Bo', 4)) as people(id, name, age)"
_ODD = "select * from (values (1, null), (2, 'x')) as odd(id, name)"


def _incremental(first: str, later: str) -> Compiled:
    """A model `q` whose query is the first one in its first build, and then the other."""
    config = "{{ config(materialized='incremental') }}"
    sql = f"{config}{{% if is_incremental() %}}{later}{{% else %}}{first}{{% endif %}}"
    return compiled({"people.sql": _PEOPLE, "odd.sql": _ODD, "q.sql": sql})


def _nulls(found: Compiled) -> list[str]:
    return [column.null.value for column in found.program.schemas[_node(found)].columns]


def _node(found: Compiled) -> NodeId:
    return next(node for node in found.program.schemas if node.endswith(".q"))


@pytest.mark.parametrize(
    ("later", "nulls"),
    [
        ("select id, name from people where id > (select max(id) from {{ this }})", ["not_null", "not_null"]),
        ("select id, nullif(name, '') as name from people", ["not_null", "nullable"]),
        ("select p.id, o.name from people p join odd o using (id)", ["not_null", "nullable"]),
        ("select id, name from {{ this }} where id > 1", ["not_null", "not_null"]),
        # What the first later build adds, the next one reads.
        ("select t.id, u.name from {{ this }} t left join {{ this }} u on u.id = t.id + 1",
         ["not_null", "nullable"]),
    ],
)  # fmt: skip
def test_a_column_is_never_null_only_where_no_query_gives_one(later: str, nulls: list[str]) -> None:
    assert _nulls(_incremental("select id, name from people", later)) == nulls


def test_nulls_spread_through_the_model_itself() -> None:
    first = "select id as a, id as b, id as c from people"
    later = "select nullif(c, 1) as a, a as b, 1 as c from {{ this }}"
    assert _nulls(_incremental(first, later)) == ["nullable", "nullable", "not_null"]


def test_lineage_is_that_of_both_queries_without_the_model_itself() -> None:
    found = _incremental(
        "select id, name from people",
        "select o.id, p.name from people p join odd o using (id) "
        "where p.age > (select max(id) from {{ this }})",
    )
    schema = found.program.schemas[_node(found)]
    shown = [sorted(f"{ref.table.rpartition('.')[2]}.{ref.column}" for ref in refs) for refs in (
        schema.columns[0].sources, schema.columns[1].sources, schema.rows,
    )]  # fmt: skip
    assert shown == [["odd.id", "people.id"], ["people.name"], ["odd.id", "people.age", "people.id"]]


def test_a_contract_holds_for_both_queries() -> None:
    contract = (
        "models:\n  - name: q\n    config: {contract: {enforced: true}}\n    columns:\n"
        "      - {name: id, data_type: integer, constraints: [{type: not_null}]}\n"
    )
    sql = (
        "{{ config(materialized='incremental') }}\nselect "
        "{% if is_incremental() %}nullif(id, 1){% else %}id{% endif %} as id from people"
    )
    found = compiled({"people.sql": _PEOPLE, "q.sql": sql, "q.yml": contract})
    assert "id" in found.only().message
