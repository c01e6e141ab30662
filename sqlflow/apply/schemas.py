"""Reads the columns of data files, for the compiler."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.files import FileRows, read_rows
from sqlflow.apply.offline import OfflineEngine
from sqlflow.bind.catalog import FileColumns
from sqlflow.core.relation import Column
from sqlflow.core.span import Span
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.spec import DialectSpec
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow


class FileDescriber:
    """Tells which columns a file's table will have in the warehouse; see `sqlflow.bind.catalog`."""

    def __init__(self, system: System, spec: DialectSpec, engine: OfflineEngine) -> None:
        self._system = system
        self._spec = spec
        self._engine = engine

    def __call__(
        self, path: str, delimiter: str, types: Mapping[str, str], in_place: bool
    ) -> FileColumns | None:
        """Gives the columns; None where the file can't be read, which the run reports.

        Of a file that the engine reads in place, the engine itself is asked.
        """
        found = self._engine.file(self._system.absolute(path)) if in_place else None
        if found is not None:
            return FileColumns(columns=found)
        try:
            rows = read_rows(self._system, path, Span(path, 0, 0), delimiter=delimiter)
            if in_place and rows.suffix == ".csv":
                # The engine reads the types off the values by rules of its own.
                return FileColumns(columns=tuple(Column(name, "") for name in rows.header()))
            return FileColumns(columns=self._columns(rows, types))
        except WorkFailedError:
            return None

    def _columns(self, rows: FileRows, types: Mapping[str, str]) -> tuple[Column, ...]:
        if rows.suffix == ".parquet":
            import pyarrow
            from pyarrow import parquet

            try:
                schema = parquet.read_schema(io.BytesIO(rows.content))
            except (pyarrow.ArrowException, OSError):
                raise WorkFailedError from None
            return tuple(Column(field.name, self._type(field.type)) for field in schema)
        table, declared = rows.rows(self._spec, types)
        return tuple(
            Column(field.name, declared.get(field.name) or self._type(field.type)) for field in table.schema
        )

    def _type(self, kind: pyarrow.DataType) -> str:
        try:
            return column_type(self._spec, kind)
        except ValueError:
            return ""  # the engine has no such column, which the run reports
