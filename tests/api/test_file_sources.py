"""Sources that are files: the compiler knows the types that their columns have once it is built."""

from __future__ import annotations

import io

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from sqlflow.core.codes import Code
from tests.apply.projects import Project, source_text

_CSV = (
    "id,day,price,note,flag,seen\n"
    '1,2024-02-29,1.50,"a, b",true,2024-01-01 10:00:00\n'
    "2,2024-03-01,,NA,false,2024-01-01 10:00:01\n"
)
_KINDS = {
    "tiny": pa.int8(),
    "unsigned": pa.uint64(),
    "half": pa.float16(),
    "amount": pa.decimal128(9, 2),
    "seconds": pa.timestamp("s"),
    "nanos": pa.timestamp("ns"),
    "zoned": pa.timestamp("ms", tz="UTC"),
    "clock": pa.time32("ms"),
    "words": pa.dictionary(pa.int32(), pa.string()),
    "blob": pa.binary(4),
    "items": pa.list_(pa.int32()),
    "nested": pa.struct([("a b", pa.date32()), ("c", pa.map_(pa.string(), pa.float64()))]),
}


def _source(location: str) -> dict[str, str]:
    return {
        "models/s.yml": f"sources: [{{name: raw, tables: [{{name: t, location: {location}}}]}}]\n",
        "q": "select * from {{ source('raw', 't') }}",
    }


def _parquet(kinds: dict[str, pa.DataType]) -> bytes:
    buffer = io.BytesIO()
    columns = {name: pa.array([None], type=kind) for name, kind in kinds.items()}
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _types(project: Project, name: str = "q") -> dict[str | None, str | None]:
    schema = project.load().schema(name)
    assert not schema.open
    return {c.name: str(c.type) if c.type is not None else None for c in schema.columns}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_types_are_those_that_the_model_has_once_it_is_built(duck: Project, suffix: str) -> None:
    duck.write({**_source(f"data/t.{suffix}"), "data/t.csv": _CSV, "data/t.parquet": _parquet(_KINDS)})
    known = _types(duck)
    assert not (duck.root / "shop.duckdb").exists()
    duck.built()
    with duckdb.connect(str(duck.root / "shop.duckdb")) as connection:
        described = connection.execute("describe q").fetchall()
    assert known == {name: kind for name, kind, *_ in described}
    assert len(known) == (6 if suffix == "csv" else len(_KINDS))


def test_a_file_that_is_loaded_has_the_types_that_loading_gives(pg: Project) -> None:
    pg.write({**_source("data/t.csv"), "data/t.csv": _CSV})
    known = _types(pg)
    pg.built()
    told = {name: str(kind).lower() for name, kind in known.items()}
    assert told == pg.warehouse.columns("q")


def test_a_type_that_the_engine_has_no_column_of_is_unknown(duck: Project) -> None:
    duck.write(
        {"seeds/t.parquet": _parquet({"a": pa.int32(), "b": pa.decimal256(50, 2)}), "q": "select * from t"}
    )
    assert _types(duck) == {"a": "INTEGER", "b": None}
    assert duck.build().statuses["t"] == "error"


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no parquet PAR1"])
def test_a_file_that_can_not_be_read_leaves_the_declared_columns(
    duck: Project, content: bytes | None
) -> None:
    files = _source("data/t.parquet")
    files["models/s.yml"] = files["models/s.yml"].replace(
        "{name: t,", "{name: t, columns: [{name: a, data_type: date}],"
    )
    duck.write({**files, **({"data/t.parquet": content} if content is not None else {})})
    schema = duck.load().schema("raw.t")
    assert [(column.name, str(column.type)) for column in schema.columns] == [("a", "DATE")]
    assert (schema.open, schema.why_open) == (True, "data/t.parquet can't be read")


def test_a_name_with_a_quote_is_a_name(duck: Project) -> None:
    duck.write({**_source('"data/it\'s, [one].csv"'), "data/it's, [one].csv": _CSV})
    assert _types(duck)["day"] == "DATE"


def test_a_declaration_that_the_file_does_not_keep_is_told_of(duck: Project) -> None:
    files = _source("data/t.csv")
    columns = "{name: ID, data_type: integer}, {name: day, data_type: date}, {name: prize}, {name: note}"
    files["models/s.yml"] = files["models/s.yml"].replace("{name: t,", f"{{name: t, columns: [{columns}],")
    duck.write({**files, "data/t.csv": _CSV})
    found = duck.load().diagnostics
    assert [(d.code, d.is_error, source_text(duck, d), d.message) for d in found] == [
        (Code.SOURCE_DIFFERS, False, "integer", "`ID` is BIGINT in `data/t.csv`, and integer is declared"),
        (Code.SOURCE_DIFFERS, False, "prize", "`data/t.csv` has no column `prize`"),
    ]
    assert found[1].help == "did you mean `price`?"
    assert _types(duck)["id"] == "BIGINT"
