from __future__ import annotations

import pyarrow as pa
import pytest

from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.spec import DialectSpec, Folding
from sqlflow.dialect.specs import DUCKDB, POSTGRES

NESTED = pa.struct([pa.field("a b", pa.int32()), pa.field('q"', pa.list_(pa.string()))])


@pytest.mark.parametrize(
    ("arrow", "duckdb", "postgres"),
    [
        (pa.bool_(), "BOOLEAN", "BOOLEAN"),
        (pa.uint8(), "UTINYINT", "SMALLINT"),
        (pa.uint64(), "UBIGINT", "NUMERIC(20, 0)"),
        (pa.float16(), "FLOAT", "REAL"),
        (pa.decimal128(10, 2), "DECIMAL(10, 2)", "NUMERIC(10, 2)"),
        (pa.decimal128(5, -2), "DECIMAL(7, 0)", "NUMERIC(7, 0)"),
        (pa.decimal256(30, 2), "DECIMAL(30, 2)", "NUMERIC(30, 2)"),
        (pa.large_string(), "VARCHAR", "TEXT"),
        (pa.string_view(), "VARCHAR", "TEXT"),
        (pa.binary(8), "BLOB", "BYTEA"),
        (pa.date64(), "DATE", "DATE"),
        (pa.time32("ms"), "TIME", "TIME"),
        (pa.time64("ns"), "TIME_NS", "TIME"),
        (pa.timestamp("s"), "TIMESTAMP_S", "TIMESTAMP"),
        (pa.timestamp("us"), "TIMESTAMP", "TIMESTAMP"),
        (pa.timestamp("ns"), "TIMESTAMP_NS", "TIMESTAMP"),
        (pa.timestamp("ms", tz="Europe/Paris"), "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        (pa.timestamp("ns", tz="UTC"), "TIMESTAMPTZ_NS", "TIMESTAMP WITH TIME ZONE"),
        (pa.duration("ms"), "INTERVAL", "INTERVAL"),
        (pa.month_day_nano_interval(), "INTERVAL", "INTERVAL"),
        (pa.dictionary(pa.int8(), pa.large_string()), "VARCHAR", "TEXT"),
        (pa.run_end_encoded(pa.int32(), pa.date32()), "DATE", "DATE"),
        (pa.null(), "VARCHAR", "TEXT"),
        (pa.list_(pa.int32()), "INTEGER[]", "INTEGER[]"),
        (pa.list_(pa.int32(), 3), "INTEGER[3]", "INTEGER[]"),
        (pa.list_view(pa.string()), "VARCHAR[]", "TEXT[]"),
        (pa.large_list(pa.list_(pa.int64())), "BIGINT[][]", "JSONB"),
        (NESTED, 'STRUCT("a b" INTEGER, "q""" VARCHAR[])', "JSONB"),
        (pa.list_(NESTED), 'STRUCT("a b" INTEGER, "q""" VARCHAR[])[]', "JSONB[]"),
        (pa.map_(pa.string(), pa.decimal128(4, 1)), "MAP(VARCHAR, DECIMAL(4, 1))", "JSONB"),
        (pa.uuid(), "UUID", "UUID"),
    ],
    ids=str,
)
def test_column_types(arrow: pa.DataType, duckdb: str, postgres: str) -> None:
    assert (column_type(DUCKDB, arrow), column_type(POSTGRES, arrow)) == (duckdb, postgres)


def test_digits_that_a_dialect_has_not_are_refused() -> None:
    assert column_type(POSTGRES, pa.decimal256(60, 3)) == "NUMERIC(60, 3)"
    with pytest.raises(ValueError, match="38 digits"):
        column_type(DUCKDB, pa.decimal256(60, 3))


@pytest.mark.parametrize("arrow", [pa.struct([]), pa.dense_union([pa.field("a", pa.int8())])], ids=str)
def test_a_type_without_a_column_is_refused(arrow: pa.DataType) -> None:
    with pytest.raises(ValueError, match="no column type"):
        column_type(DUCKDB, arrow)


def test_a_dialect_is_only_its_words() -> None:
    spec = DialectSpec(
        name="other", folding=Folding.UPPER, arrow_types={"list": "ARRAY<{item}>", "int8": "BYTE"}
    )
    assert column_type(spec, pa.list_(pa.list_(pa.int8()))) == "ARRAY<ARRAY<BYTE>>"
    with pytest.raises(ValueError, match="other has no column type for int16"):
        column_type(spec, pa.list_(pa.int16()))
