"""Readers see the old rows or the new ones, whatever happens while they read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.apply.projects import Project, Run

ROWS = 300


def table(value: int, *, columns: str = "", **config: Any) -> str:
    """A table of ROWS rows that all hold the value."""
    settings = "".join(f", {key}={setting!r}" for key, setting in config.items())
    series = f"select * from (values {', '.join(f'({i})' for i in range(ROWS))}) as s (id)"
    return (
        f"{{{{ config(materialized='table'{settings}) }}}} "
        f"select id, {value} as v{columns} from ({series}) as q"
    )


@contextmanager
def polled(connect: Callable[[], Any], *queries: str) -> Iterator[list[Any]]:
    """Asks queries all the while, each on a connection of its own; what they gave or raised is collected."""
    seen: list[Any] = []
    ended = threading.Event()

    def poll(query: str) -> None:
        connection = connect()
        try:
            while not ended.is_set():
                try:
                    seen.append(tuple(connection.execute(query).fetchall()[0]))
                except Exception as error:
                    seen.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=poll, args=(query,)) for query in queries]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join()


POLL = "select count(*), min(v), max(v) from {}"


def whole(seen: list[Any]) -> bool:
    """Whether each answer was all rows of one build."""
    return bool(seen) and all(isinstance(row, tuple) and row[0] == ROWS and row[1] == row[2] for row in seen)


@pytest.mark.parametrize("config", [{}, {"indexes": [{"columns": ["id"], "unique": True}]}])
def test_rebuilt_table_is_always_whole(pg: Project, config: dict[str, Any]) -> None:
    pg.built({"t": table(0, **config)})
    with polled(pg.warehouse.connect, POLL.format("t"), POLL.format("t")) as seen:
        for value in range(1, 15):
            pg.built({"t": table(value, **config)})
    assert whole(seen), [row for row in seen if not whole([row])][:3]
    assert len(set(seen)) > 3
    assert list(pg.warehouse.names()) == ["t"]


@pytest.mark.parametrize("changing", [False, True])
def test_foreign_views_stay_whole(pg: Project, changing: bool) -> None:
    """Views of others, one on another, on a table that keeps its columns or gets new ones each time."""
    index = {"indexes": [{"columns": ["id"]}]}
    pg.built({"t": table(0, **index)})
    pg.warehouse.execute(
        "create view theirs as select id, v from t where v >= 0",
        "create view second as select a.id, a.v from theirs a join t b on a.id = b.id and a.v = b.v",
    )
    queries = [POLL.format(name) for name in ("t", "theirs", "second", "second")]
    with polled(pg.warehouse.connect, *queries) as seen:
        for value in range(1, 15):
            extra = f", {value} as c{value}" if changing else ""
            pg.built({"t": table(value, columns=extra, **index)})
    assert whole(seen), [row for row in seen if not whole([row])][:3]
    assert len(set(seen)) > 3
    assert set(pg.warehouse.names()) == {"t", "theirs", "second"}
    assert pg.rows("select max(v) from second") == [(14,)]
    assert pg.rows("select indexname from pg_indexes where schemaname = 'public'") == [("t__id__idx",)]


def test_own_views_follow(pg: Project) -> None:
    """A view of the project that reads a column which goes away waits for its own turn."""
    files = {"t": table(1, columns=", 5 as gone"), "v": "select id, gone as v from t"}
    pg.built(files)
    run = pg.built({"t": table(2), "v": "select id, v from t"})
    assert run.nodes["t"].reason == "the old rows stay for public.v until it is built"
    assert pg.rows(POLL.format("v")) == [(ROWS, 2, 2)]
    assert set(pg.warehouse.names()) == {"t", "v"}


def test_own_view_that_fails_keeps_the_old_rows_until_it_is_right(pg: Project) -> None:
    pg.built({"t": table(1, columns=", 5 as gone"), "v": "select id, gone as v from t"})
    run = pg.build({"t": table(2), "v": "select id, no_such_function() as v from t"})
    assert run.statuses == {"t": "success", "v": "error"}
    assert pg.rows(POLL.format("v")) == [(ROWS, 5, 5)]
    assert pg.rows(POLL.format("t")) == [(ROWS, 2, 2)]
    pg.built({"v": "select id, v from t"})
    assert pg.rows(POLL.format("v")) == [(ROWS, 2, 2)]
    assert set(pg.warehouse.names()) == {"t", "v"}


def overtaken(project: Project, files: Mapping[str, str], *statements: str) -> Run:
    """Builds what was looked at before somebody sent statements."""
    running = project.write(files).load().build()
    project.warehouse.execute(*statements)
    return Run(list(running))


def test_views_in_the_way_are_named(pg: Project) -> None:
    pg.built({"t": table(1, columns=", 5 as gone"), "below": "select * from t"})
    view = "create view theirs as select id, gone as v from t"
    run = overtaken(pg, {"t": table(2)}, view)
    [diagnostic] = run.diagnostics
    assert (diagnostic.code, "`public.theirs`" in diagnostic.message) == ("SF0704", True)
    assert diagnostic.span is not None and diagnostic.span.path == "models/t.sql"
    assert run.statuses == {"t": "error", "below": "skipped"}
    assert pg.rows(POLL.format("t")) == pg.rows("select count(*), min(1), max(1) from t")
    assert pg.rows(POLL.format("theirs")) == [(ROWS, 5, 5)]
    assert set(pg.warehouse.names()) == {"t", "below", "theirs"}


def test_views_of_others_that_may_not_be_replaced_are_named(pg: Project, tmp_path: Any) -> None:
    pg.warehouse.execute(
        "create role builder login",
        "create role other login",
        "grant all on schema public to builder, other",
        "create schema _sqlflow authorization builder",
    )
    try:
        mine = pg.warehouse.target
        pg.settings["targets"] = {"dev": {**mine, "user": "builder"}}
        pg.built({"t": table(1)})
        pg.warehouse.execute(
            "grant select on t to other",
            "create view theirs as select * from t",
            "alter view theirs owner to other",
        )
        pg.built({"t": table(2)})
        assert pg.rows(POLL.format("theirs")) == [(ROWS, 2, 2)]
        changed = {"t": table(3, columns=", 1 as more")}
        [early] = pg.stopped(changed)
        pg.warehouse.execute("alter view theirs owner to builder")
        [late] = overtaken(pg, changed, "alter view theirs owner to other").diagnostics
        assert early == late and early.code == "SF0704"
        assert early.message == (
            "`t` is read by views that can't be replaced by the user of this target: `public.theirs`"
        )
        assert pg.rows(POLL.format("theirs")) == [(ROWS, 2, 2)]
    finally:
        pg.warehouse.execute("drop owned by builder cascade", "drop owned by other cascade")
        pg.warehouse.execute("drop role builder", "drop role other")


def test_materialized_views_in_the_way_are_named(pg: Project) -> None:
    pg.built({"t": table(1)})
    view = "create materialized view theirs as select * from t"
    changed = {"t": table(2, columns=", 1 as more")}
    # It may come between a look and the replacing of the table.
    [late] = overtaken(pg, changed, view).diagnostics
    [early] = pg.stopped(changed)
    assert early == late and early.code == "SF0704" and "`public.theirs`" in early.message
    assert pg.rows(POLL.format("t")) == [(ROWS, 1, 1)]
    pg.built({"t": table(2)})
    pg.warehouse.execute("refresh materialized view theirs")
    assert pg.rows(POLL.format("theirs")) == [(ROWS, 2, 2)]


def test_grants_survive(pg: Project) -> None:
    pg.warehouse.execute("create role reader")
    try:
        pg.built({"t": table(1), "v": "select id, v from t"})
        pg.warehouse.execute("grant select, insert on t to reader", "grant select (id) on v to reader")
        asked = (
            "select table_name, privilege_type, column_name from information_schema.column_privileges "
            "where grantee = 'reader' order by 1, 2, 3"
        )
        before = pg.rows(asked)
        pg.built({"t": table(2, columns=", 1 as more"), "v": "select v, id from t"})
        assert pg.rows("select has_table_privilege('reader', 't', 'select')") == [(True,)]
        assert [row for row in pg.rows(asked) if row[2] != "more"] == before
    finally:
        pg.warehouse.execute("drop owned by reader", "drop role reader")


def test_foreign_view_keeps_its_options(pg: Project) -> None:
    pg.built({"t": table(1)})
    pg.warehouse.execute("create view theirs with (security_barrier=true) as select id, v from t")
    pg.built({"t": table(2, columns=", 1 as more")})
    assert pg.rows("select reloptions from pg_class where relname = 'theirs'") == [
        (["security_barrier=true"],)
    ]


def test_siblings_under_one_view_do_not_block_each_other(pg: Project) -> None:
    """Many tables that one foreign view reads are rebuilt at once, with new columns, while it is read."""
    names = [f"t{i}" for i in range(6)]
    pg.threads = 6
    pg.built({name: table(0) for name in names})
    union = " union all ".join(f"select id, v from {name}" for name in names)
    pg.warehouse.execute(
        f"create view everything as {union}",
        f"create view reversed as {' union all '.join(f'select id, v from {n}' for n in reversed(names))}",
        "create view both_ways as select a.id, b.v from everything a join reversed b using (id)",
    )
    with polled(
        pg.warehouse.connect, "select count(*) from everything", "select count(*) from reversed"
    ) as seen:
        for value in range(1, 6):
            pg.built({name: table(value, columns=f", 1 as c{value}") for name in names})
    assert set(seen) == {(ROWS * len(names),)}
    assert pg.rows("select min(v), max(v) from everything") == [(5, 5)]
    assert set(pg.warehouse.names()) == {*names, "everything", "reversed", "both_ways"}


def test_duckdb_readers_see_whole_tables(duck: Project) -> None:
    duck.built({"t": table(0), "v": "select id, v from t"})
    with polled(duck.warehouse.connect, POLL.format("t"), POLL.format("v")) as seen:
        for value in range(1, 15):
            duck.built({"t": table(value, indexes=[{"columns": ["id"]}])})
    assert whole(seen), [row for row in seen if not whole([row])][:3]
    assert len(set(seen)) > 3


BROKEN = {
    "query": (table(2).replace("select id, 2", "select id, 1 / cast('x' as integer)"), "SF0701"),
    "pre_hook": (table(2, pre_hook="select nothing"), "SF0701"),
    "post_hook": (table(2, post_hook="insert into {{ this }} select nothing"), "SF0701"),
    "index": (table(2, indexes=[{"columns": ["v"], "unique": True}]), "SF0701"),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("view", [False, True])
def test_what_fails_leaves_the_old_rows(project: Project, what: str, view: bool) -> None:
    project.built({"t": table(1, indexes=[{"columns": ["id"]}])})
    if view:
        project.warehouse.execute("create view theirs as select id, v from t")
    text, code = BROKEN[what]
    run = project.build({"t": text})
    assert [d.code for d in run.diagnostics] == [code]
    assert project.rows(POLL.format("t")) == [(ROWS, 1, 1)]
    assert set(project.warehouse.names()) == ({"t", "theirs"} if view else {"t"})
    project.built({"t": table(3)})
    assert project.rows(POLL.format("t")) == [(ROWS, 3, 3)]


@pytest.mark.parametrize("what", BROKEN)
def test_what_fails_at_first_leaves_nothing(project: Project, what: str) -> None:
    run = project.build({"t": BROKEN[what][0]})
    assert run.statuses == {"t": "error"}
    assert project.warehouse.names() == {}
