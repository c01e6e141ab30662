"""The lists of volatile functions against the engines' own catalogs."""

from __future__ import annotations

import duckdb
import psycopg

from sqlflow.dialect import volatile
from tests.servers import NoServerError, postgres_server, skip_or_fail

# They fail, or tell of the values themselves.
_HARMLESS = {"error", "stats", "vector_type"}

_FUNCTIONS = "select function_name, bool_or(stability = 'VOLATILE') from duckdb_functions() group by 1"
_PROCEDURES = """
select proname, bool_or(
    provolatile = 'v' and not proretset and prorettype not in ('internal'::regtype, 'trigger'::regtype,
        'event_trigger'::regtype, 'index_am_handler'::regtype, 'table_am_handler'::regtype,
        'language_handler'::regtype, 'fdw_handler'::regtype, 'cstring'::regtype, 'void'::regtype)
    and not ('internal'::regtype = any(proargtypes::oid[]))
    and not ('cstring'::regtype = any(proargtypes::oid[]))
)
from pg_proc where prokind = 'f' group by 1
"""
# For who runs the server, or writes extensions.
_INTERNAL = {"amvalidate", "currtid2", "gin_clean_pending_list", "loread", "lowrite"}


def test_duckdb() -> None:
    found = dict(duckdb.sql(_FUNCTIONS).fetchall())
    assert volatile.DUCKDB - found.keys() == set()
    unsteady = {name for name, is_volatile in found.items() if is_volatile}
    assert volatile.DUCKDB_STABLE & unsteady == set()
    readers = {name for name in found if name.startswith(("read_", "sniff_")) or name == "glob"}
    assert (unsteady | readers) - volatile.DUCKDB - _HARMLESS == set()


def test_postgres() -> None:
    try:
        with postgres_server() as server, psycopg.connect(**server.settings("postgres")) as connection:
            found = dict(connection.execute(_PROCEDURES).fetchall())
    except NoServerError as error:
        skip_or_fail(error)
    assert volatile.POSTGRES - found.keys() == set()
    assert not any(found.get(name, False) for name in volatile.POSTGRES_STABLE)
    private = ("pg_", "brin_", "lo_", "binary_")
    unsteady = {name for name, is_volatile in found.items() if is_volatile and not name.startswith(private)}
    assert unsteady - volatile.POSTGRES - _INTERNAL == set()
