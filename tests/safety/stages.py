"""Makes the stages of both engines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.apply.engines import duckdb_warehouse, postgres_warehouse
from tests.safety.injected import ADAPTERS
from tests.safety.stage import Stage, StateLoss, built, copied, undisturbed, write
from tests.safety.subject import Subject
from tests.servers import PostgresServer, postgres_server

# Where the state lies on DuckDB, which is in this process: in a file beside the project.
_STATE = ".sqlflow"


@contextmanager
def stage_on(subject: Subject, engine: str, lease_time: float, layout: str = "direct") -> Iterator[Stage]:
    """A stage in a folder of its own, and on a server of its own where the engine needs one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        if engine != "postgres":
            yield duckdb_stage(subject, folder, engine, layout)
        else:
            server = stack.enter_context(postgres_server())
            yield stack.enter_context(postgres_stage(subject, folder, server, lease_time, layout))


def offer_adapters(folder: Path) -> None:
    """Makes the injected adapters known to this process, in the way of an installed package."""
    metadata = folder / "injected-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: injected\nVersion: 1.0\n")
    points = [f"{adapter.name} = tests.safety.injected:{name.upper()}" for name, adapter in ADAPTERS.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[sqlflow.adapters]", *points]) + "\n")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def duckdb_stage(subject: Subject, folder: Path, engine: str = "duckdb", layout: str = "direct") -> Stage:
    """A stage on a file of DuckDB, which is copied back with the project's folder.

    `engine` is `autocommit` for one that is used as an engine without transactions.
    """
    offer_adapters(folder)
    settings = {"layout": layout}
    alone, first, root = folder / "undisturbed", folder / "first", folder / "project"
    alone.mkdir()
    days = undisturbed(subject, alone, duckdb_warehouse(alone, engine), settings)
    # Built in its place, since views of files have the paths of those in them.
    root.mkdir()
    warehouse = duckdb_warehouse(root, engine)
    write(subject, root, warehouse, settings, 1)
    assert built(subject.load(root, 1)).ok
    copied(root, first)
    return Stage(
        subject=subject,
        root=root,
        warehouse=warehouse,
        settings=settings,
        reset=lambda: copied(first, root),
        lose=_losing_files(first, root),
        days=days,
    )


@contextmanager
def postgres_stage(
    subject: Subject, folder: Path, server: PostgresServer, lease_time: float, layout: str = "direct"
) -> Iterator[Stage]:
    """A stage on a database of a server, which is made anew from a copy of the first day's.

    Leases end soon: nothing gives back those of a process that is killed.
    """
    offer_adapters(folder)
    settings = {"lease-time": lease_time, "layout": layout}
    with server.database() as alone, server.database() as first:
        root = folder / "project"
        days = undisturbed(subject, folder / "undisturbed", postgres_warehouse(alone), settings)
        write(subject, folder / "first", postgres_warehouse(first), settings, 1)
        assert built(subject.load(folder / "first", 1)).ok
        name = f"{first['dbname']}_case"
        last, kept = server.execute("SELECT last, kept FROM _sqlflow.state", dbname=first["dbname"])

        def reset() -> None:
            copied(folder / "first", root)
            server.execute(
                f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                f"CREATE DATABASE {name} TEMPLATE {first['dbname']}",
            )

        def lose(loss: StateLoss) -> None:
            match loss:
                case StateLoss.KEPT:
                    pass
                case StateLoss.GONE:
                    server.execute("DROP TABLE _sqlflow.events, _sqlflow.state", dbname=name)
                case StateLoss.OLD:
                    server.execute(
                        f"DELETE FROM _sqlflow.events WHERE number > {last}",
                        f"UPDATE _sqlflow.state SET last = {last}, kept = {kept}",
                        dbname=name,
                    )

        try:
            yield Stage(
                subject=subject,
                root=root,
                warehouse=postgres_warehouse({**first, "dbname": name}),
                settings=settings,
                reset=reset,
                lose=lose,
                days=days,
            )
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _losing_files(first: Path, root: Path) -> Callable[[StateLoss], None]:
    def lose(loss: StateLoss) -> None:
        match loss:
            case StateLoss.KEPT:
                pass
            case StateLoss.GONE:
                (root / _STATE / "state.db").unlink()
            case StateLoss.OLD:
                copied(first / _STATE, root / _STATE)

    return lose
