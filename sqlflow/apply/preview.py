"""Reads the first rows of a query."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TypeAlias

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.failures import statement_failed
from sqlflow.core.diagnostic import ProjectError
from sqlflow.core.relation import Column, Relation
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.dialect import statements
from sqlflow.dialect.names import relation_sql

Rows: TypeAlias = tuple[tuple[object, ...], ...]


def kept_rows(
    warehouse: Warehouse, adapter: Adapter, tables: Mapping[str, Relation], *, limit: int
) -> Mapping[str, tuple[tuple[Column, ...], Rows]]:
    """Gives columns and first rows of those tables that are there, by their keys; closes the warehouse."""
    before, after = statements.first_rows(limit)
    out: dict[str, tuple[tuple[Column, ...], Rows]] = {}
    with closing(warehouse), closing(warehouse.session()) as session:
        for name, relation in tables.items():
            columns = session.columns(relation)
            if columns is not None:
                select = f"SELECT * FROM {relation_sql(adapter.spec, relation)}"
                out[name] = (columns, _rows(session, f"{before}{select}{after}"))
    return out


def _rows(session: Session, sql: str) -> Rows:
    table = session.fetch(sql)
    return tuple(zip(*(column.to_pylist() for column in table.columns), strict=True))


def first_rows(
    warehouse: Warehouse,
    adapter: Adapter,
    sql: str,
    *,
    limit: int,
    name: str,
    span: Span,
    text_map: TextMap | None,
) -> tuple[tuple[Column, ...], Rows]:
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
        return columns, _rows(session, sent)
    except Exception as error:
        failure = adapter.classify(error)
        raise ProjectError([statement_failed(failure, name, span, place, sent)]) from error
    finally:
        if session is not None:
            session.close()
        warehouse.close()
