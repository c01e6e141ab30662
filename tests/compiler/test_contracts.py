"""What properties declare of a model's columns, compared with what its query gives."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from tests.compiler.projects import Compiled, compiled

_PEOPLE = (
    "select * from (values (1, 'Ada', cast(null as date)), (2, 'Bo', date '2020-01-01')) "
    "as people(id, name, seen)"
)


def _declared(columns: str, sql: str, *, enforced: bool = True, parent: str = _PEOPLE) -> Compiled:
    """A model `q` whose properties are these lines of YAML, beside a model `people`."""
    config = "    config: {contract: {enforced: true}}\n" if enforced else ""
    lines = "".join(f"      {line}\n" for line in columns.strip().splitlines())
    return compiled(
        {
            "people.sql": parent,
            "q.sql": sql,
            "q.yml": f"models:\n  - name: q\n{config}    columns:\n{lines}",
        }
    )


def test_contract_that_holds_says_nothing() -> None:
    _declared(
        """
- {name: id, data_type: integer, constraints: [{type: not_null}]}
- {name: name, data_type: varchar}
- {name: seen, data_type: date}
""",
        "select id, name, seen from people where id is not null",
    ).clean()


def test_contract_tells_all_that_differs_at_once() -> None:
    found = _declared(
        """
- {name: id, data_type: bigint}
- {name: nmae, data_type: varchar}
- {name: seen, data_type: date, constraints: [{type: not_null}]}
""",
        "select id, name, nullif(seen, seen) as seen from people",
    )
    assert sorted((d.code, d.severity, found.at(d.span)[1]) for d in found.diagnostics) == [
        (Code.CONTRACT_COLUMN_MISSING, Severity.ERROR, "nmae"),
        (Code.CONTRACT_COLUMN_EXTRA, Severity.ERROR, "name"),
        (Code.DECLARED_TYPE, Severity.ERROR, "bigint"),
        (Code.CONTRACT_NULL, Severity.ERROR, "not_null"),
    ]
    missing = next(d for d in found.diagnostics if d.code is Code.CONTRACT_COLUMN_MISSING)
    assert missing.help == "did you mean `name`?"


def test_types_are_compared_where_no_contract_is_enforced_and_warned_of() -> None:
    found = _declared("- {name: id, data_type: bigint}", "select id, name from people", enforced=False)
    only = found.only()
    assert (only.code, only.severity) == (Code.DECLARED_TYPE, Severity.WARNING)
    assert found.at(only.labels[0].span) == ("models/q.sql", "id")


@pytest.mark.parametrize(
    ("declared", "expression", "code"),
    [
        ("integer", "cast(id as bigint)", Code.NARROWED_TYPE),
        ("decimal(8,2)", "cast(id as decimal(12,2))", Code.NARROWED_TYPE),
        ("real", "cast(id as double)", Code.NARROWED_TYPE),
        ("decimal(12,2)", "cast(id as decimal(8,2))", Code.DECLARED_TYPE),
        ("varchar", "id", Code.DECLARED_TYPE),
        ("integer[]", "[cast(id as bigint)]", Code.NARROWED_TYPE),
    ],
)
def test_narrowing_is_told_apart_from_another_type(declared: str, expression: str, code: Code) -> None:
    found = _declared(f"- {{name: x, data_type: '{declared}'}}", f"select {expression} as x from people")
    assert found.only().code is code


@pytest.mark.parametrize(
    ("declared", "expression"),
    [
        ("int4", "id"),
        ("string", "name"),
        ("varchar(20)", "name"),
        ("text", "name"),
        ("numeric(8,2)", "cast(id as decimal(8,2))"),
        ("struct(a integer)", "{'a': id}"),
    ],
)
def test_other_spellings_of_a_type_are_the_type(declared: str, expression: str) -> None:
    _declared(f"- {{name: x, data_type: '{declared}'}}", f"select {expression} as x from people").clean()


def test_contract_wants_a_type_for_each_column() -> None:
    found = _declared("- {name: id}", "select id from people")
    assert found.only().code is Code.MISSING_SETTING
    assert found.only().help == "add `data_type: INTEGER`"


def test_what_is_not_known_is_not_held_against_the_contract() -> None:
    found = _declared(
        "- {name: x, data_type: integer, constraints: [{type: not_null}]}",
        "select house_rating(id) as x from people",
    )
    assert {(d.code, d.severity) for d in found.diagnostics} == {(Code.CONTRACT_UNPROVEN, Severity.WARNING)}
    assert len(found.diagnostics) == 2


def test_test_that_stops_readers_keeps_a_promise() -> None:
    sql = "select nullif(id, 1) as id from people"
    column = "- {name: id, data_type: integer, constraints: [{type: not_null}], tests: [%s]}"
    _declared(column % "not_null", sql).clean()
    warned = _declared(column % "{not_null: {config: {severity: warn}}}", sql)
    assert warned.only().code is Code.CONTRACT_NULL


def test_names_of_a_contract_fold() -> None:
    _declared("- {name: ID, data_type: integer}", "select id from people").clean()


def test_unknown_constraint_is_refused() -> None:
    found = _declared(
        "- {name: id, data_type: integer, constraints: [{type: nonull}]}", "select id from people"
    )
    assert found.only().severity is Severity.ERROR
    assert found.at(found.only().span)[1] == "nonull"


def test_incremental_query_that_gives_other_columns_is_an_error() -> None:
    found = compiled(
        {
            "q.sql": "{{ config(materialized='incremental') }}\nselect 1 as a, 'x' as b"
            "{% if is_incremental() %}, 2 as c{% endif %}"
        }
    )
    assert found.only().code is Code.INCREMENTAL_COLUMNS
    assert "c" in found.only().message


def test_incremental_query_of_another_type_is_an_error() -> None:
    found = compiled(
        {
            "q.sql": "{{ config(materialized='incremental') }}\n"
            "select {% if is_incremental() %}'1'{% else %}1{% endif %} as a"
        }
    )
    assert found.only().code is Code.INCREMENTAL_COLUMNS


def test_incremental_query_that_only_filters_agrees() -> None:
    compiled(
        {
            "people.sql": _PEOPLE,
            "q.sql": "{{ config(materialized='incremental') }}\nselect id from people"
            "{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}",
        }
    ).clean()


def test_name_that_only_a_later_model_gives_is_told_of() -> None:
    found = compiled(
        {
            "people.sql": _PEOPLE,
            "renamed.sql": "select id as person_id from people",
            "q.sql": "select person_id from people",
        }
    )
    only = found.only()
    assert only.code is Code.RENAMED_DOWNSTREAM
    assert found.at(only.span) == ("models/q.sql", "person_id")
    assert only.help is not None and "`id`" in only.help
