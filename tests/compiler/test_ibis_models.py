"""Ibis models: compiled to SQL in a process apart, bound like any other query."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from sqlflow.apply import functions
from sqlflow.compiler import compile_project
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.core.ids import NodeId
from sqlflow.system.memory import MemorySystem
from tests.compiler.projects import DUCKDB, POSTGRES, Compiled, compiled

ORDERS = "select 1::bigint as id, 'a' as who, 2.50::decimal(9, 2) as amount, date '2020-01-01' as day"
HEAD = "import ibis\nimport sqlflow\n\n"


def model(body: str, signature: str = "orders: ibis.Table", head: str = HEAD, name: str = "totals") -> str:
    return f"{head}def {name}({signature}) -> ibis.Table:\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"


def project(*bodies: str, settings: str = DUCKDB, **more: str) -> Compiled:
    files = {"orders.sql": ORDERS, **{f"{name}.sql": text for name, text in more.items()}}
    files |= {f"totals{index or ''}.py": text for index, text in enumerate(bodies)}
    return compiled(files, settings=settings)


def columns(found: Compiled, name: str = "totals") -> Mapping[str | None, tuple[str, str, frozenset[str]]]:
    schema = found.program.schemas[NodeId(f"model.shop.{name}")]
    return {
        column.name: (str(column.type), column.null.value, frozenset(str(s.column) for s in column.sources))
        for column in schema.columns
    }


AGGREGATED = model("return orders.group_by('who').agg(total=orders.amount.sum(), n=orders.count())")


@pytest.mark.parametrize(
    ("settings", "total", "who"),
    [(DUCKDB, "DECIMAL(38,2)", "VARCHAR"), (POSTGRES, "NUMERIC", "TEXT")],
)
def test_an_ibis_model_is_a_query_with_types_and_lineage(settings: str, total: str, who: str) -> None:
    found = project(
        AGGREGATED, settings=settings, after="select total * 2 as double, who from totals"
    ).clean()
    assert columns(found)["total"] == (total, "not_null", frozenset({"amount"}))
    assert columns(found)["who"][0] == who
    assert columns(found)["n"] == ("BIGINT", "not_null", frozenset())
    assert columns(found, "after")["double"][2] == {"total"}
    bound = found.model("totals")
    assert bound.function is None
    assert bound.config.materialized.value == "view"
    assert "__sqlflow" not in found.sql("totals")
    assert found.parents("model.shop.totals") == ["model.shop.orders"]


def test_one_file_may_have_several_models_and_helpers() -> None:
    text = HEAD + textwrap.dedent("""\
        def _big(table):
            return table.filter(table.amount > 2)

        @sqlflow.model(materialized="ephemeral")
        def big_orders(orders: ibis.Table) -> ibis.Table:
            return _big(orders)

        @sqlflow.model(materialized="table")
        def busy(big_orders: ibis.Table, orders: ibis.Table) -> ibis.Table:
            return big_orders.join(orders, "id").select("id", "day")
    """)
    found = project(text).clean()
    assert columns(found, "big_orders").keys() == {"id", "who", "amount", "day"}
    assert columns(found, "busy")["day"] == ("DATE", "not_null", frozenset({"day"}))
    assert ">" in found.sql("busy")


def test_types_of_all_kinds_arrive_as_ibis_knows_them() -> None:
    wide = (
        "select 1::hugeint as h, 1::utinyint as u, [1, 2] as l, {'a': 1, 'b': ['x']} as s, "
        "map {'k': 1.5} as m, "
        "timestamp '2020-01-01 00:00:00' as t, '{}'::json as j, true as b, 0.5::float as f, '101'::bit as x"
    )
    body = """\
        kinds = {name: str(kind) for name, kind in wide.schema().items()}
        want = {"h": "decimal(38, 0)", "u": "uint8", "l": "array<int32>", "m": "map<string, decimal(2, 1)>",
                "s": "struct<a: int32, b: array<string>>", "t": "timestamp(6)", "j": "json", "b": "boolean",
                "f": "float32"}
        wrong = {name: kinds[name] for name in want if kinds[name].replace("!", "") != want[name]}
        assert not wrong, wrong
        return wide.mutate(first=wide.l[0], part=wide.s.b).drop("m")
    """
    found = project(model(body, "wide: ibis.Table"), wide=wide).clean()
    known = columns(found)
    assert {name: known[name][0] for name in ("h", "x", "first", "part")} == {
        "h": "HUGEINT", "x": "BIT", "first": "INTEGER", "part": "VARCHAR[]",
    }  # fmt: skip


def test_what_a_function_prints_goes_nowhere() -> None:
    body = 'print(\'{"kind": "sql", "sql": "select 1"}\')\nimport os\nos.write(1, b\'x\\n\')\nreturn orders'
    assert columns(project(model(body)).clean()).keys() == {"id", "who", "amount", "day"}


def test_the_function_sees_no_secrets() -> None:
    body = """\
        import os
        assert "PASSWORD" not in os.environ, "it is there"
        return orders
    """
    files = {"orders.sql": ORDERS, "totals.py": model(body)}
    compiled(files, environment={"PASSWORD": "x", "LANG": "C.UTF-8"}).clean()


def test_a_function_that_raises_is_told_at_its_line() -> None:
    found = project(model("return orders.nope"))
    assert found.only().code is Code.PYTHON_FAILED
    assert "AttributeError: 'Table' object has no attribute 'nope'" in found.only().message
    assert found.at(found.only().span) == ("models/totals.py", "return orders.nope")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (model("return orders", head=HEAD + "import no_such_package\n\n"), "install no_such_package"),
        (model("return orders", head=HEAD + "raise ValueError('é')\n\n"), "ValueError: é"),
        (model("import sys; sys.exit(2)"), "SystemExit: 2"),
    ],
)
def test_a_file_that_fails_is_told(text: str, words: str) -> None:
    found = project(text).only()
    assert found.code is Code.PYTHON_FAILED
    assert words in f"{found.message} {found.help}"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("pass", "returned nothing"),
        ("return orders.amount", "a ibis.DecimalColumn"),
        ("return 1", "a builtins.int"),
    ],
)
def test_a_function_that_returns_no_table_is_told(body: str, what: str) -> None:
    found = project(model(body)).only()
    assert found.code is Code.PYTHON_RESULT
    assert what in found.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("while True: pass", Code.IBIS_TIMED_OUT),
        ("input()", Code.IBIS_TIMED_OUT),
        ("import os, time\nif os.fork() == 0: time.sleep(60)\nwhile True: pass", Code.IBIS_TIMED_OUT),
        ("import os; os._exit(3)", Code.PYTHON_FAILED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Code.PYTHON_FAILED),
    ],
)
def test_a_function_that_never_answers_costs_itself_alone(body: str, code: Code) -> None:
    after = model("return totals_1.limit(1)", "orders: ibis.Table", name="other").replace(
        "totals_1", "orders"
    )
    found = project(model(body), after, settings=DUCKDB + "python-timeout: 3\n")
    assert found.only().code is code
    assert found.only().span is not None
    assert columns(found, "other").keys() == {"id", "who", "amount", "day"}


def test_what_has_no_sql_is_told() -> None:
    body = "return orders.cross_join(ibis.table({'x': 'int'}, name='elsewhere'))"
    found = project(model(body)).only()
    assert found.code is Code.IBIS_NOT_RENDERED
    assert "reads the table `elsewhere`" in found.message
    found = project(model("return ibis.memtable({'x': [1]})"))
    assert {d.code for d in found.diagnostics} <= {Code.IBIS_NOT_RENDERED, Code.PYTHON_FAILED}


def test_a_column_of_unknown_type_is_named_where_the_function_fails() -> None:
    settings = DUCKDB + "models: {+materialized: view}\n"
    files = {
        "raw.yml": """
            sources:
            - name: raw
              tables:
              - {name: t, columns: [{name: a}, {name: b, data_type: int}]}
        """,
        "totals.py": model("return t.agg(x=t.a.sum())", "t: ibis.Table"),
        "kept.py": model("return t.select('a', 'b')", "t: ibis.Table", name="kept"),
    }
    found = compiled(files, settings=settings)
    assert found.only().notes == ("of `t`, the types of these columns are not known: a",)
    # The source may have more columns, and the model has these two alone.
    assert columns(found, "kept")["b"][0] == "INTEGER"
    assert columns(found, "kept").keys() == {"a", "b"}
    assert not found.program.schemas[NodeId("model.shop.kept")].open


def test_a_source_without_columns_is_told() -> None:
    files = {
        "raw.yml": "sources: [{name: raw, tables: [{name: t}]}]",
        "totals.py": model("return t", "t: ibis.Table"),
    }
    found = compiled(files)
    assert found.only().message == "`totals` can't be compiled: no column of `t` is known"
    assert found.at(found.only().span) == ("models/totals.py", "t")


def test_without_python_only_declared_columns_are_known() -> None:
    head = HEAD + "@sqlflow.model(columns={'total': 'bigint'})\n"
    files = {
        "sqlflow.yml": DUCKDB,
        "models/orders.sql": ORDERS,
        "models/totals.py": model("raise ValueError", head=head),
        "models/after.sql": "select total, more from totals",
    }
    found = Compiled(files, compile_project(MemorySystem(files), python=False))
    told = found.only()
    assert (told.code, told.severity) == (Code.IBIS_NOT_COMPILED, Severity.WARNING)
    schema = found.program.schemas[NodeId("model.shop.totals")]
    assert schema.opaque
    assert columns(found, "after")["total"][0] == "BIGINT"


def test_without_ibis_its_package_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [path for path in sys.path if "site-packages" not in path]
    monkeypatch.setattr(functions, "sys", SimpleNamespace(path=alone, executable=sys.executable))
    found = project(AGGREGATED, model("return orders", name="other"))
    assert {d.code for d in found.diagnostics} == {Code.DRIVER_MISSING}
    assert len(found.diagnostics) == 2
    assert "pip install 'sqlflow[ibis]'" in found.diagnostics[0].help


def test_parameters_are_all_expressions_or_all_rows() -> None:
    signature = "orders: ibis.Table, other: pyarrow.Table"
    text = model("return orders", signature, head="import ibis\nimport pyarrow\n\n")
    found = project(text, other="select 1 as a")
    assert found.only().code is Code.PYTHON_PARAMETER
    assert found.at(found.only().span)[1] == "other"


def test_an_ibis_model_is_not_incremental() -> None:
    head = HEAD + "@sqlflow.model(materialized='incremental')\n"
    found = project(model("return orders", head=head)).only()
    assert (found.code, found.message) == (Code.BAD_MATERIALIZATION, "an ibis model cannot be incremental")


def test_a_broken_parent_is_told_alone() -> None:
    found = compiled({"orders.sql": "select from", "totals.py": AGGREGATED})
    assert found.only().code is Code.SQL_SYNTAX
