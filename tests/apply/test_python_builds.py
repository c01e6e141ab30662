"""Python models: what arrives, what goes back, and what is said when their code fails."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest

import sqlflow
from tests.apply.projects import Project, Run, source_text

FRAMES = {
    "pandas": ("import pandas", "pandas.DataFrame", "up[up['id'] > 1]"),
    "polars": ("import polars", "polars.DataFrame", "up.filter(polars.col('id') > 1)"),
    "lazy": ("import polars", "polars.DataFrame", "up.lazy().filter(polars.col('id') > 1)"),
    "arrow": ("import pyarrow", "pyarrow.Table", "up.slice(1)"),
    "duckdb": ("import duckdb", "duckdb.DuckDBPyRelation", "up.filter('id > 1')"),
}
UP = """{{ config(materialized='table') }}
select * from (values (1, 'a', cast(1.25 as decimal(10, 2)), date '2024-01-02', true),
    (2, 'b', cast(2.5 as decimal(10, 2)), date '2024-01-03', false),
    (3, null, null, null, null)) as t (id, name, price, day, flag)"""


def model(
    body: str, imports: str = "import pyarrow", parameters: str = "up: pyarrow.Table", config: str = ""
) -> str:
    decorator = f"@sqlflow.model({config})\n" if config else ""
    return f"import sqlflow\n{imports}\n\n\n{decorator}def m({parameters}):\n    {body}\n"


@pytest.mark.parametrize("frame", FRAMES)
def test_rows_in_and_out(project: Project, frame: str) -> None:
    imports, annotation, expression = FRAMES[frame]
    text = model(f"return {expression}", imports, f"up: {annotation}")
    for _ in range(2):
        project.built({"up": UP, "models/m.py": text})
    rows = project.rows("select id, name, price, day, flag from m order by id")
    assert [row[:2] for row in rows] == [(2, "b"), (3, None)]
    assert rows[0][2] == decimal.Decimal("2.50") and rows[1][2] is None
    assert str(rows[0][3])[:10] == "2024-01-03" and rows[1][3] is None
    assert rows[0][4] is False and rows[1][4] is None


def test_zones_lists_and_structs(project: Project) -> None:
    body = """import datetime
    zone = datetime.timezone(datetime.timedelta(hours=2))
    return pyarrow.table({
        'moment': pyarrow.array([datetime.datetime(2024, 1, 1, 12, tzinfo=zone), None]),
        'tags': [['a', None], None],
        'pair': [{'x': 1, 'y': 'z'}, None],
        'deep': [[[1, 2], [3, 4]], None],
    })"""
    below = "import pyarrow\n\ndef back(m: pyarrow.Table):\n    return m\n"
    project.built({"models/m.py": model(body, parameters=""), "models/back.py": below})
    for name in ("m", "back"):
        [row, none] = project.rows(f"select moment, tags, pair, deep from {name} order by 1 nulls last")
        assert row[0].astimezone(datetime.UTC) == datetime.datetime(2024, 1, 1, 10, tzinfo=datetime.UTC)
        assert row[1] == ["a", None]
        assert none == (None, None, None, None)
        if name == "m":
            assert (row[2], row[3]) == ({"x": 1, "y": "z"}, [[1, 2], [3, 4]])


def test_incremental_python_model(project: Project) -> None:
    config = "materialized='incremental', unique_key='id', on_schema_change='fail'"
    price = "pyarrow.array([%s], pyarrow.decimal128(10, 2))"
    body = f"return pyarrow.table({{'id': [%s], 'price': {price}, 'name': ['%s']}})"
    project.built({"models/m.py": model(body % (1, 1, "a"), parameters="", config=config)})
    run = project.built({"models/m.py": model(body % (1, 2, "b"), parameters="", config=config)})
    assert run.nodes["m"].reason == ""
    assert project.rows("select id, price, name from m") == [(1, decimal.Decimal("2.00"), "b")]
    less = model("return pyarrow.table({'id': [1]})", parameters="", config=config)
    run = project.build({"models/m.py": less})
    assert [d.code for d in run.diagnostics] == ["SF0703"]


def test_same_columns_keep_the_table_under_a_view(pg: Project) -> None:
    files = {"up": UP, "models/m.py": model("return up")}
    pg.built(files)
    pg.warehouse.execute("create view theirs as select id, price from m")
    [before] = pg.rows("select 'm'::regclass::oid")
    pg.built(files)
    assert pg.rows("select 'm'::regclass::oid") == [before]


def test_empty_result(project: Project) -> None:
    project.built({"up": UP, "models/m.py": model("return up.slice(0, 0)")})
    assert project.rows("select id, price from m") == []


def test_imports_from_the_project(project: Project) -> None:
    text = """import pyarrow
from lib.numbers import START


def first(up: pyarrow.Table):
    return pyarrow.table({'n': [_double(START)]})


def second(first: pyarrow.Table):
    from lib.late import LATER
    return pyarrow.table({'n': [LATER]})


def _double(n):
    return n * 2
"""
    files = {"up": UP, "models/two.py": text, "lib/numbers.py": "START = 4", "lib/late.py": "LATER = 5"}
    project.built(files)
    assert project.rows("select n from first union all select n from second") == [(8,), (5,)]
    (project.root / "lib" / "numbers.py").write_text("START = 40")
    project.built()
    assert project.rows("select n from first") == [(80,)]


def test_many_at_once(duck: Project) -> None:
    names = [f"p{i}" for i in range(12)]
    text = "import pyarrow\n\n\n" + "\n\n".join(
        f"def {name}(up: pyarrow.Table):\n    return up.append_column('x', [['{name}'] * up.num_rows])\n"
        for name in names
    )
    duck.threads = 6
    duck.built({"up": UP, "models/p.py": text})
    assert [duck.rows(f"select distinct x from {name}") for name in names] == [[(name,)] for name in names]


_RAISES = "raise ValueError('no good')"
_SELECTS = "return up.select(['nothing'])"
FAILING = {
    "raise": (f"return _deep(up)\n\n\ndef _deep(up):\n    {_RAISES}", "raised ValueError: no good", _RAISES),
    "library": (_SELECTS, "raised KeyError", _SELECTS),
    "exit": ("raise SystemExit(3)", "raised SystemExit: 3", "raise SystemExit(3)"),
    "import": ("import not_there_at_all", "No module named 'not_there_at_all'", "import not_there_at_all"),
}


@pytest.mark.parametrize("what", FAILING)
def test_exceptions_point_at_their_line(duck: Project, what: str) -> None:
    body, said, line = FAILING[what]
    run = duck.build(
        {"up": UP, "models/m.py": model(body), "below": "select * from m", "other": "select 1 as a"}
    )
    [diagnostic] = run.diagnostics
    assert diagnostic.code == "SF0404" and said in diagnostic.message
    assert source_text(duck, diagnostic) == line
    assert run.statuses == {"up": "success", "m": "error", "below": "skipped", "other": "success"}
    assert ("install not_there_at_all" in diagnostic.help) == (what == "import")


RESULTS: dict[str, tuple[str, str]] = {
    "none": ("pass", "returned nothing"),
    "list": ("return [1]", "returned a list"),
    "no columns": ("return pyarrow.table({})", "a table without columns"),
    "repeated": ("return pyarrow.table([[1], [2]], names=['a', 'a'])", "two columns named `a`"),
    "mixed": ("import pandas\n    return pandas.DataFrame({'a': [1, 'x', object()]})", "doesn't fit Arrow"),
    "type": ("return pyarrow.table({'a': pyarrow.array([{}], pyarrow.struct([]))})", "can't be stored"),
}


@pytest.mark.parametrize("what", RESULTS)
def test_wrong_results(project: Project, what: str) -> None:
    body, said = RESULTS[what]
    if what == "type" and project.warehouse.is_postgres:
        return  # a struct is JSON there, and an empty one is none the worse
    run = project.build({"up": UP, "models/m.py": model(body)})
    [diagnostic] = run.diagnostics
    assert diagnostic.code == "SF0405" and said in diagnostic.message
    assert "m" not in project.warehouse.names()


def test_missing_package(duck: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "polars", None)
    imports = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import polars"
    text = "from __future__ import annotations\n" + model("return up", imports, "up: polars.DataFrame")
    run = duck.build({"up": UP, "models/m.py": text})
    [diagnostic] = run.diagnostics
    assert diagnostic.code == "SF0013" and diagnostic.help == "pip install 'sqlflow[polars]'"


def test_search_path_is_given_back(duck: Project) -> None:
    import sys

    before: list[Any] = list(sys.path)
    duck.built({"up": UP, "models/m.py": model("return up"), "lib/thing.py": ""})
    assert sys.path == before


def test_what_was_not_compiled_is_not_built(duck: Project) -> None:
    ibis_model = (
        "import ibis\n\n\ndef totals(orders: ibis.Table) -> ibis.Table:\n"
        "    return orders.aggregate(total=orders.amount.sum())\n"
    )
    duck.built(
        {
            "orders": "select 10 as amount",
            "models/totals.py": ibis_model,
            "after": "select total from totals",
            "models/t.yml": "models: [{name: totals, columns: [{name: total, tests: [not_null]}]}]",
        }
    )
    project = sqlflow.load(duck.root, python=False)
    for call in (project.build, project.test, project.plan):
        for select in ([], ["after"], ["resource_type:test"]):
            with pytest.raises(sqlflow.ProjectError) as error:
                call(select=select)
            [said] = error.value.diagnostics
            assert (said.code, source_text(duck, said)) == ("SF0408", "totals")
    assert Run(list(project.build(select=["orders"]))).check().statuses == {"orders": "unchanged"}
