"""A build in a process of its own, which ends it at one of its calls, or which is ended from outside."""

from __future__ import annotations

import hashlib
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

# What is imported here the processes have at once: they are forked from one that has it.
import duckdb
import psycopg  # noqa: F401
import pyarrow  # noqa: F401

import sqlflow  # noqa: F401
from sqlflow.adapter.protocol import Session
from tests.safety import injected, shop
from tests.safety.injected import InjectedAdapter, Kill, NoTrap

MISSING = "missing"


def digest(rows: tuple[tuple[str, ...], ...]) -> str:
    """Names the contents of a table."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def build(root: Path, adapters: Path, engine: str, at: int, after: bool, seen: Connection) -> None:
    """Builds; dies at the call of that number, should there be one.

    On DuckDB, where no other process can look, a thread does: what it sees goes into the pipe.
    """
    shop.offer_adapters(adapters)
    adapter = injected.POSTGRES if engine == "postgres" else injected.DUCKDB
    adapter.trap = Kill(at, after=after) if at else NoTrap()
    watching = threading.Thread(target=_watch, args=[adapter, seen], daemon=True)
    if engine == "duckdb":
        watching.start()
    for _ in shop.load(root).build():
        pass
    if engine == "duckdb":
        watching.join()
    seen.close()


def _watch(adapter: InjectedAdapter, seen: Connection) -> None:
    last: dict[str, str] = {}
    while adapter.opened is None:
        time.sleep(0.001)
    warehouse = adapter.opened
    with warehouse.looking:
        if warehouse.closed:
            return
        session = warehouse.real.session()
    while True:
        for table in (*shop.TABLES, *shop.VIEWS):
            with warehouse.looking:
                if warehouse.closed:
                    return
                found = _look(session, table)
            if last.get(table) != found:
                last[table] = found
                seen.send((table, found))


def _look(session: Session, table: str) -> str:
    try:
        rows = session.fetch(shop.contents_sql(table)).to_pylist()
    except duckdb.CatalogException:
        return MISSING
    return digest(shop.kept([list(row.values()) for row in rows]))
