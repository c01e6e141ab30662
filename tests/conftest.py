"""What all tests share."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import NoServerError, PostgresServer, postgres_server, skip_or_fail


def pytest_configure() -> None:
    """Takes interrupts, also where the shell has put the tests into the background and so ignores them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test in each layout that its mark `layouts` names, or its module's."""
    mark = metafunc.definition.get_closest_marker("layouts")
    if mark is not None and "layout" in metafunc.fixturenames:
        metafunc.parametrize("layout", mark.args, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this run of the tests.

    Where there is none, the test is skipped; with SQLFLOW_TEST_REQUIRE=1 it fails.
    """
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except NoServerError as error:
            skip_or_fail(error)
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[dict[str, Any]]:
    """The adapter's settings for an empty database of its own."""
    with postgres.database() as settings:
        yield settings
