from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.adapter.protocol import Failure, FailureKind, Session
from sqlflow.adapter.registry import find_adapter
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import quote
from sqlflow.dialect.specs import DUCKDB

ADAPTER = find_adapter("duckdb")
assert ADAPTER is not None
TABLE = Relation(None, None, "t")


def open_session(path: str = ":memory:", root: str = "/", read_only: bool = False) -> tuple[Any, Session]:
    assert ADAPTER is not None
    warehouse = ADAPTER.open({"path": path, "read_only": read_only}, root)
    return warehouse, warehouse.session()


def failure_of(call: Callable[[], object]) -> Failure:
    assert ADAPTER is not None
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return ADAPTER.classify(caught.value)


@pytest.fixture(scope="module")
def shared() -> Iterator[Session]:
    warehouse, session = open_session()
    session.execute("CREATE TABLE wide (a INTEGER)")
    yield session
    session.close()
    warehouse.close()


@pytest.fixture
def session() -> Iterator[Session]:
    warehouse, made = open_session()
    yield made
    made.close()
    warehouse.close()


def test_a_path_starts_at_the_root_and_the_data_stays(tmp_path: Path) -> None:
    warehouse, session = open_session("kept.duckdb", str(tmp_path))
    session.execute("CREATE TABLE t AS SELECT 7 AS a")
    session.close()
    warehouse.close()
    assert (tmp_path / "kept.duckdb").exists()
    warehouse, session = open_session("kept.duckdb", str(tmp_path), read_only=True)
    assert session.fetch("FROM t").to_pylist() == [{"a": 7}]
    failure = failure_of(lambda: session.execute("INSERT INTO t VALUES (8)"))
    assert failure.kind is FailureKind.PERMISSION
    warehouse.close()


def test_a_file_that_is_open_in_this_process_can_be_opened_again(tmp_path: Path) -> None:
    import duckdb

    other = duckdb.connect(str(tmp_path / "both.duckdb"))
    warehouse, session = open_session("both.duckdb", str(tmp_path))
    session.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert other.execute("SELECT a FROM t").fetchall() == [(1,)]
    session.close()
    warehouse.close()
    other.close()


def test_a_file_that_another_process_holds_is_told_with_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    holding = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        failure = failure_of(lambda: open_session(str(path)))
        holder.communicate("")
    assert failure.kind is FailureKind.TRANSIENT
    assert f"PID {holder.pid}" in failure.message


@pytest.mark.parametrize("path", ["missing/folder.duckdb", "."])
def test_a_file_that_cannot_be_opened(tmp_path: Path, path: str) -> None:
    assert failure_of(lambda: open_session(path, str(tmp_path))).kind is FailureKind.CONNECTION


def test_results_come_without_warnings(session: Session) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.execute("CREATE TABLE t (a INTEGER)")
        assert session.fetch("INSERT INTO t VALUES (1), (2) RETURNING a").num_rows == 2
        assert session.fetch("SHOW TABLES").to_pylist() == [{"name": "t"}]
        assert session.fetch("CREATE TABLE u (a INTEGER)").num_rows == 0
        assert session.execute('SELECT 8::BIGINT AS "Count"') is None
        assert session.execute("CREATE TABLE v AS SELECT * FROM range(5)") == 5


def test_variables_of_the_calling_code_are_no_tables(session: Session) -> None:
    secrets = pa.table({"a": [1]})
    assert secrets.num_rows == 1
    assert failure_of(lambda: session.fetch("SELECT * FROM secrets")).kind is FailureKind.MISSING


def test_times_with_a_zone_are_utc(session: Session) -> None:
    found = session.fetch("SELECT TIMESTAMPTZ '2024-01-01 12:00:00+02' AS a, TIMESTAMPTZ '2024-01-01' AS b")
    assert str(found.schema.field("a").type) == "timestamp[us, tz=UTC]"
    assert [str(value) for value in found.to_pylist()[0].values()] == [
        "2024-01-01 10:00:00+00:00",
        "2024-01-01 00:00:00+00:00",
    ]


padding = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="'"), max_size=150)


@settings(deadline=None, max_examples=150)
@given(before=padding, lines=st.integers(0, 3), indent=st.text(" \t\n", max_size=5), after=padding)
@pytest.mark.parametrize("call", ["execute", "fetch", "describe"])
def test_an_error_points_at_the_character(
    shared: Session, call: str, before: str, lines: int, indent: str, after: str
) -> None:
    sql = (
        f"{indent}SELECT '{before}' AS x,{' ' * 3}"
        + "\n1 AS y," * lines
        + f" no_such, '{after}' AS z FROM wide"
    )
    failure = failure_of(lambda: getattr(shared, call)(sql))
    assert (failure.kind, failure.offset) == (FailureKind.MISSING, sql.index(" no_such,") + 1)


@pytest.mark.parametrize(
    ("sql", "kind", "word"),
    [
        ("SELECT 1 FROM FROM", FailureKind.SYNTAX, " FROM"),
        ("SELECT * FROM nowhere", FailureKind.MISSING, " nowhere"),
        ("SELECT * FROM no_schema.nowhere", FailureKind.MISSING, None),
        ("SELECT no_function(1)", FailureKind.MISSING, " no_function"),
        ("SELECT 'é', CAST('x' AS INTEGER)", FailureKind.DATA, " CAST"),
        ("SELECT 1000::TINYINT", FailureKind.DATA, None),
        ("SELECT * FROM read_csv('nowhere.csv')", FailureKind.MISSING, None),
        ("INSERT INTO keyed VALUES (1)", FailureKind.CONSTRAINT, None),
        ("ALTER TABLE keyed RENAME TO other", FailureKind.DEPENDENTS, None),
        ("DROP TABLE keyed", FailureKind.DEPENDENTS, None),
        ("SELECT error('told so')", FailureKind.DATA, None),
        ("COMMIT", FailureKind.OTHER, None),
    ],
)
def test_kinds_of_errors(session: Session, sql: str, kind: FailureKind, word: str | None) -> None:
    session.execute("CREATE TABLE keyed (a INTEGER PRIMARY KEY)")
    session.execute("CREATE TABLE child (a INTEGER REFERENCES keyed (a))")
    session.execute("INSERT INTO keyed VALUES (1)")
    failure = failure_of(lambda: session.execute(sql))
    assert failure.kind is kind
    assert "exception_message" not in failure.message
    if word is not None:
        assert failure.offset == sql.rindex(word) + 1


def test_two_writers_of_one_row_conflict(tmp_path: Path) -> None:
    warehouse, one = open_session("conflict.duckdb", str(tmp_path))
    other = warehouse.session()
    one.execute("CREATE TABLE t AS SELECT 1 AS a")
    one.begin()
    other.begin()
    one.execute("UPDATE t SET a = 2")
    assert failure_of(lambda: other.execute("UPDATE t SET a = 3")).kind is FailureKind.TRANSIENT
    one.commit()
    assert "had failed" in failure_of(other.commit).message
    assert one.fetch("FROM t").to_pylist() == [{"a": 2}]
    for session in (one, other):
        session.close()
    warehouse.close()


def test_a_broken_view_is_not_a_missing_one(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.execute("CREATE VIEW v AS SELECT a FROM t")
    session.execute("DROP TABLE t")
    assert failure_of(lambda: session.columns(Relation(None, None, "V"))).kind is FailureKind.MISSING
    assert session.columns(Relation(None, None, "w")) is None


def test_an_attached_database(session: Session, tmp_path: Path) -> None:
    session.execute(f"ATTACH '{tmp_path / 'other.duckdb'}' AS \"oth er\"")
    session.execute('CREATE SCHEMA "oth er"."S"')
    session.execute('CREATE TABLE "oth er"."S".t (a DECIMAL(10, 2))')
    relation = Relation("oth er", "S", "t")
    assert session.load(relation, pa.table({"A": [Decimal("1.50")]})) == 1
    assert [tuple(one) for one in session.columns(relation) or ()] == [("a", "DECIMAL(10,2)")]
    assert session.relations("oth er", "s") == {"t": RelationKind.TABLE}
    assert session.relations(None, "S") == {}
    assert session.columns(Relation(None, "S", "t")) is None


def test_text_is_loaded_into_typed_columns(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER, b DATE, c DECIMAL(6, 2), d BOOLEAN)")
    rows = pa.table({"a": ["1", None], "b": ["2024-02-29", None], "c": ["3.50", None], "d": ["true", None]})
    assert session.load(TABLE, rows) == 2
    assert str(session.fetch("SELECT * FROM t WHERE a = 1").to_pylist()[0]) == (
        "{'a': 1, 'b': datetime.date(2024, 2, 29), 'c': Decimal('3.50'), 'd': True}"
    )
    failure = failure_of(lambda: session.load(TABLE, pa.table({"a": ["1", "x"]})))
    assert failure.kind is FailureKind.DATA
    assert session.fetch("FROM t").num_rows == 2


@pytest.mark.parametrize(
    ("arrow", "values"),
    [
        (pa.list_(pa.list_(pa.string())), [[["a", None], []], None]),
        (pa.struct([("a b", pa.int32()), ("c", pa.list_(pa.string()))]), [{"a b": 1, "c": ["x"]}, None]),
        (pa.map_(pa.string(), pa.int32()), [[("k", 1), ("l", None)], None]),
        (pa.list_(pa.int16(), 2), [[1, 2], None]),
        (pa.float16(), [0.5, None]),
        (pa.decimal256(30, 2), [Decimal("1234567890123456789012345678.90"), None]),
        (pa.time64("ns"), [None]),
        (pa.timestamp("ns"), [None]),
    ],
    ids=str,
)
def test_types_of_its_own_come_back(session: Session, arrow: pa.DataType, values: list[object]) -> None:
    session.execute(f"CREATE TABLE t ({quote(DUCKDB, 'a')} {column_type(DUCKDB, arrow)})")
    assert session.load(TABLE, pa.table({"a": pa.array(values, arrow)})) == len(values)
    assert session.fetch("FROM t").column("a").to_pylist() == values


def test_decimals_that_cannot_be_held_are_refused(session: Session) -> None:
    session.execute("CREATE TABLE t (a DECIMAL(38, 0))")
    rows = pa.table({"a": pa.array([Decimal(10) ** 40], pa.decimal256(50, 0))})
    assert "38 digits" in failure_of(lambda: session.load(TABLE, rows)).message


def test_rows_that_failed_to_load_are_let_go(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.begin()
    failure_of(lambda: session.load(TABLE, pa.table({"a": ["x"]})))
    session.rollback()
    assert session.fetch("SELECT table_name FROM information_schema.tables").column(0).to_pylist() == ["t"]


def test_cancel_and_close_after_the_end_do_nothing() -> None:
    warehouse, session = open_session()
    session.close()
    session.close()
    session.cancel()
    warehouse.close()
