"""The engines that projects are built on, as fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.apply.projects import Project, Warehouse


def duckdb_warehouse(folder: Path, kind: str = "duckdb") -> Warehouse:
    """A file of DuckDB, by the adapter of that type."""
    import duckdb

    path = folder / "shop.duckdb"
    return Warehouse("duckdb", {"type": kind, "path": "shop.duckdb"}, lambda: duckdb.connect(str(path)))


def postgres_warehouse(settings: dict[str, Any]) -> Warehouse:
    import psycopg

    return Warehouse(
        "postgres", {"type": "postgres", **settings}, lambda: psycopg.connect(autocommit=True, **settings)
    )


@pytest.fixture
def layout(request: pytest.FixtureRequest) -> str:
    """The layout of the test's projects: one of those of its mark `layouts`, without one `direct`."""
    return getattr(request, "param", "direct")


@pytest.fixture(params=["duckdb", "postgres"])
def project(request: pytest.FixtureRequest, tmp_path: Path, layout: str) -> Project:
    """An empty project, on each engine."""
    if request.param == "duckdb":
        return Project(tmp_path, duckdb_warehouse(tmp_path), layout=layout)
    database = request.getfixturevalue("postgres_database")
    return Project(tmp_path, postgres_warehouse(database), layout=layout)


@pytest.fixture
def duck(tmp_path: Path, layout: str) -> Project:
    """An empty project on DuckDB."""
    return Project(tmp_path, duckdb_warehouse(tmp_path), layout=layout)


@pytest.fixture
def pg(tmp_path: Path, postgres_database: dict[str, Any], layout: str) -> Project:
    """An empty project on PostgreSQL."""
    return Project(tmp_path, postgres_warehouse(postgres_database), layout=layout)
