from __future__ import annotations

from pathlib import Path

import pytest

from tests import servers


def test_a_server_that_is_not_there_skips_unless_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    error = servers.NoServerError("no initdb")
    monkeypatch.delenv("SQLFLOW_TEST_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no initdb"):
        servers.skip_or_fail(error)
    monkeypatch.setenv("SQLFLOW_TEST_REQUIRE", "1")
    with pytest.raises(pytest.fail.Exception, match="no initdb"):
        servers.skip_or_fail(error)


def test_programs_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.shutil, "which", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    with pytest.raises(servers.NoServerError, match="PostgreSQL's initdb"), servers.postgres_server():
        pass


def test_a_database_is_empty_and_gone_afterwards(postgres: servers.PostgresServer) -> None:
    count = "SELECT count(*) FROM pg_database WHERE datname = '{}'"
    with postgres.database() as settings:
        name = settings["dbname"]
        assert postgres.execute(count.format(name)) == (1,)
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert postgres.execute(tables, dbname=name) == (0,)
    assert postgres.execute(count.format(name)) == (0,)
