"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import NoServerError, PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this run of the tests.

    Where there is none, the test is skipped; with SQLFLOW_TEST_REQUIRE=1 it fails.
    """
    server = postgres_server()
    try:
        running = server.__enter__()
    except NoServerError as error:
        if os.environ.get("SQLFLOW_TEST_REQUIRE") == "1":
            pytest.fail(f"SQLFLOW_TEST_REQUIRE is set, but: {error}")
        pytest.skip(str(error))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[dict[str, Any]]:
    """The adapter's settings for an empty database of its own."""
    with postgres.database() as settings:
        yield settings
