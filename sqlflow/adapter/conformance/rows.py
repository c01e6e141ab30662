"""Checks of the rows that go in or out."""

from __future__ import annotations

import pyarrow as pa

from sqlflow.adapter.conformance.harness import (
    Harness,
    create_table,
    expect,
    expect_equal,
    failure_of,
    open_sessions,
    rows_of,
    table,
)
from sqlflow.adapter.conformance.samples import SAMPLES
from sqlflow.adapter.protocol import FailureKind
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import literal, relation_sql, same_name
from sqlflow.dialect.spec import Folding

_MANY_ROWS = 50_000


def check_execute_counts_rows(harness: Harness) -> None:
    """Statements that change rows give their number or None, others None."""
    with open_sessions(harness) as (session,):
        _, name = create_table(harness, session, "counts", a=pa.int64())
        for sql, count in (
            (f"INSERT INTO {name} VALUES (1), (2), (3)", 3),
            (f"UPDATE {name} SET a = a + 10 WHERE a > 1", 2),
            (f"DELETE FROM {name} WHERE a = 1", 1),
        ):
            expect(session.execute(sql) in (None, count), f"{sql} changed {count} rows")
        expect_equal(session.execute(f"SELECT a FROM {name}"), None, "the rows that a SELECT changed")
        view = relation_sql(harness.adapter.spec, table("counts_view"))
        expect_equal(
            session.execute(f"CREATE VIEW {view} AS SELECT 1 AS a"), None, "what CREATE VIEW changed"
        )
        expect_equal(rows_of(session, name), [(12,), (13,)], "the rows left")


def check_fetch_gives_arrow(harness: Harness) -> None:
    """A query gives an Arrow table with its names, types and rows in order, also where it has no rows."""
    with open_sessions(harness) as (session,):
        columns = {"a": pa.int64(), "b": pa.string(), "c": pa.float64()}
        _, name = create_table(harness, session, "fetch", **columns)
        session.execute(f"INSERT INTO {name} VALUES (2, 'two', 2.5), (1, NULL, 0.5)")
        found = session.fetch(f"SELECT a, b, c FROM {name} ORDER BY a")
        expect_equal(found.column_names, ["a", "b", "c"], "the names")
        types = found.schema.types
        expect(pa.types.is_integer(types[0]), f"an integer column came as {types[0]}")
        expect(pa.types.is_string(types[1]) or pa.types.is_large_string(types[1]), f"text came as {types[1]}")
        expect(pa.types.is_floating(types[2]), f"a float column came as {types[2]}")
        expect_equal(
            [tuple(row.values()) for row in found.to_pylist()], [(1, None, 0.5), (2, "two", 2.5)], "rows"
        )
        empty = session.fetch(f"SELECT a, b FROM {name} WHERE a > 100")
        expect_equal((empty.num_rows, empty.column_names), (0, ["a", "b"]), "an empty result")


def check_parameters(harness: Harness) -> None:
    """Values for `$1`, `$2` are bound, never read as SQL."""
    with open_sessions(harness) as (session,):
        _, name = create_table(harness, session, "parameters", a=pa.int64(), b=pa.string(), c=pa.float64())
        text = 'it\'s; DROP TABLE x -- "é" % \\ 日本'
        session.execute(f"INSERT INTO {name} VALUES ($1, $2, $3)", (1, text, 0.25))
        session.execute(f"INSERT INTO {name} VALUES ($1, $2, $3)", (2, None, None))
        expect_equal(rows_of(session, name), [(1, text, 0.25), (2, None, None)], "the rows bound")
        found = session.fetch(f"SELECT a FROM {name} WHERE b = $1 AND a = $2", (text, 1))
        expect_equal(found.num_rows, 1, "the rows found by parameters")


def check_literals(harness: Harness) -> None:
    """Literals that sqlflow writes are read as the values that they stand for."""
    spec = harness.adapter.spec
    texts = ("", "it's", 'a "b"', "back\\slash \\' \\n", "%s $1 ?", "tab\tline\nend", "é 日本 😀", "/* -- */")
    with open_sessions(harness) as (session,):
        for value in (*texts, 0, -7, 2**53, 0.5, -1.25):
            found = session.fetch(f"SELECT {literal(spec, value)} AS a").column(0)[0].as_py()
            same = found == value if isinstance(value, str) else float(found) == float(value)
            expect(same, f"the literal of {value!r} is read as {found!r}")
        expect_equal(session.fetch("SELECT NULL AS a").column(0)[0].as_py(), None, "NULL")


def check_load(harness: Harness) -> None:
    """Rows are appended by column name: in any order, with gaps, with any text."""
    spec = harness.adapter.spec
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "load", a=pa.int64(), b=pa.string(), c=pa.float64())
        texts = ["", "NULL", "\\N", "a\tb\nc\r\n", "quo\"te's", "\\.", "é日本😀", "x,y;z", None]
        numbers = pa.array(range(len(texts)), pa.int64())
        expect_equal(session.load(relation, pa.table({"b": texts, "a": numbers})), len(texts), "rows loaded")
        wanted = [(i, text, None) for i, text in enumerate(texts)]
        expect_equal(rows_of(session, name), wanted, "the rows after a load")
        expect_equal(session.load(relation, pa.table({"a": pa.array([], pa.int64())})), 0, "an empty load")
        # Written unquoted, this names the column too.
        loud = "A" if same_name(spec, "A", "a") or spec.folding is Folding.LOWER else "a"
        session.load(relation, pa.table({loud: pa.array([100], pa.int64())}))
        expect_equal(len(rows_of(session, name)), len(texts) + 1, "the rows after a load by a folded name")


def check_load_many(harness: Harness) -> None:
    """Many rows in many pieces arrive, each once."""
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "many", a=pa.int64(), b=pa.string())
        piece = _MANY_ROWS // 4
        pieces = [
            pa.table(
                {"a": range(start, start + piece), "b": [f"row {i}" for i in range(start, start + piece)]}
            )
            for start in range(0, _MANY_ROWS, piece)
        ]
        expect_equal(session.load(relation, pa.concat_tables(pieces)), _MANY_ROWS, "rows loaded")
        query = f"SELECT count(*) AS n, count(DISTINCT b) AS d, min(a) AS low, max(a) AS high FROM {name}"
        found = session.fetch(query).to_pylist()[0]
        expect_equal(tuple(found.values()), (_MANY_ROWS, _MANY_ROWS, 0, _MANY_ROWS - 1), "what was loaded")
        expect_equal(session.fetch(f"SELECT * FROM {name}").num_rows, _MANY_ROWS, "rows read back")


def check_load_refuses(harness: Harness) -> None:
    """A column or a table that is not there is an error, and nothing is loaded."""
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "refuses", a=pa.int64())
        failure_of(harness, lambda: session.load(relation, pa.table({"a": [1], "other": [2]})))
        failure = failure_of(harness, lambda: session.load(table("nowhere"), pa.table({"a": [1]})))
        expect_equal(failure.kind, FailureKind.MISSING, "loading into a table that is not there")
        expect_equal(rows_of(session, name), [], "the rows after loads that failed")


def check_types_round_trip(harness: Harness) -> None:
    """Values of each Arrow type that the dialect has a column for come back as they were loaded."""
    with open_sessions(harness) as (session,):
        for number, (kind, values) in enumerate(SAMPLES):
            try:
                column_type(harness.adapter.spec, kind)
            except ValueError:
                continue
            relation, name = create_table(harness, session, f"type_{number}", a=pa.int64(), b=kind)
            session.load(relation, pa.table({"a": range(len(values)), "b": pa.array(values, kind)}))
            found = [row[1] for row in rows_of(session, name)]
            expect_equal(found, list(values), f"values of {kind}")
