"""A table that is built again with the same rows leaves what reads it alone, where that is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlflow.core.relation import Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.specs import DUCKDB, POSTGRES
from tests.apply.projects import Project, Run

pytestmark = pytest.mark.layouts("direct", "virtual")


def table(query: str, config: str = ", checksum=true") -> str:
    return f"{{{{ config(materialized='table'{config}) }}}} {query}"


def built(run: Run) -> set[str]:
    """The names of what was done."""
    assert run.finished.ok, run.diagnostics
    return {name for name, status in run.statuses.items() if status != "unchanged"}


CHAIN = {
    "a": table("select * from (values (1, 'x'), (2, 'y'), (2, 'y')) as t (id, name)"),
    "b": table("select id from a", ""),
    "v": "select id from b",
    "models/m.yml": "models: [{name: b, columns: [{name: id, tests: [not_null]}]}]",
}


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("select * from (values (2, 'y'), (1, 'x'), (2, 'y')) as t (id, name)", True),
        ("select * from (values (2, 'y'), (1, 'x'), (2, 'y')) as t (id, name) where id > 0", True),
        ("select * from (values (2, 'y'), (1, 'x')) as t (id, name)", False),
        ("select * from (values (2, 'y'), (1, 'x'), (1, 'x')) as t (id, name)", False),
        ("select * from (values (1, 'y'), (2, 'x'), (2, 'y')) as t (id, name)", False),
        ("select * from (values (1, 'x'), (2, 'y'), (2, null)) as t (id, name)", False),
        ("select * from (values (1, 'x'), (2, 'y'), (2, 'y')) as t (id, nom)", False),
        (
            "select cast(id as bigint) as id, name "
            "from (values (1, 'x'), (2, 'y'), (2, 'y')) as t (id, name)",
            False,
        ),
    ],
)
def test_what_reads_the_same_rows_is_left_alone(project: Project, query: str, same: bool) -> None:
    project.built(CHAIN)
    run = project.built({"a": table(query)})
    assert built(run) == ({"a"} if same else {"a", "b", "v", "not_null_b_id"})
    assert run.nodes["a"].reason == ("the same rows as before" if same else "")
    assert built(project.built()) == set()
    # What was built without one has no checksum to be the same as.
    assert project.built({}, "a", force=True).nodes["a"].reason == "the same rows as before"


def test_another_order_of_columns_is_another_checksum(project: Project) -> None:
    """What reads them by their names is left alone all the same, as no column differs."""
    project.built(CHAIN)
    run = project.built(
        {"a": table("select name, id from (values (1, 'x'), (2, 'y'), (2, 'y')) as t (id, name)")}
    )
    assert built(run) == {"a"}
    assert (run.nodes["a"].reason, run.nodes["b"].reason) == ("", "a differs in no column")


def test_without_it_everything_is_built(project: Project) -> None:
    plain = CHAIN["a"].replace(", checksum=true", "")
    project.built({**CHAIN, "a": plain})
    run = project.built({"a": plain.replace("(1, 'x'), (2, 'y')", "(2, 'y'), (1, 'x')")})
    assert {"a", "b", "v"} <= built(run)


def test_kinds_of_tables(project: Project) -> None:
    by_key = ", checksum=true, unique_key='id'"
    files = {
        "seeds/s.csv": "id,name\n1,a\n2,b\n",
        "seeds/s.yml": "seeds: [{name: s, config: {checksum: true}}]",
        "of_seed": table("select * from s", ""),
        "i": table("select 1 as id, 'a' as name", by_key).replace("'table'", "'incremental'"),
        "of_i": table("select * from i", ""),
        "snapshots/k.sql": "{{ config(unique_key='id', strategy='check', check_cols='all', checksum=true) }} "
        "select 1 as id, 'a' as name",
        "of_k": table("select id from k", ""),
        "models/p.py": "import pyarrow\nimport sqlflow\n\n\n@sqlflow.model(checksum=True)\n"
        "def p(s: pyarrow.Table):\n    return s.sort_by('id')\n",
        "of_p": table("select * from p", ""),
    }
    project.built(files)
    run = project.built({"seeds/s.csv": "id,name\n2,b\n1,a\n"})
    assert {"s"} <= built(run) and not {"of_seed", "of_i", "of_k"} & built(run)
    run = project.built({}, "s", "i", "k", "p", force=True)
    assert {run.nodes[name].reason for name in ("s", "i", "k", "p")} == {"the same rows as before"}
    assert built(project.built()) == set()
    later = table("select 2 as id, 'b' as name", by_key).replace("'table'", "'incremental'")
    assert built(project.built({"i": later})) == {"i", "of_i"}


def test_a_view_has_no_rows_to_look_at(project: Project) -> None:
    project.settings["models"] = {"+checksum": True}
    project.built({"a": "select 1 as id", "b": table("select id from a", "")})
    assert built(project.built({"a": "select 1 + 0 as id"})) == {"a", "b"}


ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 1, -1, 2**31 - 1]),
        st.sampled_from([None, "", "a", "(", '"', ",", "a,b"]),
    ),
    max_size=5,
)
Rows = list[tuple[int | None, str | None]]


@given(one=ROWS, other=ROWS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_checksums_are_equal_where_rows_are(project: Project, one: Rows, other: Rows) -> None:
    spec = POSTGRES if project.warehouse.is_postgres else DUCKDB
    connection = project.warehouse.connect()

    def checksum(rows: Rows) -> tuple[Any, ...]:
        connection.execute("create temporary table r (a integer, b text)")
        for a, b in rows:
            values = ["null" if value is None else repr(value) for value in (a, b)]
            connection.execute(f"insert into r values ({', '.join(values)})")
        found = connection.execute(sql.checksum(spec, Relation(None, None, "r"), ["a", "b"])).fetchone()
        connection.execute("drop table r")
        return tuple(found)

    try:
        first = checksum(one)
        assert checksum(one[::-1]) == first
        assert (checksum(other) == first) is (sorted(map(repr, one)) == sorted(map(repr, other)))
    finally:
        connection.close()
