"""Reads the rows of seeds and file sources."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sqlflow.apply.failures import WorkFailedError
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """A file that was read into memory; its rows are made when it is known which columns stay text."""

    content: bytes
    suffix: str
    delimiter: str
    path: str
    span: Span

    def as_text(self, text_columns: frozenset[str]) -> pyarrow.Table:
        """Gives the rows, the named columns as text, the types of the others read off their values.

        In a csv an empty field is NULL, unless it is quoted. Raises WorkFailedError.
        """
        import pyarrow
        from pyarrow import csv, parquet

        try:
            if self.suffix == ".parquet":
                return parquet.read_table(io.BytesIO(self.content))
            header = self.content.removeprefix(b"\xef\xbb\xbf")
            return csv.read_csv(
                io.BytesIO(header),
                parse_options=csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=csv.ConvertOptions(
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    column_types=dict.fromkeys(text_columns, pyarrow.string()),
                ),
            )
        except (pyarrow.ArrowInvalid, pyarrow.ArrowException, OSError) as error:
            raise WorkFailedError(_not_loaded(self.path, self.span, str(error))) from error


def read_rows(system: System, path: str, span: Span, *, delimiter: str = ",") -> FileRows:
    """Reads a csv or parquet file; raises WorkFailedError where it can't be read."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise WorkFailedError(_not_loaded(path, span, "only csv and parquet files can be loaded"))
    try:
        content = system.read(path)
    except OSError as error:
        raise WorkFailedError(_not_loaded(path, span, error.strerror or str(error))) from error
    return FileRows(content=content, suffix=suffix, delimiter=delimiter, path=path, span=span)


def _not_loaded(path: str, span: Span, why: str) -> Diagnostic:
    return Diagnostic(
        code=Code.SEED_NOT_LOADED,
        message=f"`{path}` can't be loaded: {why}",
        span=span,
        help="the file has to be there, be csv or parquet, and have as many fields in a row as in its header",
    )
