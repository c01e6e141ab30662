from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlflow.adapter.protocol import FailureKind, Session
from sqlflow.adapter.registry import find_adapter
from sqlflow.core.relation import Relation
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.specs import POSTGRES
from tests.servers import PostgresServer

TABLE = Relation(None, None, "t")


@pytest.fixture(scope="module")
def session(postgres: PostgresServer) -> Iterator[Session]:
    adapter = find_adapter("postgres")
    assert adapter is not None
    with postgres.database() as database:
        warehouse = adapter.open(database, "/")
        made = warehouse.session()
        yield made
        made.close()
        warehouse.close()


def make_table(session: Session, columns: str) -> None:
    session.execute("DROP TABLE IF EXISTS t")
    session.execute(f"CREATE TABLE t ({columns})")


def round_trip(session: Session, arrow: pa.DataType, values: list[Any]) -> pa.ChunkedArray:
    make_table(session, f"n int, a {column_type(POSTGRES, arrow)}")
    rows = pa.table({"n": range(len(values)), "a": pa.array(values, arrow)})
    assert session.load(TABLE, rows) == len(values)
    return session.fetch("SELECT a FROM t ORDER BY n").column("a")


@pytest.mark.parametrize(
    ("sql", "arrow", "value"),
    [
        ("1::smallint", pa.int16(), 1),
        ("1", pa.int32(), 1),
        ("1::bigint", pa.int64(), 1),
        ("'pg_class'::regclass::oid", pa.int64(), 1259),
        ("0.1::real", pa.float32(), pytest.approx(0.1)),
        ("'-infinity'::float8", pa.float64(), float("-inf")),
        ("1.5::numeric(10, 2)", pa.decimal128(10, 2), Decimal("1.50")),
        ("12300::numeric(3, -2)", pa.decimal128(5, 0), Decimal(12300)),
        ("0.00012::numeric(2, 5)", pa.decimal128(5, 5), Decimal("0.00012")),
        ("1.5::numeric(50, 2)", pa.decimal256(50, 2), Decimal("1.50")),
        ("1.5::numeric(500, 2)", pa.string(), "1.50"),
        ("1.25::numeric", pa.decimal128(38, 9), Decimal("1.250000000")),
        ("1e-12::numeric", pa.decimal128(13, 12), Decimal("1e-12")),
        ("1e40::numeric", pa.decimal256(41, 0), Decimal("1e40")),
        ("1e100::numeric + 1", pa.string(), "1" + "0" * 99 + "1"),
        ("'NaN'::numeric", pa.float64(), pytest.approx(float("nan"), nan_ok=True)),
        ("'x'::char(3)", pa.string(), "x  "),
        ("'x'::name", pa.string(), "x"),
        ("true", pa.bool_(), True),
        ("date '2024-02-29'", pa.date32(), date(2024, 2, 29)),
        ("time '01:02:03.5'", pa.time64("us"), time(1, 2, 3, 500_000)),
        ("time '24:00'", pa.time64("us"), time(23, 59, 59, 999_999)),
        ("timetz '01:02:03+02'", pa.string(), "01:02:03+02"),
        ("timestamp '2024-01-01 00:00:00.25'", pa.timestamp("us"), datetime(2024, 1, 1, 0, 0, 0, 250_000)),
        (
            "timestamptz '2024-01-01 00:00+02'",
            pa.timestamp("us", tz="UTC"),
            datetime(2023, 12, 31, 22, tzinfo=UTC),
        ),
        (
            "interval '1 year -2 mons 3 days -04:05:06.7'",
            pa.month_day_nano_interval(),
            pa.MonthDayNano([10, 3, -14_706_700_000_000]),
        ),
        ("interval '0'", pa.month_day_nano_interval(), pa.MonthDayNano([0, 0, 0])),
        ("'5ef4c9a2-0000-4000-8000-000000000001'::uuid", pa.string(), "5ef4c9a2-0000-4000-8000-000000000001"),
        ('\'{"b": 1.10,  "a": 2}\'::json', pa.string(), '{"b": 1.10,  "a": 2}'),
        ('\'{"b": 1.10,  "a": 2}\'::jsonb', pa.string(), '{"a": 2, "b": 1.10}'),
        ("'\\x00ff'::bytea", pa.binary(), b"\x00\xff"),
        ("'[1,3)'::int4range", pa.string(), "[1,3)"),
        ("'10.0.0.1'::inet", pa.string(), "10.0.0.1"),
        ("ROW(1, 'a')", pa.string(), "(1,a)"),
        ("NULL", pa.string(), None),
        ("ARRAY[1, NULL]", pa.list_(pa.int32()), [1, None]),
        ("ARRAY[[1, 2], [3, 4]]", pa.list_(pa.list_(pa.int32())), [[1, 2], [3, 4]]),
        ("'{}'::text[]", pa.list_(pa.string()), []),
        ("ARRAY['a', 'NULL', NULL, '\"']", pa.list_(pa.string()), ["a", "NULL", None, '"']),
        ("ARRAY[1.5]::numeric(4, 1)[]", pa.list_(pa.decimal128(4, 1)), [Decimal("1.5")]),
        ("ARRAY[date '2024-02-29']", pa.list_(pa.date32()), [date(2024, 2, 29)]),
        ("ARRAY['{\"a\": 1}'::jsonb]", pa.list_(pa.string()), ['{"a": 1}']),
        ("ARRAY['a']::varchar(3)[]", pa.list_(pa.string()), ["a"]),
    ],
)
def test_types_of_results(session: Session, sql: str, arrow: pa.DataType, value: object) -> None:
    found = session.fetch(f"SELECT {sql} AS a").column("a")
    assert found.type == arrow
    assert found.to_pylist() == [value]
    empty = session.fetch(f"SELECT {sql} AS a LIMIT 0").column("a")
    usual = "1.25::numeric" if "::numeric" in sql and "(" not in sql else sql
    # Nothing but values tells the digits of such a numeric, and the dimensions of an array.
    if usual == sql and "[[" not in sql:
        assert empty.type == arrow


def test_numerics_of_one_column_share_a_type(session: Session) -> None:
    found = session.fetch("SELECT * FROM (VALUES (1e20::numeric), (1e-15), (NULL)) AS v (a)").column(0)
    assert found.type == pa.decimal128(36, 15)
    assert found.to_pylist() == [Decimal("1e20"), Decimal("1e-15"), None]
    found = session.fetch("SELECT * FROM (VALUES ('NaN'::numeric), (0.1)) AS v (a)").column(0)
    assert found.to_pylist() == ["NaN", "0.1"]


def test_arrays_of_different_dimensions_become_json(session: Session) -> None:
    found = session.fetch(
        "SELECT * FROM (VALUES (ARRAY[1]), (ARRAY[[1, 2]]), (NULL), ('{}')) AS v (a)"
    ).column(0)
    assert found.to_pylist() == ["[1]", "[[1, 2]]", None, "[]"]


moments = st.integers(-62_135_596_800_000_000 - 10**17, 253_402_300_800_000_000 + 10**16)
on_server = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@on_server
@given(st.lists(moments | st.sampled_from([2**63 - 1, -(2**63) + 1]) | st.none(), min_size=1, max_size=30))
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_any_moment_comes_back(session: Session, zone: str | None, values: list[int | None]) -> None:
    arrow = pa.timestamp("us", tz=zone)
    make_table(session, f"n int, a {column_type(POSTGRES, arrow)}")
    session.load(TABLE, pa.table({"n": range(len(values)), "a": pa.array(values, pa.int64()).cast(arrow)}))
    found = session.fetch("SELECT a FROM t ORDER BY n").column("a")
    assert found.type == pa.timestamp("us", tz=None if zone is None else "UTC")
    assert found.cast(pa.int64()).to_pylist() == values


@on_server
@given(
    st.lists(
        st.integers(-1_000_000, 5_000_000) | st.sampled_from([2**31 - 1, 1 - 2**31]) | st.none(), min_size=1
    )
)
def test_any_day_comes_back(session: Session, values: list[int | None]) -> None:
    make_table(session, "n int, a date")
    session.load(
        TABLE, pa.table({"n": range(len(values)), "a": pa.array(values, pa.int32()).cast(pa.date32())})
    )
    found = session.fetch("SELECT a FROM t ORDER BY n").column("a")
    assert found.cast(pa.int32()).to_pylist() == values


def test_infinity_is_the_servers(session: Session) -> None:
    make_table(session, "a date, b timestamptz")
    days = pa.array([2**31 - 1], pa.int32()).cast(pa.date32())
    instants = pa.array([1 - 2**63], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    session.load(TABLE, pa.table({"a": days, "b": instants}))
    found = session.fetch("SELECT a = 'infinity' AS a, b = '-infinity' AS b FROM t")
    assert found.to_pylist() == [{"a": True, "b": True}]


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@on_server
@given(st.lists(texts | st.text("\\\n\r\tN.,\"'{}", max_size=12) | st.none(), min_size=1, max_size=40))
def test_any_text_comes_back(session: Session, values: list[str | None]) -> None:
    assert round_trip(session, pa.string(), values).to_pylist() == values


@on_server
@given(
    st.lists(
        st.lists(texts | st.text('\\",{}NUL ', max_size=8) | st.none(), max_size=4) | st.none(), min_size=1
    )
)
def test_any_list_of_text_comes_back(session: Session, values: list[list[str | None] | None]) -> None:
    assert round_trip(session, pa.list_(pa.string()), values).to_pylist() == values


@on_server
@given(st.lists(st.binary(max_size=20) | st.none(), min_size=1))
def test_any_bytes_come_back(session: Session, values: list[bytes | None]) -> None:
    assert round_trip(session, pa.binary(), values).to_pylist() == values
    assert round_trip(session, pa.binary_view(), values).to_pylist() == values


@on_server
@given(st.lists(st.floats(allow_nan=False) | st.none(), min_size=1))
def test_any_float_comes_back(session: Session, values: list[float | None]) -> None:
    assert round_trip(session, pa.float64(), values).to_pylist() == values


@on_server
@given(st.lists(st.timedeltas(-timedelta(days=9999), timedelta(days=9999)), min_size=1))
def test_any_duration_comes_back_as_its_time(session: Session, values: list[timedelta]) -> None:
    found = round_trip(session, pa.duration("us"), values).to_pylist()
    assert [(v.months, v.days, v.nanoseconds // 1000) for v in found] == [
        (0, 0, value // timedelta(microseconds=1)) for value in values
    ]


def test_structs_and_maps_become_json_with_all_digits(session: Session) -> None:
    arrow = pa.struct(
        [
            ("d", pa.decimal128(30, 2)),
            ("m", pa.map_(pa.int32(), pa.list_(pa.float64()))),
            ("t", pa.timestamp("us")),
            ("b", pa.binary()),
            ('q"', pa.string()),
            ("ok", pa.bool_()),
        ]
    )
    value = {
        "d": Decimal("1234567890123456789012345678.90"),
        "m": [(1, [0.5, float("nan"), None])],
        "t": datetime(2024, 2, 29, 12),
        "b": b"\x01",
        'q"': 'a"\\\n日',
        "ok": True,
    }
    session.execute("DROP TABLE IF EXISTS t")
    session.execute(
        f"CREATE TABLE t (a {column_type(POSTGRES, arrow)}, l {column_type(POSTGRES, pa.list_(arrow))})"
    )
    session.load(
        TABLE,
        pa.table(
            {"a": pa.array([value, None], arrow), "l": pa.array([[value, None], None], pa.list_(arrow))}
        ),
    )
    found = session.fetch(
        "SELECT a->>'d' AS d, a->'m'->>'1' AS m, a->>'t' AS t, a->>'b' AS b, a->>'q\"' AS q,"
        " (a->>'ok')::bool AS ok, l[1] = a AS same, l[2] IS NULL AS gap FROM t WHERE a IS NOT NULL"
    )
    assert list(found.to_pylist()[0].values()) == [
        "1234567890123456789012345678.90",
        '[0.5, "NaN", null]',
        "2024-02-29T12:00:00",
        "\\x01",
        'a"\\\n日',
        True,
        True,
        True,
    ]


def test_lists_of_lists(session: Session) -> None:
    arrow = pa.list_(pa.list_(pa.int32()))
    assert round_trip(session, arrow, [[[1, 2], [3]], None]).to_pylist() == ["[[1, 2], [3]]", None]
    make_table(session, "a int[]")
    session.load(TABLE, pa.table({"a": pa.array([[[1, 2], [3, None]]], arrow)}))
    assert session.fetch("SELECT a FROM t").to_pylist() == [{"a": [[1, 2], [3, None]]}]


def test_text_is_loaded_into_columns_of_any_type(session: Session) -> None:
    make_table(session, "a int, b date, c numeric(6, 2), d boolean, e jsonb, f int[], g timestamptz")
    row = ("1", "2024-02-29", "3.50", "yes", '{"k": 1}', "{1,2}", "2024-01-01 00:00:00+02")
    rows = pa.table({name: [value, None] for name, value in zip("abcdefg", row, strict=True)})
    assert session.load(TABLE, rows) == 2
    assert list(session.fetch("SELECT * FROM t WHERE a = 1").to_pylist()[0].values()) == [
        1,
        date(2024, 2, 29),
        Decimal("3.50"),
        True,
        '{"k": 1}',
        [1, 2],
        datetime(2023, 12, 31, 22, tzinfo=UTC),
    ]


def test_a_value_that_does_not_fit_is_named_with_its_line(session: Session) -> None:
    adapter = find_adapter("postgres")
    assert adapter is not None
    make_table(session, "a int")
    with pytest.raises(Exception, match="invalid input") as caught:
        session.load(TABLE, pa.table({"a": ["1", "x"]}))
    failure = adapter.classify(caught.value)
    assert failure.kind is FailureKind.DATA
    assert "line 2, column a" in failure.message
    assert session.fetch("SELECT * FROM t").num_rows == 0


def test_whole_floats_go_into_integers_and_others_do_not(session: Session) -> None:
    make_table(session, "a bigint")
    assert session.load(TABLE, pa.table({"a": pa.array([1.0, None, -3.0])})) == 3
    with pytest.raises(Exception, match="invalid input syntax"):
        session.load(TABLE, pa.table({"a": pa.array([1.5])}))


def test_names_are_matched_as_stored_before_they_are_folded(session: Session) -> None:
    make_table(session, 'a int, "A" int, b int')
    session.load(TABLE, pa.table({"A": [1], "a": [2], "B": [3]}))
    assert session.fetch("SELECT * FROM t").to_pylist() == [{"a": 2, "A": 1, "b": 3}]


def test_pieces_of_any_size_are_loaded_whole(session: Session) -> None:
    make_table(session, "a int, b text")
    table = pa.table({"a": range(1000), "b": [f"é{i}" for i in range(1000)]})
    pieces = pa.concat_tables([table.slice(0, 1), table.slice(1, 0), table.slice(1, 998), table.slice(999)])
    assert session.load(TABLE, pieces) == 1000
    assert session.fetch("SELECT * FROM t ORDER BY a").to_pydict() == table.to_pydict()
