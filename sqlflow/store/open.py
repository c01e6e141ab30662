"""Opens the event log of a project where its state is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from sqlflow.adapter.protocol import Adapter, DriverMissingError, Warehouse
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.store import failures
from sqlflow.store.database import Database
from sqlflow.store.failures import StoreError
from sqlflow.store.log import MIGRATIONS, EventLog, Migration
from sqlflow.store.mounts import mount_table, network_file_system, real_path
from sqlflow.store.place import FilePlace, Place, ServerPlace, WarehousePlace
from sqlflow.store.sessions import SCHEMA, SessionDatabase
from sqlflow.store.sqlite import SqliteFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What a log belongs to: a project, one of its targets, and how that target is reached.

    `connect` opens the target's warehouse, only to read where it is told so; it raises ProjectError.
    """

    root: str
    project: str
    target: str
    database: str | None
    adapter: Adapter
    connect: Callable[[bool], Warehouse]


def open_log(
    place: Place, home: Home, *, mounts: str | None = None, migrations: Sequence[Migration] = MIGRATIONS
) -> EventLog:
    """Opens a log to append to; its tables are made, or brought to this version's schema.

    `mounts` stands in for the machine's mount table. Raises ProjectError, mostly a StoreError.
    """
    log = _log(place, home, _database(place, home, False, mounts), migrations)
    try:
        log.prepare()
    except BaseException:
        log.close()
        raise
    return log


def open_to_read(place: Place, home: Home) -> EventLog | None:
    """Opens a log to read it, without changing anything; None where there is none yet."""
    if isinstance(place, FilePlace) and not os.path.lexists(_path(place, home)):
        return None
    log = _log(place, home, _database(place, home, True, None), MIGRATIONS)
    try:
        if log.check():
            return log
    except BaseException:
        log.close()
        raise
    log.close()
    return None


def _log(place: Place, home: Home, database: Database, migrations: Sequence[Migration]) -> EventLog:
    # A warehouse is one target, whatever its readers call it; other places may serve several.
    scope = home.project if isinstance(place, WarehousePlace) else f"{home.project}/{home.target}"
    return EventLog(database, scope, span=place.span, migrations=migrations)


def _database(place: Place, home: Home, read_only: bool, mounts: str | None) -> Database:
    match place:
        case FilePlace():
            return open_file(place, home, read_only=read_only, mounts=mounts)
        case ServerPlace():
            return _server(
                place,
                place.shown,
                place.adapter,
                lambda: place.adapter.open(place.settings, home.root),
                None,
            )
        case WarehousePlace():
            warehouse = home.connect(read_only)
            where = f"schema `{SCHEMA}` of the target `{home.target}`"
            return _server(place, where, home.adapter, lambda: warehouse, home.database)
        case _:
            assert_never(place)


def open_file(
    place: FilePlace, home: Home, *, read_only: bool = False, mounts: str | None = None
) -> SqliteFile:
    """Opens a file; raises StoreError where it can't be, or should not be used."""
    path = _path(place, home)
    kind = network_file_system(real_path(path), mount_table() if mounts is None else mounts)
    if kind is not None:
        raise failures.on_network(f"`{place.path}`", kind, place.span)
    try:
        return SqliteFile(path, place.path, read_only=read_only)
    except Exception as error:
        why = getattr(error, "strerror", None) or str(error)
        help_ = "let the user that sqlflow runs as write there, or name another place in `state:`"
        raise failures.unreachable(f"`{place.path}`", why, place.span, help_) from error


def _path(place: FilePlace, home: Home) -> str:
    return os.path.join(home.root, place.path)


def _server(
    place: ServerPlace | WarehousePlace,
    where: str,
    adapter: Adapter,
    connect: Callable[[], Warehouse],
    database: str | None,
) -> SessionDatabase:
    """Opens a session on a server or on the target's warehouse."""
    try:
        warehouse = connect()
        try:
            return SessionDatabase(adapter, warehouse, database, where)
        except BaseException:
            warehouse.close()
            raise
    except DriverMissingError as error:
        raise StoreError(
            Diagnostic(
                code=Code.DRIVER_MISSING,
                message=f"the state in {where} needs the package {error.package}, which is not installed",
                span=place.span,
                help=error.install,
            )
        ) from error
    except Exception as error:
        first = adapter.classify(error).message.partition("\n")[0]
        raise failures.unreachable(where, first, place.span) from error
