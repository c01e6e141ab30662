"""A change of code is one of its meaning: what means the same is not built again."""

from __future__ import annotations

import pytest

from tests.apply.projects import Project

pytestmark = pytest.mark.layouts("direct", "virtual")

ORDERS = "{{ config(materialized='table') }} select 1 as id, 10 as amount, 'a' as name"
BASE = "{{ config(materialized='table') }}\nselect o.id, sum(o.amount) as total from orders as o "
SQL = BASE + "where o.amount > 0 and o.name <> 'x' group by o.id"

SAME = {
    "format": BASE + "\n  where o.amount > 0\n    and o.name <> 'x'\n  group by o.id",
    "comment": BASE + "/* why */ where o.amount > 0 and o.name <> 'x' -- so\n group by o.id",
    "operands": BASE + "where o.name <> 'x' and 0 < o.amount group by o.id",
    "words": BASE + "where (o.amount > 0) and o.name != 'x' group by o.id",
    "table alias": SQL.replace("o.", "t.").replace("as o", "t"),
    "no alias": SQL.replace("o.", "").replace("as o", ""),
    "case": SQL.replace("SUM", "sum").replace("select", "SELECT").replace("o.id", "O.ID", 1) + "",
    "tags": SQL.replace("materialized='table'", "materialized='table', tags=['a'], meta={'b': 1}"),
}
OTHER = {
    "literal": SQL.replace("> 0", "> 1"),
    "comparison": SQL.replace("> 0", ">= 0"),
    "column": SQL.replace("total", "sum"),
    "more": SQL.replace("o.id,", "o.id, 1 as one,"),
    "distinct": SQL.replace("sum(o", "sum(distinct o"),
    "or": SQL.replace(" and ", " or "),
    "index": SQL.replace("'table'", "'table', indexes=[{'columns': ['id']}]"),
    "hook": SQL.replace("'table'", "'table', post_hook='select 1'"),
}


@pytest.mark.parametrize("kind", SAME)
def test_what_means_the_same_is_not_built(project: Project, kind: str) -> None:
    project.built({"orders": ORDERS, "m": SQL, "below": "select * from m"})
    run = project.built({"m": SAME[kind]})
    assert run.statuses == {"orders": "unchanged", "m": "unchanged", "below": "unchanged"}
    # The version is the one that was published: a change then is one from there.
    assert project.built({"m": OTHER["literal"]}).statuses["m"] == "success"
    assert project.built({"m": OTHER["literal"]}).statuses["m"] == "unchanged"


@pytest.mark.parametrize("kind", OTHER)
def test_what_means_something_else_is_built(duck: Project, kind: str) -> None:
    duck.built({"orders": ORDERS, "m": SQL})
    assert duck.built({"m": OTHER[kind]}).statuses["m"] == "success"


def test_what_is_built_for_its_data_stays_of_its_version(project: Project) -> None:
    project.built({"orders": ORDERS, "m": SQL})
    project.built({"m": SAME["operands"], "orders": ORDERS.replace("10", "20")})
    assert project.rows("select total from m") == [(20,)]
    [(before,)] = project.rows(
        "select count(distinct substr(publication, strpos(publication, '\"code\"'), 80)) "
        "from _sqlflow.publications where node = 'model.shop.m'"
    )
    assert before == 1
    assert len(project.rows("select * from _sqlflow.versions")) == 3
    assert project.built({"m": SQL}).statuses["m"] == "unchanged"


def test_a_lost_state_knows_versions_all_the_same(project: Project) -> None:
    project.built({"orders": ORDERS, "m": SQL})
    project.settings["state"] = "sqlite:///another.db"
    assert project.built({"m": SAME["operands"]}).statuses == {"orders": "unchanged", "m": "unchanged"}


def test_without_what_was_kept_the_text_decides(project: Project) -> None:
    """So it is after an upgrade from a warehouse of a time before versions were kept."""
    project.built({"orders": ORDERS, "m": SQL})
    project.warehouse.execute("drop table _sqlflow.versions")
    run = project.built({"m": SAME["operands"]})
    assert run.statuses == {"orders": "unchanged", "m": "success"}
    assert project.built({"m": SQL}).statuses["m"] == "unchanged"


def test_ephemeral_models_are_a_part_of_their_readers(project: Project) -> None:
    inner = "{{ config(materialized='ephemeral') }} select id, amount from orders where amount > 0 and id > 0"
    reader = "{{ config(materialized='table') }} select * from inner_"
    project.built({"orders": ORDERS, "inner_": inner, "m": reader})
    same = inner.replace("amount > 0 and id > 0", "id > 0 and amount > 0")
    assert project.built({"inner_": same}).statuses["m"] == "unchanged"
    assert project.built({"inner_": inner.replace("id > 0", "id > 1")}).statuses["m"] == "success"


def test_moved_files(project: Project) -> None:
    python = "import pyarrow\n\n\ndef p():\n    return pyarrow.table({'a': [1]})\n"
    project.built({"m": "select 1 as id", "models/p.py": python})
    for old, new in (("m.sql", "sub/m.sql"), ("p.py", "sub/q.py")):
        (project.root / "models/sub").mkdir(exist_ok=True)
        (project.root / "models" / old).rename(project.root / "models" / new)
    assert project.built().statuses == {"m": "unchanged", "p": "unchanged"}


def test_batches_that_are_looked_back_at_are_no_code(project: Project) -> None:
    config = (
        "{{{{ config(materialized='incremental', incremental_strategy='time_range', event_time='at', "
        "batch_size='month', begin='2026-09-01', lookback={}) }}}} "
        "select cast('2026-10-01' as timestamp) as at"
    )
    project.built({"m": config.format(0)})
    assert project.built({"m": config.format(1)}).statuses == {"m": "unchanged"}
