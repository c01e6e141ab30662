"""Stores for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlflow.adapter.registry import find_adapter
from sqlflow.core.span import Span
from sqlflow.state.event import RunStarted
from sqlflow.store.open import Home
from sqlflow.store.place import FilePlace, ServerPlace, WarehousePlace

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPAN = Span("sqlflow.yml", 0, 4)
FILE = FilePlace(path=".sqlflow/state.db", span=SPAN)
WAREHOUSE = WarehousePlace(span=SPAN)


def started(run: str) -> RunStarted:
    return RunStarted(run=run, at=AT, command="build", target="dev", actions=3, threads=4)


def home(
    root: Path, settings: dict[str, Any] | None = None, *, project: str = "shop", target: str = "dev"
) -> Home:
    """A project on DuckDB, or with settings on PostgreSQL."""
    adapter = find_adapter("duckdb" if settings is None else "postgres")
    assert adapter is not None
    given = {"path": "shop.duckdb"} if settings is None else settings
    return Home(
        root=str(root),
        project=project,
        target=target,
        database=None,
        adapter=adapter,
        connect=lambda _: adapter.open(given, str(root)),
    )


def server(settings: dict[str, Any]) -> ServerPlace:
    adapter = find_adapter("postgres")
    assert adapter is not None
    return ServerPlace(adapter=adapter, settings=settings, shown="the server", span=SPAN)


def state_file(root: Path) -> Path:
    return root / FILE.path
