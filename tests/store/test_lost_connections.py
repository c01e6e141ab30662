"""A log on a server goes on over another connection, and has each event once."""

from __future__ import annotations

from typing import Any

import pytest

from sqlflow.store.failures import StoreError
from sqlflow.store.log import EventLog
from sqlflow.store.sessions import SessionDatabase
from tests.safety.injected import POSTGRES, Fail, Fault, NoTrap
from tests.store.stores import started


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.store.log._PAUSES", (0.0, 0.0, 0.0))


def opened(settings: dict[str, Any], trap: NoTrap) -> EventLog:
    POSTGRES.trap = trap
    try:
        warehouse = POSTGRES.open(settings, "")
    finally:
        POSTGRES.trap = NoTrap()
    return EventLog(SessionDatabase(POSTGRES, warehouse, None, "the server"), "shop")


def calls(settings: dict[str, Any]) -> int:
    """How many calls one append makes."""
    trap = NoTrap()
    log = opened(settings, trap)
    log.prepare()
    before = trap.calls
    log.append([started("first")])
    log.close()
    return trap.calls - before


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_each_call_of_an_append_may_lose_the_connection(
    postgres_database: dict[str, Any], fault: Fault
) -> None:
    count = calls(postgres_database)
    assert count > 3
    for at in range(1, count + 1):
        log = opened(postgres_database, Fail(at, fault))
        log.append([started(f"run {at}"), started(f"another {at}")])
        log.append([started(f"after {at}")])
        log.close()
    log = opened(postgres_database, NoTrap())
    runs = [getattr(event, "run", "") for event in log.events()]
    assert runs == [
        "first",
        *(name for at in range(1, count + 1) for name in (f"run {at}", f"another {at}", f"after {at}")),
    ]
    log.close()


@pytest.mark.usefixtures("quiet")
def test_a_server_that_is_gone_is_told_of(
    postgres_database: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(postgres_database)
    log = opened(postgres_database, Fail(1, Fault.LOST_BEFORE))

    def gone() -> None:
        raise OSError("nobody listens")

    monkeypatch.setattr(log.database, "reopen", gone)
    with pytest.raises(StoreError) as error:
        log.append([started("run")])
    assert "injected" in str(error.value)
