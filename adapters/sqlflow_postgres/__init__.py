"""The PostgreSQL adapter of sqlflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlflow.adapter.protocol import DriverMissingError, Failure, Setting
from sqlflow.core.value import Value
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import POSTGRES

if TYPE_CHECKING:
    from sqlflow_postgres.warehouse import PostgresWarehouse

_SETTINGS = (
    Setting(
        name="host",
        type=str,
        locates=True,
        default="localhost",
        description="The server, or the folder of its socket.",
    ),
    Setting(name="port", type=int, locates=True, default=5432, description="The server's port."),
    Setting(name="user", type=str, description="The role to connect as; else the operating system's user."),
    Setting(name="password", type=str, secret=True, description="The role's password."),
    Setting(name="dbname", type=str, required=True, locates=True, description="The database to connect to."),
    Setting(
        name="sslmode",
        type=str,
        default="prefer",
        description="libpq's sslmode: `verify-full`, `require`, ...",
    ),
    Setting(name="connect_timeout", type=int, default=10, description="Seconds to wait for a connection."),
    Setting(
        name="application_name", type=str, default="sqlflow", description="The name in the server's lists."
    ),
    Setting(name="search_path", type=str, description="Where names without a schema are looked up: `a, b`."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAdapter:
    """A PostgreSQL server, 13 or later."""

    name: str = "postgres"
    spec: DialectSpec = POSTGRES
    settings: tuple[Setting, ...] = _SETTINGS

    def open(self, settings: Mapping[str, Value], root: str) -> PostgresWarehouse:
        """Connects to the server; `root` plays no part."""
        try:
            from sqlflow_postgres.warehouse import open_warehouse
        except ModuleNotFoundError as error:
            if error.name != "psycopg":
                raise
            raise DriverMissingError("psycopg", "pip install 'sqlflow[postgres]'") from error
        return open_warehouse(
            {setting.name: settings.get(setting.name, setting.default) for setting in _SETTINGS}
        )

    def offline(self, files: Sequence[str] = ()) -> None:
        """Gives none: PostgreSQL is a server."""
        return

    def classify(self, error: BaseException) -> Failure:
        """Reads an error of psycopg."""
        from sqlflow_postgres.errors import classify

        return classify(error)


ADAPTER = PostgresAdapter()
