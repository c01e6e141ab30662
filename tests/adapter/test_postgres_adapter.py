from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sqlflow.adapter.protocol import Failure, FailureKind, Session
from sqlflow.adapter.registry import find_adapter
from sqlflow.core.relation import Grant, Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.specs import POSTGRES
from tests.servers import PostgresServer

ADAPTER = find_adapter("postgres")
assert ADAPTER is not None


def failure_of(call: Callable[[], object]) -> Failure:
    assert ADAPTER is not None
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return ADAPTER.classify(caught.value)


def open_session(settings: dict[str, Any]) -> tuple[Any, Session]:
    assert ADAPTER is not None
    warehouse = ADAPTER.open(settings, "/")
    return warehouse, warehouse.session()


@pytest.fixture
def session(postgres_database: dict[str, Any]) -> Iterator[Session]:
    warehouse, made = open_session(postgres_database)
    yield made
    made.close()
    warehouse.close()


@pytest.fixture
def roles(postgres: PostgresServer) -> Iterator[tuple[str, str]]:
    """Two roles, for tests that ask for them first: they belong to the server, and outlive the database."""
    postgres.execute('CREATE ROLE "Bob ""B"""', "CREATE ROLE alice PASSWORD 'not to be told' LOGIN")
    yield 'Bob "B"', "alice"
    postgres.execute('DROP ROLE "Bob ""B"""', "DROP ROLE alice")


def test_a_session_is_set_up_as_the_settings_say(postgres_database: dict[str, Any]) -> None:
    warehouse, session = open_session({**postgres_database, "search_path": "pg_temp, public"})
    names = ("application_name", "search_path", "TimeZone")
    found = session.fetch("SELECT " + ", ".join(f"current_setting('{name}') AS a" for name in names))
    assert [column[0].as_py() for column in found.columns] == ["sqlflow", "pg_temp, public", "UTC"]
    session.close()
    warehouse.close()


@pytest.mark.parametrize(
    "broken",
    [
        {"port": 1},
        {"dbname": "no such database, p4ssw0rd!"},
        {"user": "p4ssw0rd!"},
        {"sslmode": "p4ssw0rd!"},
        {"host": "p4ssw0rd!.invalid"},
        {"dbname": "postgresql://u:p4ssw0rd!@localhost:x/db"},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_the_password_is_in_no_message(postgres_database: dict[str, Any], broken: dict[str, Any]) -> None:
    assert ADAPTER is not None
    with pytest.raises(psycopg.Error) as caught:
        ADAPTER.open({**postgres_database, "connect_timeout": 2, "password": "p4ssw0rd!", **broken}, "/")
    failure = ADAPTER.classify(caught.value)
    assert failure.kind is FailureKind.CONNECTION
    shown = "".join(traceback.format_exception(caught.value))
    told = shown[shown.rindex("psycopg.") :] + str(failure)
    assert "p4ssw0rd!" not in told


@pytest.fixture
def asks_for_passwords(postgres: PostgresServer, roles: tuple[str, str]) -> Iterator[str]:
    """A role that the server asks for its password; gives its name."""
    (line,) = postgres.execute("SHOW hba_file")
    rules = Path(line)
    before = rules.read_text()
    rules.write_text(f"host all {roles[1]} 127.0.0.1/32 scram-sha-256\n{before}")
    postgres.execute("SELECT pg_reload_conf()")
    yield roles[1]
    rules.write_text(before)
    postgres.execute("SELECT pg_reload_conf()")


def test_the_password_is_sent_and_not_told(
    asks_for_passwords: str, postgres_database: dict[str, Any]
) -> None:
    asked = {**postgres_database, "user": asks_for_passwords}
    end = time.monotonic() + 20
    while True:
        try:
            # The server reads its rules again in its own time.
            open_session({**asked, "password": "wr0ng!"})[1].close()
        except psycopg.Error as error:
            failure = ADAPTER.classify(error) if ADAPTER else None
            break
        assert time.monotonic() < end
    assert failure is not None
    assert failure.kind is FailureKind.CONNECTION
    assert "password authentication failed" in failure.message
    assert "wr0ng!" not in failure.message
    warehouse, session = open_session({**asked, "password": "not to be told"})
    assert session.fetch("SELECT current_user::text AS a").to_pylist() == [{"a": asks_for_passwords}]
    session.close()
    warehouse.close()


@pytest.mark.parametrize(
    ("sql", "kind", "word", "code"),
    [
        ("SELECT 'é日本' AS a FROM FROM t", FailureKind.SYNTAX, "FROM t", "42601"),
        ("SELECT 'é日本' AS a,\n\tno_such FROM t", FailureKind.MISSING, "no_such", "42703"),
        ("SELECT * FROM nowhere", FailureKind.MISSING, "nowhere", "42P01"),
        ("CREATE TABLE no_schema.x (a int)", FailureKind.MISSING, "no_schema", "3F000"),
        ("SELECT no_function(1)", FailureKind.MISSING, "no_function", "42883"),
        ("SELECT a / 0 FROM t", FailureKind.DATA, None, "22012"),
        ("SELECT 'x'::date", FailureKind.DATA, "'x'", "22007"),
        ("INSERT INTO t VALUES (1)", FailureKind.CONSTRAINT, None, "23505"),
        ("INSERT INTO t VALUES (NULL)", FailureKind.CONSTRAINT, None, "23502"),
        ("DROP TABLE t", FailureKind.DEPENDENTS, None, "2BP01"),
        ("CREATE TABLE t (a int)", FailureKind.OTHER, None, "42P07"),
    ],
)
def test_kinds_of_errors(session: Session, sql: str, kind: FailureKind, word: str | None, code: str) -> None:
    session.execute("CREATE TABLE t (a int PRIMARY KEY)")
    session.execute("INSERT INTO t VALUES (1)")
    session.execute("CREATE VIEW v AS SELECT a FROM t")
    for call in (session.execute, session.fetch):
        failure = failure_of(lambda call=call: call(sql))
        assert (failure.kind, failure.code) == (kind, code)
        if word is not None:
            assert failure.offset == sql.index(word)


def test_hints_and_details_are_told(session: Session) -> None:
    session.execute("CREATE TABLE t (a int PRIMARY KEY)")
    session.execute("CREATE VIEW v AS SELECT a FROM t")
    failure = failure_of(lambda: session.execute("DROP TABLE t"))
    assert "view v depends on table t" in failure.message
    assert failure.hint is not None
    assert "CASCADE" in failure.hint


def test_what_a_role_may_not_do(roles: object, postgres_database: dict[str, Any], session: Session) -> None:
    session.execute("CREATE TABLE t (a int)")
    warehouse, other = open_session({**postgres_database, "user": "alice"})
    assert failure_of(lambda: other.fetch("SELECT * FROM t")).kind is FailureKind.PERMISSION
    other.close()
    warehouse.close()


def test_waiting_for_a_lock_ends_as_transient(postgres_database: dict[str, Any], session: Session) -> None:
    warehouse, other = open_session(postgres_database)
    session.execute("CREATE TABLE t (a int)")
    session.begin()
    session.execute("LOCK TABLE t")
    other.execute("SET lock_timeout = '50ms'")
    assert failure_of(lambda: other.fetch("SELECT * FROM t")).kind is FailureKind.TRANSIENT
    session.rollback()
    assert other.fetch("SELECT * FROM t").num_rows == 0
    other.close()
    warehouse.close()


def test_describe_waits_where_it_can_be_cancelled(
    postgres_database: dict[str, Any], session: Session
) -> None:
    warehouse, other = open_session(postgres_database)
    session.execute("CREATE TABLE t (a int)")
    session.begin()
    session.execute("LOCK TABLE t")
    timer = threading.Timer(0.3, other.cancel)
    timer.start()
    assert failure_of(lambda: other.describe("SELECT * FROM t")).kind is FailureKind.CANCELLED
    timer.join()
    session.rollback()
    assert [tuple(one) for one in other.describe("SELECT * FROM t")] == [("a", "integer")]
    other.close()
    warehouse.close()


def test_a_lost_connection(
    postgres: PostgresServer, postgres_database: dict[str, Any], session: Session
) -> None:
    session.execute("CREATE TABLE t (a int)")
    session.begin()
    session.execute("INSERT INTO t VALUES (1)")
    name = postgres_database["dbname"]
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    assert failure_of(lambda: session.fetch("SELECT 1")).kind is FailureKind.CONNECTION
    failure_of(session.commit)
    session.rollback()
    session.cancel()
    session.close()
    warehouse, other = open_session(postgres_database)
    assert other.fetch("SELECT * FROM t").num_rows == 0
    other.close()
    warehouse.close()


def test_a_deferred_constraint_fails_the_commit(session: Session) -> None:
    session.execute("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    session.begin()
    session.execute("INSERT INTO t VALUES (1), (1)")
    assert failure_of(session.commit).kind is FailureKind.CONSTRAINT
    session.rollback()
    assert session.fetch("SELECT * FROM t").num_rows == 0


def test_describe_names_types_as_the_engine_does_and_runs_nothing(session: Session) -> None:
    session.execute("CREATE SEQUENCE s")
    session.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
    query = (
        "SELECT nextval('s') AS n, 1.5::numeric(10,2) AS d, 'x'::varchar(3) AS v, 'good'::mood AS m,"
        " ARRAY[1] AS l, 1 AS n"
    )
    assert [tuple(one) for one in session.describe(query)] == [
        ("n", "bigint"),
        ("d", "numeric(10,2)"),
        ("v", "character varying(3)"),
        ("m", "mood"),
        ("l", "integer[]"),
        ("n", "integer"),
    ]
    assert session.fetch("SELECT nextval('s') AS n").to_pylist() == [{"n": 1}]


def test_columns_and_kinds(session: Session) -> None:
    session.execute('CREATE SCHEMA "S x"')
    session.execute(
        'CREATE TABLE "S x".t (a numeric(4, 1), gone int, "B c" timestamptz[]) PARTITION BY LIST (a)'
    )
    session.execute('ALTER TABLE "S x".t DROP COLUMN gone')
    session.execute('CREATE MATERIALIZED VIEW "S x".m AS SELECT 1 AS a')
    session.execute('CREATE VIEW "S x".v AS SELECT 1 AS a')
    session.execute('CREATE TABLE "S x".empty ()')
    relation = Relation(None, "S x", "t")
    wanted = [("a", "numeric(4,1)"), ("B c", "timestamp with time zone[]")]
    assert [tuple(one) for one in session.columns(relation) or ()] == wanted
    assert session.columns(Relation(None, "S x", "empty")) == ()
    assert session.columns(relation._replace(database="another")) is None
    kinds = {
        "t": RelationKind.TABLE,
        "empty": RelationKind.TABLE,
        "m": RelationKind.OTHER,
        "v": RelationKind.VIEW,
    }
    assert session.relations(None, "S x") == kinds
    assert session.relations("another", "S x") == {}


def test_dependents_come_in_the_order_to_make_them_again(session: Session) -> None:
    for statement in (
        "CREATE SCHEMA other",
        "CREATE TABLE t (a int, b int)",
        "CREATE VIEW d AS SELECT a FROM t",
        "CREATE VIEW other.c AS SELECT a FROM d",
        'CREATE VIEW "B b" AS SELECT t.a FROM t JOIN other.c ON c.a = t.a',
        'CREATE VIEW a AS SELECT x.a FROM "B b" x JOIN d ON d.a = x.a',
        "CREATE VIEW unrelated AS SELECT 1 AS a",
        "CREATE MATERIALIZED VIEW m AS SELECT a FROM t",
    ):
        session.execute(statement)
    found = session.dependents(Relation(None, None, "t"))
    names = ["public.d", "public.m", "other.c", "public.B b", "public.a"]
    assert [str(one.relation) for one in found] == names
    assert [str(one.relation) for one in found if one.stored] == ["public.m"]
    readers = session.readers([Relation(None, None, "t"), Relation(None, None, "none")])
    assert [(str(one.view), str(one.reads)) for one in readers] == [
        ("other.c", "public.d"),
        ("public.B b", "other.c"),
        ("public.B b", "public.t"),
        ("public.a", "public.B b"),
        ("public.a", "public.d"),
        ("public.d", "public.t"),
        ("public.m", "public.t"),
    ]
    assert [str(one.view) for one in readers if one.stored] == ["public.m"]
    assert all(one.replaceable for one in readers)
    session.execute("DROP MATERIALIZED VIEW m")
    found = [one for one in found if not one.stored]
    before = session.fetch("SELECT * FROM a").schema
    for one in reversed(found):
        session.execute(f'DROP VIEW "{one.relation.schema}"."{one.relation.identifier}"')
    session.execute("DROP TABLE t")
    session.execute("CREATE TABLE t (a int)")
    for one in found:
        session.execute(f'CREATE VIEW "{one.relation.schema}"."{one.relation.identifier}" AS {one.query}')
    assert session.fetch("SELECT * FROM a").schema == before
    assert session.dependents(Relation(None, None, "nowhere")) == ()


def test_grants_are_granted_again(roles: tuple[str, str], session: Session) -> None:
    relation = Relation(None, "public", "t")
    grants = (
        'GRANT SELECT, UPDATE ON t TO "Bob ""B"""',
        "GRANT INSERT ON t TO alice WITH GRANT OPTION",
        'GRANT SELECT ("A a"), REFERENCES (b) ON t TO alice',
        "GRANT SELECT ON t TO PUBLIC",
    )
    privileges = (
        "SELECT r.rolname::text AS role, x.privilege_type::text AS privilege, x.is_grantable AS more,"
        " a.attname::text AS name"
        " FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL,"
        " aclexplode(coalesce(a.attacl, '{}') || c.relacl) x LEFT JOIN pg_roles r ON r.oid = x.grantee"
        " WHERE c.relname = 't' ORDER BY 1, 2, 3, 4"
    )
    session.execute('CREATE TABLE t ("A a" int, b int)')
    for statement in grants:
        session.execute(statement)
    before, found = session.fetch(privileges), session.grants(relation)
    statements = sql.grant(POSTGRES, relation, found)
    assert Grant("SELECT", None) in found
    assert Grant("INSERT", "alice", None, grantable=True) in found
    assert Grant("SELECT", "alice", "A a") in found
    assert before.num_rows > 8
    session.execute("DROP TABLE t")
    session.execute('CREATE TABLE t ("A a" int, b int)')
    for statement in statements:
        session.execute(statement)
    assert session.fetch(privileges).equals(before)
    assert statements == (
        'GRANT SELECT ON "public"."t" TO PUBLIC',
        'GRANT SELECT, UPDATE ON "public"."t" TO "Bob ""B"""',
        'GRANT SELECT ("A a"), REFERENCES ("b") ON "public"."t" TO "alice"',
        'GRANT INSERT ON "public"."t" TO "alice" WITH GRANT OPTION',
    )


def test_statements_and_parameters(session: Session) -> None:
    found = session.fetch("SELECT $1::int[] AS a, $2::jsonb AS b, '100%' AS c", ((1, 2), {"k": (1, None)}))
    assert found.to_pylist() == [{"a": [1, 2], "b": '{"k": [1, null]}', "c": "100%"}]
    assert session.fetch("SELECT '100%s' AS c").to_pylist() == [{"c": "100%s"}]
    assert session.execute("CREATE TABLE t AS SELECT generate_series(1, 4) AS a") == 4
    assert session.fetch("DELETE FROM t WHERE a > 2 RETURNING a").num_rows == 2
    assert session.execute("UPDATE t SET a = a RETURNING a") == 2
    assert session.fetch("SET enable_sort = on").num_columns == 0
