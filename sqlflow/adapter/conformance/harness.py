"""What a conformance check runs on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from sqlflow.adapter.protocol import Adapter, Failure, Session, Warehouse
from sqlflow.core.relation import Relation
from sqlflow.core.value import Value
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import quote, relation_sql

# Seconds in which a call has to come back that doesn't run its query to the end.
SOON = 15.0


class ConformanceError(AssertionError):
    """Raised by a check: the adapter does not do what sqlflow relies on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    """What the checks run on. `settings` have the defaults filled in; `root` is a folder that exists.

    `data_error` is a query with a column `a` that this engine refuses because of a value.
    """

    adapter: Adapter
    settings: Mapping[str, Value]
    root: str
    data_error: str = "SELECT CAST('no number' AS INTEGER) AS a"


Check: TypeAlias = Callable[[Harness], None]


@contextmanager
def open_warehouse(harness: Harness) -> Generator[Warehouse]:
    """Opens the warehouse, and closes it at the end."""
    warehouse = harness.adapter.open(harness.settings, harness.root)
    try:
        yield warehouse
    finally:
        warehouse.close()


@contextmanager
def open_sessions(harness: Harness, count: int = 1) -> Generator[tuple[Session, ...]]:
    """Opens sessions on one warehouse, and closes them all at the end."""
    with open_warehouse(harness) as warehouse, ExitStack() as stack:
        sessions: list[Session] = []
        for _ in range(count):
            session = warehouse.session()
            stack.callback(session.close)
            sessions.append(session)
        yield tuple(sessions)


def expect(condition: bool, message: str) -> None:
    """Raises ConformanceError where the condition does not hold."""
    if not condition:
        raise ConformanceError(message)


def expect_equal(found: object, wanted: object, what: str) -> None:
    """Raises ConformanceError where the two are not equal."""
    expect(found == wanted, f"{what}: expected {wanted!r}, found {found!r}")


def failure_of(harness: Harness, call: Callable[[], object]) -> Failure:
    """Makes a call that has to fail, and gives what the adapter reads in its error."""
    try:
        result = call()
    except Exception as error:
        return harness.adapter.classify(error)
    raise ConformanceError(f"the call should have failed, it gave {result!r}")


def table(name: str) -> Relation:
    """Names a table of the checks in the default schema."""
    return Relation(None, None, f"sqlflow_check_{name}")


def create_table(
    harness: Harness, session: Session, name: str, **columns: pa.DataType
) -> tuple[Relation, str]:
    """Makes a table with columns for Arrow types; gives its relation, and its name in SQL."""
    spec = harness.adapter.spec
    relation = table(name)
    sql_name = relation_sql(spec, relation)
    listed = ", ".join(f"{quote(spec, column)} {column_type(spec, kind)}" for column, kind in columns.items())
    session.execute(f"CREATE TABLE {sql_name} ({listed})")
    return relation, sql_name


def rows_of(session: Session, sql_name: str, order: str = "a") -> list[tuple[object, ...]]:
    """Reads a table's rows in order."""
    fetched = session.fetch(f"SELECT * FROM {sql_name} ORDER BY {order}")
    return [tuple(row.values()) for row in fetched.to_pylist()]


def slow_query(session: Session, name: str) -> str:
    """Fills a table of one or more columns, the first of them integers, for a query that runs for hours."""
    session.execute(f"INSERT INTO {name} (a) VALUES " + ", ".join(f"({i})" for i in range(1000)))
    # A condition that no statistics of the columns can answer.
    condition = "(p.a + q.a * 7 + r.a * 13 + s.a * 17) % 5003 = 1"
    return f"SELECT count(*) AS n FROM {name} p, {name} q, {name} r, {name} s WHERE {condition}"


@contextmanager
def together(harness: Harness, session: Session) -> Generator[None]:
    """What is done inside is done in a transaction, where the engine has any."""
    if not harness.adapter.spec.transactions:
        yield
        return
    session.begin()
    yield
    session.commit()
