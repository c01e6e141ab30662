"""Reads the rows of seeds and file sources."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sqlflow.apply.failures import WorkFailedError
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.span import Span
from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow

_BOM = b"\xef\xbb\xbf"
_HELP = "the file has to be there, be csv or parquet, and have as many fields in a row as in its header"
# The types of columns are read off one block of a file, so the block is the file, as far as that can be.
_SMALLEST_BLOCK, _LARGEST_BLOCK = 1 << 20, (1 << 31) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """A file that was read into memory."""

    content: bytes
    suffix: str
    delimiter: str
    path: str
    span: Span

    def rows(
        self, spec: DialectSpec, column_types: Mapping[str, str]
    ) -> tuple[pyarrow.Table, Mapping[str, str]]:
        """Gives the rows, and the declared types by the names that their columns have in the file.

        In a csv, a column with a declared type stays text, which the engine reads as that type; the types of
        the others are read off their values. An empty field is NULL, unless it is quoted. Raises
        WorkFailedError.
        """
        import pyarrow

        try:
            if self.suffix == ".parquet":
                from pyarrow import parquet

                table = parquet.read_table(io.BytesIO(self.content))
                return table, self._declared(spec, table.column_names, column_types)
            declared = self._declared(spec, self.header(), column_types)
            return self._csv(declared), declared
        except (pyarrow.ArrowException, OSError) as error:
            raise WorkFailedError(_not_loaded(self.path, self.span, _first_line(error))) from error

    def _csv(self, declared: Mapping[str, str]) -> pyarrow.Table:
        import pyarrow
        from pyarrow import csv

        block = min(max(len(self.content) + 1, _SMALLEST_BLOCK), _LARGEST_BLOCK)
        return csv.read_csv(
            io.BytesIO(self.content.removeprefix(_BOM)),
            read_options=csv.ReadOptions(block_size=block),
            parse_options=csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                column_types=dict.fromkeys(declared, pyarrow.string()),
            ),
        )

    def header(self) -> list[str]:
        """Reads the names of a csv file's columns; Python's reader knows quotes and line breaks in them."""
        import csv

        try:
            text = io.TextIOWrapper(io.BytesIO(self.content), "utf-8-sig", newline="")
            names = next((row for row in csv.reader(text, delimiter=self.delimiter) if row), [])
        except UnicodeDecodeError as error:
            raise WorkFailedError(_not_loaded(self.path, self.span, "it is not UTF-8")) from error
        except csv.Error as error:
            raise WorkFailedError(_not_loaded(self.path, self.span, f"its header: {error}")) from error
        if not names:
            raise WorkFailedError(_not_loaded(self.path, self.span, "it has no header"))
        return names

    def _declared(
        self, spec: DialectSpec, names: Sequence[str], column_types: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Matches the declared types with the file's columns, as the engine compares names."""
        found: dict[str, str] = {}
        for name in names:
            if name_key(spec, name) in found:
                why = f"two columns are named `{name}`" if name else "two columns have no name"
                raise WorkFailedError(_not_loaded(self.path, self.span, why))
            found[name_key(spec, name)] = name
        if "" in found:
            raise WorkFailedError(_not_loaded(self.path, self.span, "a column has no name"))
        declared: dict[str, str] = {}
        for name, type in column_types.items():
            column = found.get(name_key(spec, name)) or found.get(lookup_key(spec, name))
            if column is None:
                why = f"`column_types` names a column `{name}`, which it does not have"
                hint = did_you_mean(name, names) or f"its columns are: {', '.join(names)}"
                raise WorkFailedError(_not_loaded(self.path, self.span, why, hint))
            declared[column] = type
        return declared


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


def _first_line(error: Exception) -> str:
    """The error's words without the rows that may follow."""
    return str(error).strip().partition("\n")[0]


def _not_loaded(path: str, span: Span, why: str, help: str = _HELP) -> Diagnostic:
    return Diagnostic(
        code=Code.SEED_NOT_LOADED, message=f"`{path}` can't be loaded: {why}", span=span, help=help
    )
