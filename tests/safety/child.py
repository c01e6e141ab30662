"""A build in a process of its own, which ends it at one of its calls, or which is ended from outside."""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

# What is imported here the processes have at once: they are forked from one that has it.
import duckdb
import pandas  # noqa: F401
import psycopg  # noqa: F401
import pyarrow  # noqa: F401

import sqlflow  # noqa: F401
from sqlflow.adapter.protocol import Session
from tests.safety import injected
from tests.safety.contents import Contents, Looks, contents_sql, read_contents
from tests.safety.injected import InjectedAdapter, Kill, NoTrap
from tests.safety.stages import offer_adapters
from tests.safety.subjects import SUBJECTS

# What an onlooker says of a table that is not there.
MISSING = None


def build(
    subject: str,
    root: Path,
    engine: str,
    at: int,
    after: bool,
    only: str,
    looks: Looks,
    ready: Connection,
    seen: Connection,
) -> None:
    """Builds the second day; dies at the call of that number, of all or of one kind, should it come.

    Says when the project is loaded and the build begins. On DuckDB, where no other process can look, a
    thread does: what it sees goes into the pipe.
    """
    offer_adapters(root.parent)
    adapter = injected.ADAPTERS[engine]
    loaded = SUBJECTS[subject].load(root, 2)
    ready.send(True)
    adapter.trap = Kill(at, after=after, only=only) if at else NoTrap()
    watching = threading.Thread(target=_watch, args=[adapter, looks, seen], daemon=True)
    if engine != "postgres":
        watching.start()
    for _ in loaded.build():
        pass
    if engine != "postgres":
        watching.join()
    seen.close()


def _watch(adapter: InjectedAdapter, looks: Looks, seen: Connection) -> None:
    last: dict[str, Contents | None] = {}
    while adapter.opened is None:
        time.sleep(0.001)
    warehouse = adapter.opened
    with warehouse.looking:
        if warehouse.closed:
            return
        session = warehouse.real.session()
    while True:
        for name, place in looks.items():
            with warehouse.looking:
                if warehouse.closed:
                    return
                found = _look(session, place)
            if name not in last or last[name] != found:
                last[name] = found
                seen.send((name, found))


def _look(session: Session, place: str) -> Contents | None:
    try:
        rows = session.fetch(contents_sql("duckdb", place)).to_pylist()
    except duckdb.CatalogException:
        return MISSING
    return read_contents(rows[0].values())
