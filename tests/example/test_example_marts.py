"""Compares the marts of example_project, built for real, with answers worked out from the raw files."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

import sqlflow
from sqlflow.core.ids import NodeKind
from tests.example.expected import DIGITS, EXACT, EXPECTED

PROJECT = Path(__file__).resolve().parents[2] / "example_project"
FILES = {
    "flights": "data/flights.parquet",
    "planes": "data/planes.parquet",
    "weather": "data/weather.parquet",
    "airports": "data/airports.csv",
    "airlines": "seeds/airlines.csv",
    "holidays": "seeds/holidays.csv",
}


class Rows:
    """What a query gave: its column names, and its rows as mappings from them."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.columns = tuple(columns)
        self.rows = [dict(zip(columns, row, strict=True)) for row in rows]


MARTS = tuple(EXPECTED)
Query = Callable[[str], Rows]


def _tolerance(mart: str, column: str) -> float:
    """Half of the last digit that the mart shows, and what adding in another order may change."""
    if column in DIGITS and (mart, column) not in EXACT:
        return 0.5 * 10.0 ** -DIGITS[column] + 1e-9
    return 1e-9


def _key(row: Mapping[str, object], columns: Sequence[str]) -> tuple[tuple[bool, str], ...]:
    return tuple((row[column] is None, str(row[column])) for column in columns)


def differences(mart: str, actual: Rows, expected: Rows) -> list[str]:
    """Says where a mart is not what it should be; rows are matched by all columns that are no fractions."""
    if set(actual.columns) != set(expected.columns):
        return [f"{mart}: columns {sorted(set(actual.columns) ^ set(expected.columns))} are only on one side"]
    if len(actual.rows) != len(expected.rows):
        return [f"{mart}: {len(actual.rows)} rows instead of {len(expected.rows)}"]
    fractions = {name for row in actual.rows for name, value in row.items() if isinstance(value, float)}
    key = sorted(set(actual.columns) - fractions)
    found: list[str] = []
    pairs = zip(
        sorted(actual.rows, key=lambda row: _key(row, key)),
        sorted(expected.rows, key=lambda row: _key(row, key)),
        strict=True,
    )
    for have, want in pairs:
        for column in actual.columns:
            if not _same(have[column], want[column], _tolerance(mart, column)):
                found.append(f"{mart}.{column}: {have[column]!r} instead of {want[column]!r} in {want}")
    return found


def _same(have: object, want: object, tolerance: float) -> bool:
    if isinstance(have, float) and isinstance(want, float | int):
        return abs(have - want) <= tolerance
    return have == want


def _duckdb_query(connection: duckdb.DuckDBPyConnection) -> Query:
    def run(sql: str) -> Rows:
        cursor = connection.execute(sql)
        assert cursor.description is not None
        return Rows([column[0] for column in cursor.description], cursor.fetchall())

    return run


@pytest.fixture(scope="session")
def raw() -> Iterator[Query]:
    """Asks the raw files."""
    connection = duckdb.connect()
    for name, file in FILES.items():
        connection.execute(f"create view {name} as select * from '{PROJECT / file}'")
    yield _duckdb_query(connection)
    connection.close()


@pytest.fixture(scope="session")
def expected(raw: Query) -> Mapping[str, Rows]:
    return {mart: raw(query) for mart, query in EXPECTED.items()}


def _copy_project(folder: Path) -> Path:
    return Path(
        shutil.copytree(
            PROJECT, folder / "flights", ignore=shutil.ignore_patterns("target", ".sqlflow", "*.duckdb*")
        )
    )


def _build(
    path: Path,
    target: str | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    forward_only: bool = False,
) -> list[sqlflow.Event]:
    """Builds a project to the end, and fails with what it reported where it did not work."""
    events = list(sqlflow.load(path, target=target, vars=variables or {}).build(forward_only=forward_only))
    wrong = [
        f"{event.name}: {event.status} {event.reason} {[str(found) for found in event.diagnostics]}"
        for event in events
        if isinstance(event, sqlflow.NodeFinished) and not event.status.is_good
    ]
    finished = [event.ok for event in events if isinstance(event, sqlflow.RunFinished)]
    assert finished == [True], "\n".join(wrong)
    return events


class Built(NamedTuple):
    """A project's folder after a build, and what the build reported."""

    folder: Path
    events: list[sqlflow.Event]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A copy of the project, built on DuckDB."""
    project = _copy_project(tmp_path_factory.mktemp("example"))
    return Built(project, _build(project))


@pytest.fixture
def warehouse(built: Built) -> Iterator[Query]:
    connection = duckdb.connect(str(built.folder / "flights.duckdb"), read_only=True)
    yield _duckdb_query(connection)
    connection.close()


def test_every_mart_has_an_answer() -> None:
    files = (PROJECT / "models" / "marts").rglob("*.*")
    assert {file.stem for file in files if file.suffix in {".sql", ".py"}} == set(MARTS)


@pytest.mark.parametrize("mart", MARTS)
def test_mart_on_duckdb(mart: str, warehouse: Query, expected: Mapping[str, Rows]) -> None:
    assert differences(mart, warehouse(f"select * from {mart}"), expected[mart]) == []


def test_the_compiler_knew_the_columns_that_were_built(built: Built) -> None:
    """Each model has the columns and types that are known of it without a warehouse."""
    project = sqlflow.load(built.folder)
    with duckdb.connect(str(built.folder / "flights.duckdb"), read_only=True) as connection:
        for node in project.nodes():
            if node.kind in (NodeKind.MODEL, NodeKind.SEED) and node.materialized != "ephemeral":
                told = {tuple(row[:2]) for row in connection.execute(f"describe {node.name}").fetchall()}
                known = {(column.name, str(column.type)) for column in project.schema(node.name).columns}
                assert known == told, node.name


def test_what_is_missing_from_the_registers_warns(built: Built, warehouse: Query, raw: Query) -> None:
    """Two tests warn and stop nothing; the rows of the one that asks for it are kept."""
    planes = raw("""
        select distinct tailnum from flights where dep_time is not null and tailnum is not null
        except select tailnum from planes
    """)
    flights = raw("select * from flights anti join airports on airports.faa = flights.dest")
    tests = [
        event for event in built.events if isinstance(event, sqlflow.NodeFinished) and event.kind == "test"
    ]
    warned = {event.rows: event.kept for event in tests if event.status is sqlflow.Status.WARN}
    assert set(warned) == {len(planes.rows), len(flights.rows)} == {721, 7602}
    assert warned[len(flights.rows)] is None

    kept = warehouse(f"select * from {warned[len(planes.rows)]}")

    assert len(kept.rows) == len(planes.rows)


def test_a_variable_changes_what_is_punctual(tmp_path: Path, raw: Query) -> None:
    project = _copy_project(tmp_path)

    _build(project, variables={"punctual_minutes": 5})

    want = raw("""
        select carrier as carrier_code, count_if(arr_delay < 5) / count(arr_delay) as punctual_share
        from flights group by carrier
    """)
    with duckdb.connect(str(project / "flights.duckdb"), read_only=True) as connection:
        have = _duckdb_query(connection)("select carrier_code, punctual_share from carrier_delays")
    assert differences("carrier_delays", have, want) == []


def _table(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Where the rows lie that the view of a model shows."""
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where starts_with(table_name, ?)",
        [f"{name}__"],
    ).fetchall()
    [(table,)] = found
    return table


def test_incremental_models_catch_up(built: Built, tmp_path: Path, expected: Mapping[str, Rows]) -> None:
    """What is missing or wrong in the last days is made good; what lies before is left as it is."""
    project = Path(shutil.copytree(built.folder, tmp_path / "flights"))
    untouched = datetime.date(2013, 6, 1)
    with duckdb.connect(str(project / "flights.duckdb")) as connection:
        days, months = (_table(connection, name) for name in ("fct_daily_operations", "fct_route_months"))
        connection.execute(f"delete from {days} where flight_date >= date '2013-12-30'")
        connection.execute(f"update {days} set flights = 0 where flight_date = date '2013-12-28'")
        connection.execute(f"update {days} set air_minutes = -1 where flight_date = ?", [untouched])
        connection.execute(f"delete from {months} where flight_month = date '2013-12-01'")
        connection.execute(f"update {months} set flights = 0 where flight_month = date '2013-11-01'")

    # The views read the files of another folder from now on, which is a change of code.
    _build(project, forward_only=True)

    with duckdb.connect(str(project / "flights.duckdb"), read_only=True) as connection:
        query = _duckdb_query(connection)
        days = query("select * from fct_daily_operations")
        for row in days.rows:
            if row["flight_date"] == untouched:
                assert row["air_minutes"] == -1
                row["air_minutes"] = next(
                    want["air_minutes"]
                    for want in expected["fct_daily_operations"].rows
                    if (want["flight_date"], want["origin_code"]) == (untouched, row["origin_code"])
                )
        assert differences("fct_daily_operations", days, expected["fct_daily_operations"]) == []
        for mart in set(MARTS) - {"fct_daily_operations"}:
            assert differences(mart, query(f"select * from {mart}"), expected[mart]) == []


def test_marts_on_postgres(
    postgres_database: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    expected: Mapping[str, Rows],
) -> None:
    psycopg = pytest.importorskip("psycopg")
    names = {
        "PGHOST": "host",
        "PGPORT": "port",
        "PGUSER": "user",
        "PGPASSWORD": "password",
        "PGDATABASE": "dbname",
    }
    for variable, setting in names.items():
        monkeypatch.setenv(variable, str(postgres_database.get(setting) or ""))

    _build(_copy_project(tmp_path), target="postgres")

    found: list[str] = []
    with psycopg.connect(**postgres_database) as connection:
        for mart in MARTS:
            cursor = connection.execute(f"select * from flights.{mart}")
            actual = Rows([column.name for column in cursor.description], cursor.fetchall())
            found += differences(mart, actual, expected[mart])
    assert found == []


def test_a_difference_is_seen(raw: Query) -> None:
    """The comparison itself: a row too few, a wrong number, a fraction beyond what rounding explains."""
    want = raw("select 'AA' as carrier_code, 10 as flights, 0.51234::double as punctual_share")
    near = raw("select 'AA' as carrier_code, 10 as flights, 0.5123::double as punctual_share")
    assert differences("carrier_delays", near, want) == []
    for wrong in (
        "select 'AA' as carrier_code, 10 as flights, 0.5125::double as punctual_share",
        "select 'AA' as carrier_code, 11 as flights, 0.5123::double as punctual_share",
        "select 'AA' as carrier_code, 10 as flights, null::double as punctual_share",
        "select 'AA' as carrier_code, 10 as flights, 0.5123::double as punctual_share where false",
        "select 'AA' as carrier_code, 10 as flights",
    ):
        assert differences("carrier_delays", raw(wrong), want) != [], wrong
