"""Checks of what happens while statements run: transactions, errors, threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pyarrow as pa

from sqlflow.adapter.conformance.harness import (
    SOON,
    ConformanceError,
    Harness,
    create_table,
    expect,
    expect_equal,
    failure_of,
    open_sessions,
    open_warehouse,
    rows_of,
    slow_query,
    table,
    together,
)
from sqlflow.adapter.protocol import FailureKind, Session, Warehouse
from sqlflow.dialect.arrow import column_type


def check_transactions(harness: Harness) -> None:
    """Others see what a transaction wrote from its commit on, and never what was rolled back."""
    if not harness.adapter.spec.transactions:
        return
    with open_sessions(harness, 2) as (writer, reader):
        _, name = create_table(harness, writer, "transactions", a=pa.int64())
        writer.begin()
        writer.execute(f"INSERT INTO {name} VALUES (1)")
        expect_equal(rows_of(writer, name), [(1,)], "what the writer sees")
        expect_equal(rows_of(reader, name), [], "what another sees before the commit")
        writer.commit()
        expect_equal(rows_of(reader, name), [(1,)], "what another sees after the commit")
        writer.begin()
        writer.execute(f"DELETE FROM {name}")
        writer.rollback()
        writer.rollback()
        expect_equal(rows_of(writer, name), [(1,)], "what is there after a rollback")
        writer.execute(f"INSERT INTO {name} VALUES (2)")
        expect_equal(rows_of(reader, name), [(1,), (2,)], "a statement outside of transactions")


def check_statements(harness: Harness) -> None:
    """Outside of transactions, a statement is done as a whole, and seen at once, or not at all."""
    with open_sessions(harness, 2) as (writer, reader):
        relation, name = create_table(harness, writer, "statements", a=pa.int64())
        writer.load(relation, pa.table({"a": [1, 2]}))
        expect_equal(rows_of(reader, name), [(1,), (2,)], "what another sees after a load")
        texts = column_type(harness.adapter.spec, pa.string())
        longer = f"SELECT a FROM {name} UNION ALL SELECT length(CAST(q.a AS {texts})) FROM"
        wrong = f"INSERT INTO {name} {longer} ({harness.data_error}) AS q"
        failure_of(harness, lambda: writer.execute(wrong))
        writer.rollback()
        expect_equal(rows_of(reader, name), [(1,), (2,)], "what a statement that failed left")


def check_failed_transaction(harness: Harness) -> None:
    """After a failed statement COMMIT raises, nothing is kept, and the session goes on."""
    if not harness.adapter.spec.transactions:
        return
    calls: tuple[Callable[[Session], object], ...] = (
        lambda session: session.execute("INSERT INTO sqlflow_check_nowhere VALUES (1)"),
        lambda session: session.fetch(harness.data_error),
        lambda session: session.load(table("nowhere"), pa.table({"a": [1]})),
        lambda session: session.describe("SELECT a FROM sqlflow_check_nowhere"),
    )
    with open_sessions(harness) as (session,):
        _, name = create_table(harness, session, "failed", a=pa.int64())
        for call in calls:
            session.begin()
            session.execute(f"INSERT INTO {name} VALUES (1)")
            failure_of(harness, lambda call=call: call(session))
            failure_of(harness, session.commit)
            session.rollback()
            expect_equal(rows_of(session, name), [], "what a failed transaction left")
        session.begin()
        session.execute(f"INSERT INTO {name} VALUES (2)")
        session.commit()
        expect_equal(rows_of(session, name), [(2,)], "a transaction after a failed one")


def check_close_rolls_back(harness: Harness) -> None:
    """A session that ends in a transaction leaves nothing of it."""
    if not harness.adapter.spec.transactions:
        return
    with open_warehouse(harness) as warehouse:
        session = warehouse.session()
        _, name = create_table(harness, session, "close", a=pa.int64())
        session.begin()
        session.execute(f"INSERT INTO {name} VALUES (1)")
        session.close()
        other = warehouse.session()
        expect_equal(rows_of(other, name), [], "what a closed session left")
        other.close()


def check_cancel(harness: Harness) -> None:
    """What runs ends soon after another thread cancels it, and the session goes on."""
    with open_sessions(harness) as (session,):
        _, name = create_table(harness, session, "cancel", a=pa.int64())
        slow = slow_query(session, name)
        for run in (session.fetch, session.execute):
            timer = threading.Timer(0.5, session.cancel)
            began = time.monotonic()
            timer.start()
            try:
                failure = failure_of(harness, lambda run=run: run(slow))
            finally:
                timer.cancel()
                timer.join()
            expect_equal(failure.kind, FailureKind.CANCELLED, "the kind of what was cancelled")
            expect(time.monotonic() - began < SOON, "cancelling took too long")
        expect_equal(session.fetch("SELECT 1 AS a").num_rows, 1, "a query after one that was cancelled")


def check_classify(harness: Harness) -> None:
    """Errors are sorted, and point at characters of the statement where they tell a place."""
    with open_sessions(harness) as (session,):
        _, name = create_table(harness, session, "classify", a=pa.int64())
        session.execute(
            f"CREATE TABLE sqlflow_check_strict (a {column_type(harness.adapter.spec, pa.int64())} NOT NULL)"
        )
        cases = (
            ("SELECT 'é日本', 1 AS a FROM FROM", FailureKind.SYNTAX, "FROM", 2),
            (
                f"SELECT 'é日本' AS x,\n  {'1 AS y, ' * 60} sqlflow_no_column FROM {name}",
                FailureKind.MISSING,
                "sqlflow_no_column",
                1,
            ),
            (
                "SELECT 'é' AS x FROM\n\tsqlflow_check_nowhere",
                FailureKind.MISSING,
                "sqlflow_check_nowhere",
                1,
            ),
            ("SELECT 1 AS x, sqlflow_no_function(2)", FailureKind.MISSING, "sqlflow_no_function", 1),
            ("INSERT INTO sqlflow_check_strict VALUES (NULL)", FailureKind.CONSTRAINT, "", 0),
            (harness.data_error, FailureKind.DATA, "", 0),
        )
        for sql, kind, word, occurrence in cases:
            for run in (session.execute, session.fetch):
                failure = failure_of(harness, lambda run=run, sql=sql: run(sql))
                expect_equal(failure.kind, kind, f"the kind of the error of {sql!r} ({failure.message})")
                expect(bool(failure.message.strip()), "an error without a message")
                if word and failure.offset is not None:
                    place = -1
                    for _ in range(occurrence):
                        place = sql.index(word, place + 1)
                    expect_equal(failure.offset, place, f"the place of the error of {sql!r}")


def check_parallel(harness: Harness) -> None:
    """Sessions of several threads write to tables of their own at once."""
    errors: list[BaseException] = []

    def work(warehouse: Warehouse, number: int) -> None:
        try:
            session = warehouse.session()
            try:
                relation, name = create_table(harness, session, f"parallel_{number}", a=pa.int64())
                for _ in range(5):
                    with together(harness, session):
                        session.load(relation, pa.table({"a": list(range(200))}))
                        session.execute(f"UPDATE {name} SET a = a + 1")
                expect_equal(len(rows_of(session, name)), 1000, "the rows of one of the threads")
            finally:
                session.close()
        except BaseException as error:
            errors.append(error)

    with open_warehouse(harness) as warehouse:
        threads = [threading.Thread(target=work, args=(warehouse, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise ConformanceError(f"a thread failed: {errors[0]!r}") from errors[0]
