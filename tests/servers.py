"""Database servers that tests start for themselves."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest

SUPERUSER = "postgres"
_START_SECONDS = 60


class NoServerError(Exception):
    """A server that this machine doesn't have; the message says what is missing."""


def skip_or_fail(error: NoServerError) -> NoReturn:
    """Skips the test for want of a server; where SQLFLOW_TEST_REQUIRE is 1, it fails."""
    if os.environ.get("SQLFLOW_TEST_REQUIRE") == "1":
        pytest.fail(f"SQLFLOW_TEST_REQUIRE is set, but: {error}")
    pytest.skip(str(error))


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that runs."""

    port: int
    _numbers: count[int]

    def settings(self, dbname: str) -> dict[str, Any]:
        """The adapter's settings for a database."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": SUPERUSER,
            "dbname": dbname,
            "sslmode": "disable",
        }

    def execute(self, *statements: str, dbname: str = "postgres") -> tuple[Any, ...]:
        """Runs statements on a database, each for itself; gives the last one's first row."""
        import psycopg

        with psycopg.connect(autocommit=True, **self.settings(dbname)) as connection:
            row = None
            for statement in statements:
                cursor = connection.execute(statement)
                row = cursor.fetchone() if cursor.description else None
            return row or ()

    @contextlib.contextmanager
    def database(self) -> Iterator[dict[str, Any]]:
        """Makes an empty database, gives the settings for it, and drops it."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield self.settings(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _binary(name: str) -> str:
    """Finds a program of PostgreSQL in PATH or where Debian keeps its versions, the newest first."""
    found = shutil.which(name)
    if found is not None:
        return found
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: -int(path.parts[-3])
    )
    if not versions:
        raise NoServerError(f"PostgreSQL's {name} is neither in PATH nor in /usr/lib/postgresql/*/bin")
    return str(versions[0])


def _server_user() -> dict[str, Any]:
    """Gives the user that the server runs as, in the words of subprocess: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoServerError("PostgreSQL doesn't run as root, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Runs a PostgreSQL server of its own in a temporary folder; raises NoServerError where there is none."""
    try:
        import psycopg  # noqa: F401
    except ModuleNotFoundError:
        raise NoServerError("the package psycopg is not installed") from None
    initdb, postgres = _binary("initdb"), _binary("postgres")
    user = _server_user()
    # A short path: the name of a socket has 107 bytes at most.
    folder = tempfile.mkdtemp(prefix="sqlflow_pg_")
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        data = os.path.join(folder, "data")
        subprocess.run(
            [initdb, "-D", data, "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            **user,
        )
        with _running(postgres, data, folder, user) as port:
            yield PostgresServer(port, count(1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(postgres: str, data: str, folder: str, user: dict[str, Any]) -> Iterator[int]:
    """Starts the server, and stops it at the end."""
    port = _free_port()
    options = ("fsync=off", "full_page_writes=off", "listen_addresses=127.0.0.1", "max_connections=60")
    arguments = [part for option in options for part in ("-c", option)]
    log_path = os.path.join(folder, "log")
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            [postgres, "-D", data, "-p", str(port), "-k", folder, *arguments],
            stdout=log,
            stderr=log,
            cwd=folder,
            # Ctrl-C is for the tests; they stop the server.
            start_new_session=True,
            **user,
        )
    try:
        _wait(process, port, log_path)
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log_path: str) -> None:
    """Waits until the server takes connections."""
    import psycopg

    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user=SUPERUSER, dbname="postgres", connect_timeout=5
            ).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{Path(log_path).read_text(errors='replace')}")
