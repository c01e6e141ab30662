"""Builds of snapshots: what a further one adds, what it refuses, which columns there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.schema import Nullability
from tests.apply.projects import Project, Run, source_text

CHECK: dict[str, Any] = {"unique_key": "id", "strategy": "check", "check_cols": "all"}
BY_TIME: dict[str, Any] = {"unique_key": "id", "strategy": "timestamp", "updated_at": "changed"}
FOREVER = "CAST('9999-12-31' AS TIMESTAMP)"
START = datetime(2024, 1, 1, tzinfo=UTC)


class Clock:
    """The clock of all runs; each test sets it on."""

    def __init__(self) -> None:
        self.now = START

    def on(self, days: int) -> None:
        self.now = START + timedelta(days=days)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: clock.now)
    return clock


def build(project: Project, query: str, config: dict[str, Any], **options: Any) -> Run:
    settings = ", ".join(f"{key}={value!r}" for key, value in config.items())
    return project.build({"snapshots/s.sql": f"{{{{ config({settings}) }}}}\n{query}"}, force=True, **options)


def stopped(project: Project, query: str, config: dict[str, Any]) -> Diagnostic:
    """What stops a build before it begins."""
    with pytest.raises(ProjectError) as error:
        build(project, query, config)
    [diagnostic] = error.value.diagnostics
    return diagnostic


def rows(*values: str) -> str:
    return " union all ".join(f"select {value}" for value in values)


def people(*names: tuple[int, str]) -> str:
    return rows(*(f"{id} as id, '{name}' as name" for id, name in names))


def kept(project: Project, columns: str = "id, name") -> list[tuple[Any, ...]]:
    """The versions, with the days on which they begin and end."""
    found = project.rows(f"select {columns}, dbt_valid_from, dbt_valid_to from s order by id, dbt_valid_from")
    return [
        (*row[:-2], *(None if at is None else (at - START.replace(tzinfo=None)).days for at in row[-2:]))
        for row in found
    ]


def test_rows_that_change_go_and_come_back(project: Project, clock: Clock) -> None:
    config = {**CHECK, "hard_deletes": "invalidate"}
    for day, source in enumerate([people((1, "a"), (2, "b")), people((1, "z")), people((1, "z"), (2, "b"))]):
        clock.on(day)
        run = build(project, source, config).check()
        assert run.nodes["s"].rows == (2, 1, 1)[day]
    assert kept(project) == [(1, "a", 0, 1), (1, "z", 1, None), (2, "b", 0, 1), (2, "b", 2, None)]
    assert list(project.warehouse.names()) == ["s"]


def test_a_deleted_row_as_a_version(project: Project, clock: Clock) -> None:
    project.built()
    build(project, people((1, "a")), CHECK).check()
    for day, source in enumerate([people((2, "b")), people((2, "b")), people((1, "c"), (2, "b"))], 1):
        clock.on(day)
        build(project, source, {**CHECK, "hard_deletes": "new_record"}).check()
    assert kept(project, "id, name, dbt_is_deleted") == [
        (1, "a", "False", 0, 1),
        (1, "a", "True", 1, 3),
        (1, "c", "False", 3, None),
        (2, "b", "False", 1, None),
    ]


def test_another_end_of_what_is_current_and_other_names(project: Project, clock: Clock) -> None:
    names = {"dbt_valid_to": "until", "dbt_scd_id": "version_id"}
    config = {**CHECK, "dbt_valid_to_current": FOREVER, "snapshot_meta_column_names": names}
    build(project, people((1, "a")), config).check()
    clock.on(1)
    build(project, people((1, "b")), config).check()
    found = project.rows("select name, until from s order by until")
    assert found == [("a", datetime(2024, 1, 2)), ("b", datetime(9999, 12, 31))]
    [(first, second)] = [tuple(v for (v,) in project.rows("select version_id from s order by until"))]
    assert first != second and len(first) == 32

    without = {key: value for key, value in config.items() if key != "dbt_valid_to_current"}
    [diagnostic] = build(project, people((1, "c")), without).diagnostics
    assert diagnostic.code == "SF0705" and "end in the future" in diagnostic.message
    assert len(project.rows("select * from s")) == 2


def test_columns_come_and_go_and_widen(project: Project, clock: Clock) -> None:
    sources = [
        "1 as id, cast(1 as smallint) as n, 'x' as old",
        "1 as id, cast(100000 as integer) as n, 'y' as new",
        "1 as id, cast(7 as smallint) as n, 'y' as new",
    ]
    for day, source in enumerate(sources):
        clock.on(day)
        build(project, rows(source), CHECK).check()
    assert kept(project, "id, n, old, new") == [
        (1, 1, "x", None, 0, 1),
        (1, 100000, None, "y", 1, 2),
        (1, 7, None, "y", 2, None),
    ]
    assert project.warehouse.columns("s")["n"].lower() == "integer"


def test_a_column_that_can_not_be_kept(project: Project) -> None:
    build(project, people((1, "a")), CHECK).check()
    diagnostic = stopped(project, rows("1 as id, cast('2024-01-01' as date) as name"), CHECK)
    assert diagnostic.code == "SF0703" and "`name` is" in diagnostic.message
    assert kept(project) == [(1, "a", *kept(project)[0][2:])]


def test_a_new_column_is_taken_for_a_change_where_it_is_compared(project: Project, clock: Clock) -> None:
    wider = rows("1 as id, 'a' as name, cast(null as integer) as n")
    for day, columns in enumerate((["name"], ["name", "n"], ["name", "n"]), 1):
        clock.on(day)
        build(project, wider if day > 1 else people((1, "a")), {**CHECK, "check_cols": columns}).check()
    assert kept(project) == [(1, "a", 1, 2), (1, "a", 2, None)]


def at(id: int, name: str, changed: str, kind: str = "timestamp") -> str:
    return f"{id} as id, '{name}' as name, cast('{changed}' as {kind}) as changed"


@pytest.mark.parametrize("kind", ["timestamp", "timestamp with time zone", "date"])
def test_by_the_time_that_a_row_tells(project: Project, clock: Clock, kind: str) -> None:
    config = {**BY_TIME, "hard_deletes": "invalidate"}
    sources = [
        [at(1, "a", "2024-01-02", kind), at(2, "b", "2024-01-02", kind)],
        [at(1, "new", "2024-01-05", kind)],
        [at(1, "older", "2024-01-04", kind), at(2, "back", "2024-01-02", kind)],
    ]
    for day, source in enumerate(sources):
        clock.on(10 + day)
        build(project, rows(*source), config).check()
    found = project.rows("select id, name, dbt_valid_from, dbt_valid_to from s order by 1, 3")
    days = [
        (id, name, *(None if t is None else t.replace(tzinfo=None).day for t in times))
        for id, name, *times in found
    ]
    assert days == [(1, "a", 2, 5), (1, "new", 5, None), (2, "b", 2, 12), (2, "back", 13, None)]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        (rows(at(1, "a", "2024-01-01"), at(1, "b", "2024-01-02")), "hold a unique_key more than once"),
        (
            rows(at(1, "a", "2024-01-01")).replace("1 as id", "cast(null as integer) as id"),
            "NULL in their",
        ),
        (rows("1 as id, 'a' as name, cast(null as timestamp) as changed"), "hold NULL in `changed`"),
    ],
)
def test_rows_that_are_refused(project: Project, source: str, said: str, later: bool) -> None:
    if later:
        build(project, rows(at(1, "a", "2024-01-01")), BY_TIME).check()
    [diagnostic] = build(project, source, BY_TIME).diagnostics
    assert diagnostic.code == "SF0705" and said in diagnostic.message and diagnostic.notes
    assert list(project.warehouse.names()) == (["s"] if later else [])
    if later:
        assert len(project.rows("select * from s")) == 1


def test_history_is_never_made_anew(project: Project, clock: Clock) -> None:
    build(project, people((1, "a")), CHECK).check()
    clock.on(1)
    run = build(project, people((1, "b")), CHECK, full_refresh=True).check()
    assert run.nodes["s"].reason == "history is not made anew"
    assert kept(project) == [(1, "a", 0, 1), (1, "b", 1, None)]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("create view s as select 1 as id", "what has its name is a view"),
        ("create table s as select 1 as id", "has no column `dbt_scd_id`"),
    ],
)
def test_what_is_no_history(project: Project, there: str, said: str) -> None:
    project.built({"m": "select 1 as id"})
    project.warehouse.execute(there)
    [diagnostic] = build(project, people((1, "a")), CHECK).diagnostics
    assert diagnostic.code == "SF0710" and said in diagnostic.message
    assert source_text(project, diagnostic) == ""
    assert project.rows("select * from s") == [(1,)]


def test_another_key_than_the_history_has(project: Project) -> None:
    source = rows("1 as id, 'a' as name, 1 as part", "2 as id, 'b' as name, 1 as part")
    build(project, source, CHECK).check()
    [diagnostic] = build(project, rows("1 as id, 1 as part"), {**CHECK, "unique_key": "part"}).diagnostics
    assert diagnostic.code == "SF0705" and "more than one current version" in diagnostic.message
    diagnostic = stopped(project, rows("1 as id, 1 as more"), {**CHECK, "unique_key": "more"})
    assert diagnostic.code == "SF0703" and "`more`" in diagnostic.message


def test_times_of_another_kind(project: Project) -> None:
    build(project, rows(at(1, "a", "2024-01-01")), BY_TIME).check()
    zoned = rows(at(1, "b", "2024-01-02", "timestamp with time zone"))
    diagnostic = stopped(project, zoned, BY_TIME)
    assert diagnostic.code == "SF0703" and "`changed`" in diagnostic.help
    assert len(project.rows("select * from s")) == 1


def test_an_audit_keeps_what_is_published(project: Project, clock: Clock) -> None:
    project.write(
        {"snapshots/s.yml": "snapshots: [{name: s, columns: [{name: name, data_tests: [not_null]}]}]"}
    )
    build(project, people((1, "a")), CHECK).check()
    clock.on(1)
    run = build(project, rows("1 as id, cast(null as varchar) as name"), CHECK)
    assert run.statuses["s"] == "fail"
    assert kept(project) == [(1, "a", 0, None)]


def test_readers_and_hooks(project: Project, clock: Clock) -> None:
    project.write({"below": "select name from {{ ref('s') }} where dbt_valid_to is null"})
    hook = "create table hooked as select count(*) as n from {{ this }}"
    build(project, people((1, "a")), {**CHECK, "post_hook": hook}).check()
    clock.on(1)
    build(project, people((1, "b")), CHECK).check()
    assert project.rows("select * from below") == [("b",)]
    assert project.rows("select n from hooked") == [(1,)]


@pytest.mark.parametrize(
    "config",
    [
        {**CHECK, "hard_deletes": "new_record"},
        {**BY_TIME, "dbt_valid_to_current": FOREVER},
        {**CHECK, "updated_at": "day", "unique_key": ["id", "name"]},
        {**BY_TIME, "updated_at": "zoned"},
    ],
)
def test_columns_are_those_that_were_told(project: Project, config: dict[str, Any], clock: Clock) -> None:
    source = rows(
        at(1, "a", "2024-01-01") + ", date '2024-01-01' as day, cast('2024-01-01' as timestamptz) as zoned"
    )
    build(project, source, config).check()
    clock.on(1)
    build(project, source.replace("'a'", "'b'").replace("select", "select 1 as young,"), config).check()
    told = project.load().schema("s")
    there = {name: kind.upper() for name, kind in project.warehouse.columns("s").items()}
    assert {column.name: str(column.type) for column in told.columns} == there
    for column in told.columns:
        held = project.rows(f"select count(*) from s where {column.name} is null")[0][0]
        assert not (held and column.null is Nullability.NOT_NULL), column.name
    assert {"dbt_scd_id", "dbt_valid_from", "id"} <= {
        column.name for column in told.columns if column.null is Nullability.NOT_NULL
    }
