"""The DuckDB adapter of sqlflow."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlflow.adapter.protocol import READ_ONLY, DriverMissingError, Failure, Setting
from sqlflow.core.value import Value
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import DUCKDB

if TYPE_CHECKING:
    from sqlflow_duckdb.offline import OfflineWarehouse
    from sqlflow_duckdb.warehouse import DuckDBWarehouse

_SETTINGS = (
    Setting(
        name="path",
        type=str,
        locates=True,
        default="{project}.duckdb",
        description="The database file, relative to the project; `:memory:` keeps nothing. "
        "Where it is left out, the file is named after the project.",
    ),
    Setting(
        name=READ_ONLY,
        type=bool,
        default=False,
        description="Open the file without the right to change it; several processes can read at once.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuckDBAdapter:
    """DuckDB, in this process."""

    name: str = "duckdb"
    spec: DialectSpec = DUCKDB
    settings: tuple[Setting, ...] = _SETTINGS

    def open(self, settings: Mapping[str, Value], root: str) -> DuckDBWarehouse:
        """Opens the database file, which is made where there is none; without a path, one in memory."""
        with _driver():
            from sqlflow_duckdb.warehouse import open_warehouse
        path = settings.get("path")
        return open_warehouse(
            path=None if path is None else str(path), read_only=bool(settings.get(READ_ONLY)), root=root
        )

    def offline(self, files: Sequence[str] = ()) -> OfflineWarehouse:
        """Gives databases in memory that read nothing but these files."""
        with _driver():
            from sqlflow_duckdb.offline import OfflineWarehouse
        return OfflineWarehouse(files)

    def classify(self, error: BaseException) -> Failure:
        """Reads an error of DuckDB."""
        from sqlflow_duckdb.errors import classify

        return classify(error)


@contextmanager
def _driver() -> Generator[None]:
    """Says what to install where the driver can't be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        raise DriverMissingError("duckdb", "pip install 'duckdb>=2.0,<3'") from error


ADAPTER = DuckDBAdapter()
