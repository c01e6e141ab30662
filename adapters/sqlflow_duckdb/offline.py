"""A DuckDB that has no data and reaches nothing outside this process."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from sqlflow.dialect.names import literal
from sqlflow.dialect.specs import DUCKDB
from sqlflow_duckdb.warehouse import SESSION_SETTINGS, DuckDBSession

_MEMORY = "256MB"
# The last two can't be taken back: no statement opens what they close.
_CLOSED = (
    "SET threads = 1",
    f"SET memory_limit = '{_MEMORY}'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class OfflineWarehouse:
    """Databases in memory, one for each session, that may read some files."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = tuple(files)

    def session(self) -> DuckDBSession:
        """Opens a session on an empty database."""
        connection = duckdb.connect(":memory:")
        paths = ", ".join(literal(DUCKDB, path) for path in self._files)
        for setting in (*SESSION_SETTINGS, f"SET allowed_paths = [{paths}]", *_CLOSED):
            connection.execute(setting)
        return DuckDBSession(connection)

    def close(self) -> None:
        """Does nothing: a session's database ends with it."""
