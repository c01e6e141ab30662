"""Reads the first rows of a query."""

from __future__ import annotations

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.failures import statement_failed
from sqlflow.core.diagnostic import ProjectError
from sqlflow.core.relation import Column
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.dialect import statements


def first_rows(
    warehouse: Warehouse,
    adapter: Adapter,
    sql: str,
    *,
    limit: int,
    name: str,
    span: Span,
    text_map: TextMap | None,
) -> tuple[tuple[Column, ...], tuple[tuple[object, ...], ...]]:
    """Gives the columns and at most `limit` rows of a query; closes the warehouse.

    Raises ProjectError where the engine refuses the query.
    """
    before, after = statements.first_rows(limit)
    session: Session | None = None
    place, sent = text_map, sql
    try:
        session = warehouse.session()
        columns = session.describe(sent)
        place, sent = (
            text_map.shifted(len(before)) if text_map is not None else None,
            f"{before}{sql}{after}",
        )
        table = session.fetch(sent)
        rows = tuple(zip(*(column.to_pylist() for column in table.columns), strict=True))
        return columns, rows
    except Exception as error:
        failure = adapter.classify(error)
        raise ProjectError([statement_failed(failure, name, span, place, sent)]) from error
    finally:
        if session is not None:
            session.close()
        warehouse.close()
