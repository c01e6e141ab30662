"""Where the state is kept: what `state` says, and what is told of a mistake in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.adapter.registry import find_adapter
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.span import Span
from sqlflow.project.types import ConfigEntry, Target
from sqlflow.store.place import FilePlace, Place, ServerPlace, WarehousePlace, read_place
from tests.safety.injected import AUTOCOMMIT, InjectedAdapter

AT = Span("sqlflow.yml", 10, 20)
TARGET = Target(
    name="prod",
    type="x",
    schema=None,
    database=None,
    threads=1,
    settings={},
    span=Span("sqlflow.yml", 1, 2),
)


def read(text: str | None, engine: str = "duckdb", written: str | None = None):
    adapter = find_adapter(engine)
    assert adapter is not None
    entry = None if text is None else ConfigEntry(text, AT)
    return read_place(entry, TARGET, adapter, text or "" if written is None else written)


def place(text: str | None, engine: str = "duckdb") -> Place:
    found, diagnostics = read(text, engine)
    assert diagnostics == () and found is not None
    return found


def wrong(text: str, written: str | None = None) -> Diagnostic:
    found, diagnostics = read(text, written=written)
    assert found is None
    assert {d.code for d in diagnostics} == {Code.INVALID_VALUE}
    return diagnostics[0]


def test_an_embedded_engine_has_a_file_and_a_server_itself() -> None:
    assert place(None) == FilePlace(path=".sqlflow/state.db", span=TARGET.span)
    assert place(None, "postgres") == WarehousePlace(span=TARGET.span)


def test_an_engine_without_transactions_holds_no_state() -> None:
    server = InjectedAdapter(AUTOCOMMIT, "server", replace(AUTOCOMMIT.spec, embedded=False))
    entry = ConfigEntry("warehouse", AT)
    for adapter in (AUTOCOMMIT, server):
        found, [diagnostic] = read_place(entry, TARGET, adapter, "warehouse")
        assert (found, diagnostic.code, diagnostic.span) == (None, Code.INVALID_VALUE, AT)
        assert diagnostic.message == "the target `prod` has no transactions, and can't hold the state"
    assert read_place(None, TARGET, AUTOCOMMIT, "")[1] == ()
    place, [warning] = read_place(None, TARGET, server, "")
    assert place == FilePlace(path=".sqlflow/state.db", span=TARGET.span)
    assert warning.code is Code.STATE_NOT_SHARED
    assert warning.help == "nobody else sees it there: name a server (`state: postgresql://...`)"


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_the_warehouse(engine: str) -> None:
    assert place("warehouse", engine) == WarehousePlace(span=AT)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///state.db", "state.db"),
        ("sqlite:///a/b c.db", "a/b c.db"),
        ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
        ("sqlite:///a%20b.db", "a b.db"),
    ],
)
def test_a_file(text: str, path: str) -> None:
    assert place(text) == FilePlace(path=path, span=AT)


def test_a_file_for_a_server_is_warned_about_once() -> None:
    found, diagnostics = read("sqlite:///state.db", "postgres")
    assert found == FilePlace(path="state.db", span=AT)
    (warning,) = diagnostics
    assert (warning.code, warning.severity) == (Code.STATE_NOT_SHARED, Severity.WARNING)
    assert (warning.span, warning.label) == (AT, "kept in `state.db`")
    assert "`prod`" in warning.message


def settings(text: str) -> dict[str, object]:
    found = place(text)
    assert isinstance(found, ServerPlace) and found.adapter.name == "postgres"
    return {key: found.settings.get(key) for key in ("host", "port", "user", "password", "dbname", "sslmode")}


def test_a_server() -> None:
    assert settings("postgresql://ann:p%40s%2Fs@localhost:5433/shop?sslmode=require") == {
        "host": "localhost",
        "port": 5433,
        "user": "ann",
        "password": "p@s/s",
        "dbname": "shop",
        "sslmode": "require",
    }


def test_a_server_by_its_socket_and_defaults() -> None:
    assert settings("postgres://%2Ftmp%2Fsocket/shop") == {
        "host": "/tmp/socket",
        "port": 5432,
        "user": None,
        "password": None,
        "dbname": "shop",
        "sslmode": "prefer",
    }
    assert settings("postgresql:///shop?port=6000&host=/tmp")["port"] == 6000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no place"),
        ("state.db", "no place"),
        ("sqlite:/state.db", "no place"),
        ("sqlite:///", "names no file"),
        ("sqlite:///folder/", "names no file"),
        ("mysql://host/db", "no place"),
        ("duckdb://x/y", "no place"),
        ("postgresql:shop", "no place"),
        ("postgresql://[::1/db", "no place"),
        ("postgresql://host", "has no `dbname`"),
        ("postgresql://host:99999/db", "port"),
        ("postgresql://host:x/db", "port"),
        ("postgresql://host/db?colour=red", "unknown setting"),
        ("postgresql://host/db?connect_timeout=soon", "no whole number"),
    ],
)
def test_what_is_no_place(text: str, words: str) -> None:
    found = wrong(text)
    assert words in found.message
    assert found.span == AT
    assert found.help


# Where a password has a character that a URL means something by.
@pytest.mark.parametrize(
    "template", ["postgresql://ann:{}@localhost/db", "postgresql://localhost/db?password={}"]
)
@given(st.text("sesame/?#@:[]%&= .", min_size=3, max_size=12))
def test_a_password_is_in_no_message(template: str, inner: str) -> None:
    secret = f"Sesame{inner}Open"
    text = template.format(secret)
    found, diagnostics = read(text)
    shown = repr(found) + "".join(d.message + d.label + d.help + "".join(d.notes) for d in diagnostics)
    if isinstance(found, ServerPlace):
        shown += found.shown
    assert "Sesame" not in shown and "Open" not in shown
    # The line that holds it would be printed.
    assert all(d.span is None for d in diagnostics)


def test_a_place_whose_password_is_not_in_the_file_is_pointed_at() -> None:
    text, written = "postgresql://ann:sesame@localhost", "postgresql://ann:{{ env_var('X') }}@localhost"
    assert wrong(text, written).span == AT
    assert wrong(text, text).span is None
