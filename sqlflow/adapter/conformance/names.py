"""Checks of names, columns or settings."""

from __future__ import annotations

import os
import time

import pyarrow as pa

from sqlflow.adapter.conformance.harness import (
    SOON,
    Harness,
    create_table,
    expect,
    expect_equal,
    failure_of,
    open_sessions,
    rows_of,
    slow_query,
    table,
    together,
)
from sqlflow.adapter.protocol import FailureKind
from sqlflow.core.relation import Comments, Grant, Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import literal, quote, relation_sql, shorten


def check_settings(harness: Harness) -> None:
    """The adapter's names are usable: settings are unique, and none is one of sqlflow's own."""
    names = [setting.name for setting in harness.adapter.settings]
    expect_equal(len(names), len(set(names)), "the number of settings of different names")
    taken = {"type", "schema", "database", "threads"} & set(names)
    expect(not taken, f"settings that are sqlflow's own: {', '.join(sorted(taken))}")
    expect(bool(harness.adapter.name), "the adapter has no name")


def check_odd_names(harness: Harness) -> None:
    """Quoted names can hold anything, and come back as they are."""
    spec = harness.adapter.spec
    with open_sessions(harness) as (session,):
        for part in (
            "with space",
            'quo"te',
            "do.t",
            "Mixed Case",
            "select",
            "日本é",
            "semi;colon--",
            "per%cent$1",
        ):
            relation = table(part)
            name, column = relation_sql(spec, relation), quote(spec, part)
            session.execute(f"CREATE TABLE {name} ({column} {column_type(spec, pa.int64())})")
            expect_equal(session.load(relation, pa.table({part: [7]})), 1, f"the rows loaded into {part!r}")
            found = session.fetch(f"SELECT {column} FROM {name}")
            expect_equal(found.to_pylist(), [{part: 7}], f"the rows of {part!r}")
            columns = session.columns(relation) or ()
            expect_equal([one.name for one in columns], [part], f"the columns of {part!r}")
            expect(
                relation.identifier in session.relations(None, spec.default_schema), f"{part!r} is not listed"
            )


def check_long_names(harness: Harness) -> None:
    """Two names of the longest length that the dialect names are two names."""
    spec = harness.adapter.spec
    names = [shorten(spec, f"sqlflow_check_{'long_' * 100}{number}") for number in (1, 2)]
    with open_sessions(harness) as (session,):
        for name in names:
            session.execute(f"CREATE TABLE {quote(spec, name)} (a {column_type(spec, pa.int64())})")
        listed = session.relations(None, spec.default_schema)
        expect(all(name in listed for name in names), "a name of the longest length was changed")


def check_describe(harness: Harness) -> None:
    """A query's columns are known without running it."""
    with open_sessions(harness) as (session,):
        _, name = create_table(harness, session, "describe", a=pa.int64(), b=pa.string())
        slow = slow_query(session, name)
        began = time.monotonic()
        expect_equal([column.name for column in session.describe(slow)], ["n"], "the columns of a query")
        expect(time.monotonic() - began < SOON, "describe ran the query")
        found = session.describe(f"SELECT b AS x, a FROM {name} -- a comment at the end")
        expect_equal([column.name for column in found], ["x", "a"], "the columns of a query")
        expect(all(column.type for column in found), "a column has no type")
        failure = failure_of(harness, lambda: session.describe("SELECT a FROM sqlflow_check_nowhere"))
        expect_equal(failure.kind, FailureKind.MISSING, "describing a query on a table that is not there")


def check_catalog(harness: Harness) -> None:
    """Tables and views are listed with their columns; what is not there is None, and no error."""
    spec = harness.adapter.spec
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "catalog", b=pa.string(), a=pa.int64())
        view = table("catalog_view")
        session.execute(f"CREATE VIEW {relation_sql(spec, view)} AS SELECT a AS x FROM {name}")
        listed = session.relations(None, spec.default_schema)
        expect_equal(listed.get(relation.identifier), RelationKind.TABLE, "the kind of a table")
        expect_equal(listed.get(view.identifier), RelationKind.VIEW, "the kind of a view")
        expect_equal(
            dict(session.relations(None, "sqlflow_check_no_schema")), {}, "a schema that is not there"
        )
        expect_equal([one.name for one in session.columns(relation) or ()], ["b", "a"], "a table's columns")
        in_schema = relation._replace(schema=spec.default_schema)
        expect_equal(session.columns(in_schema), session.columns(relation), "the columns with a schema")
        expect_equal([one.name for one in session.columns(view) or ()], ["x"], "a view's columns")
        strict = table("catalog_strict")
        kind = next(one.type for one in session.columns(relation) or () if one.name == "a")
        session.execute(f"CREATE TABLE {relation_sql(spec, strict)} (a {kind} NOT NULL, b {kind})")
        expect_equal(dict(session.nullable(strict)), {"a": False, "b": True}, "which columns may hold NULL")
        expect_equal(dict(session.nullable(view)), {}, "what is said of a view's columns and NULL")
        with together(harness, session):
            missing = (table("nowhere"), Relation(None, "sqlflow_check_no_schema", "nowhere"))
            for one in missing:
                expect_equal(session.columns(one), None, "the columns of what is not there")
                expect_equal(
                    dict(session.nullable(one)), {}, "which columns of what is not there may hold NULL"
                )
            session.execute(f"INSERT INTO {name} VALUES ('x', 1)")
        expect_equal(len(rows_of(session, name)), 1, "rows after asking for what is not there")


def check_offline(harness: Harness) -> None:
    """An engine inside this process, where there is one, tells types and reads no other file than it may."""
    spec = harness.adapter.spec
    paths = [os.path.join(harness.root, f"sqlflow_check_{name}.csv") for name in ("open", "closed")]
    for path in paths:
        with open(path, "w", encoding="utf-8") as file:
            file.write("a,b\n1,x\n")
    warehouse = harness.adapter.offline(paths[:1])
    if warehouse is None:
        return
    session, other = warehouse.session(), warehouse.session()
    try:
        kind = column_type(spec, pa.int64())
        name = relation_sql(spec, table("offline"))
        session.execute(f"CREATE TABLE {name} (a {kind})")
        found = session.describe(f"SELECT a AS x FROM {name}")
        expect_equal([tuple(one) for one in found], [("x", kind)], "the columns of a query")
        failure_of(harness, lambda: other.describe(f"SELECT a FROM {name}"))
        reader = spec.file_readers.get(".csv")
        if reader is not None:
            readable, closed = (f"SELECT * FROM {reader}({literal(spec, path)})" for path in paths)
            found = session.describe(readable)
            expect_equal([one.name for one in found], ["a", "b"], "the columns of a file that it may read")
            failure = failure_of(harness, lambda: session.describe(closed))
            expect_equal(failure.kind, FailureKind.PERMISSION, "reading another file")
    finally:
        session.close()
        other.close()
        warehouse.close()


def check_dependents(harness: Harness) -> None:
    """Where views hold on to a table, those that read it are known, in the order to make them again."""
    spec = harness.adapter.spec
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "base", a=pa.int64())
        first, second = table("z_first"), table("a_second")
        session.execute(f"CREATE VIEW {relation_sql(spec, first)} AS SELECT a FROM {name}")
        session.execute(
            f"CREATE VIEW {relation_sql(spec, second)} AS SELECT a FROM {relation_sql(spec, first)}"
        )
        found = session.dependents(relation)
        names = [] if spec.views_bind_by_name else [first.identifier, second.identifier]
        expect_equal([one.relation.identifier for one in found], names, "the views on a table")
        readers = {(one.view.identifier, one.reads.identifier) for one in session.readers([relation, first])}
        pairs = set(zip(names, (relation.identifier, *names), strict=False))
        expect_equal(readers, pairs, "who reads what of a table and a view")
        for one in found:
            expect_equal(
                [c.name for c in session.describe(one.query)], ["a"], "the columns of a view's query"
            )
        expect_equal(session.grants(relation), (), "the grants on a new table")


def check_grants(harness: Harness) -> None:
    """What is granted is told, and is gone when it is taken away, where the engine has grants."""
    spec = harness.adapter.spec
    if not spec.privileges:
        return
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "grants", a=pa.int64())
        view = table("grants_view")
        session.execute(f"CREATE VIEW {relation_sql(spec, view)} AS SELECT a FROM {name}")
        for one in (relation, view):
            wanted = (Grant("INSERT", None), Grant("SELECT", None))
            for statement in sql.grant(spec, one, wanted):
                session.execute(statement)
            expect_equal(set(session.grants(one)), set(wanted), "what was granted to everybody")
            for statement in sql.revoke(spec, one, wanted[:1]):
                session.execute(statement)
            expect_equal(session.grants(one), wanted[1:], "what is left of it")
        for statement in sql.grant(spec, relation, [Grant("UPDATE", None, "a")]):
            session.execute(statement)
        expect(Grant("UPDATE", None, "a") in session.grants(relation), "a grant on a column is not told")


def check_comments(harness: Harness) -> None:
    """Comments come back as they were written, for each column, where the engine has comments."""
    spec = harness.adapter.spec
    if not spec.comments:
        return
    text = 'it\'s "quoted"\nand \\ goes on, é日本'
    with open_sessions(harness) as (session,):
        relation, name = create_table(harness, session, "comments", a=pa.int64(), B=pa.int64())
        view = table("comments_view")
        session.execute(f"CREATE VIEW {relation_sql(spec, view)} AS SELECT a FROM {name}")
        for kind, one, columns in (
            (RelationKind.TABLE, relation, ["a", "B"]),
            (RelationKind.VIEW, view, ["a"]),
        ):
            nothing = Comments(None, dict.fromkeys(columns))
            expect_equal(session.comments(one), nothing, "the comments on what is new")
            session.execute(sql.comment(spec, kind, one, text))
            session.execute(sql.comment_column(spec, one, columns[-1], text))
            found = Comments(text, {**nothing.columns, columns[-1]: text})
            expect_equal(session.comments(one), found, "the comments that were written")
            in_schema = one._replace(schema=spec.default_schema)
            expect_equal(session.comments(in_schema), found, "the comments with a schema")
            session.execute(sql.comment(spec, kind, one, None))
            session.execute(sql.comment_column(spec, one, columns[-1], None))
            expect_equal(session.comments(one), nothing, "the comments after they were taken away")
