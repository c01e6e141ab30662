"""Makes the stages of both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.apply.engines import duckdb_warehouse, postgres_warehouse
from tests.apply.projects import Warehouse
from tests.safety import shop
from tests.safety.stage import Stage, copied, first_days, write
from tests.safety.stage import built as build_undisturbed
from tests.servers import PostgresServer, postgres_server


@contextmanager
def stage_on(engine: str, lease_time: float) -> Iterator[Stage]:
    """A stage in a folder of its own, and on a server of its own where the engine needs one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        if engine == "duckdb":
            yield duckdb_stage(folder)
        else:
            server = stack.enter_context(postgres_server())
            yield stack.enter_context(postgres_stage(folder, server, lease_time))


def duckdb_stage(folder: Path) -> Stage:
    """A stage on a file of DuckDB, which is copied back with the project's folder."""
    shop.offer_adapters(folder)
    undisturbed, first, root = folder / "undisturbed", folder / "first", folder / "project"
    undisturbed.mkdir()
    days = first_days(undisturbed, duckdb_warehouse(undisturbed), {})
    first.mkdir()
    write(first, duckdb_warehouse(first), {}, 1)
    assert build_undisturbed(first).ok
    return Stage(root, duckdb_warehouse(root), {}, lambda: copied(first, root), days)


@contextmanager
def postgres_stage(folder: Path, server: PostgresServer, lease_time: float) -> Iterator[Stage]:
    """A stage on a database of a server, which is made anew from a copy of the first day's.

    Leases end soon: nothing gives back those of a process that is killed.
    """
    shop.offer_adapters(folder)
    settings = {"lease-time": lease_time}
    with server.database() as undisturbed, server.database() as first:
        root = folder / "project"
        days = first_days(folder / "undisturbed", _warehouse(undisturbed), settings)
        write(folder / "first", _warehouse(first), settings, 1)
        assert build_undisturbed(folder / "first").ok
        name = f"{first['dbname']}_case"
        case = {**first, "dbname": name}

        def reset() -> None:
            copied(folder / "first", root)
            server.execute(
                f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                f"CREATE DATABASE {name} TEMPLATE {first['dbname']}",
            )

        try:
            yield Stage(root, _warehouse(case), settings, reset, days)
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _warehouse(settings: dict[str, object]) -> Warehouse:
    return postgres_warehouse(settings)
