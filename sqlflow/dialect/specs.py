"""The dialects that are measured."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlflow.dialect import volatile
from sqlflow.dialect.spec import DialectSpec, Folding

DUCKDB = DialectSpec(
    name="duckdb",
    ibis_dialect="duckdb",
    embedded=True,
    row_hash="hash({columns})",
    folding=Folding.INSENSITIVE,
    # The engine sets no limit (a name of 200,000 bytes is taken); names that are made up stay readable.
    max_identifier=255,
    create_or_replace_table=True,
    views_bind_by_name=True,
    renames_indexed_tables=False,
    schema_ddl_is_serial=True,
    comments=True,
    default_schema="main",
    system_schemas=("information_schema", "pg_catalog"),
    set_functions=frozenset(["generate_subscripts"]),
    volatile_functions=volatile.DUCKDB,
    stable_functions=volatile.DUCKDB_STABLE,
    volatile_words=volatile.WORDS,
    widenings=(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
        ("FLOAT", "DOUBLE"),
        ("DATE", "TIMESTAMP"),
    ),
    file_readers=MappingProxyType({".parquet": "read_parquet", ".csv": "read_csv"}),
    arrow_types=MappingProxyType(
        {
            "bool": "BOOLEAN",
            "int8": "TINYINT",
            "int16": "SMALLINT",
            "int32": "INTEGER",
            "int64": "BIGINT",
            "uint8": "UTINYINT",
            "uint16": "USMALLINT",
            "uint32": "UINTEGER",
            "uint64": "UBIGINT",
            "halffloat": "FLOAT",
            "float": "FLOAT",
            "double": "DOUBLE",
            "decimal": "DECIMAL({precision}, {scale})",
            "string": "VARCHAR",
            "binary": "BLOB",
            "date": "DATE",
            "time": "TIME",
            "time[ns]": "TIME_NS",
            "timestamp": "TIMESTAMP",
            "timestamp[s]": "TIMESTAMP_S",
            "timestamp[ms]": "TIMESTAMP_MS",
            "timestamp[ns]": "TIMESTAMP_NS",
            "timestamptz": "TIMESTAMP WITH TIME ZONE",
            "timestamptz[ns]": "TIMESTAMPTZ_NS",
            "interval": "INTERVAL",
            "list": "{item}[]",
            "fixed_size_list": "{item}[{size}]",
            "struct": "STRUCT({fields})",
            "map": "MAP({key}, {item})",
            "null": "VARCHAR",
            "arrow.uuid": "UUID",
            "arrow.json": "JSON",
        }
    ),
)

POSTGRES = DialectSpec(
    name="postgres",
    clock="CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)",
    sees_commits=True,
    row_hash="CAST(hashtextextended(CAST(ROW({columns}) AS text), 0) AS numeric)",
    ibis_dialect="postgres",
    url_schemes=("postgresql", "postgres"),
    folding=Folding.LOWER,
    max_identifier=63,
    views_bind_by_name=False,
    replace_view_keeps_columns=True,
    schema_ddl_is_serial=True,
    comments=True,
    default_schema="public",
    # MAINTAIN is new in PostgreSQL 17.
    privileges=frozenset(
        ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]
    ),
    system_schemas=("information_schema", "pg_catalog"),
    max_decimal_precision=1000,
    widenings=(
        ("SMALLINT", "INTEGER", "BIGINT", "NUMERIC"),
        ("REAL", "DOUBLE PRECISION"),
        ("DATE", "TIMESTAMP WITHOUT TIME ZONE"),
        ("CHARACTER VARYING", "TEXT"),
    ),
    without_equality=frozenset({"JSON", "XML", "POINT", "POLYGON", "BOX"}),
    volatile_functions=volatile.POSTGRES,
    stable_functions=volatile.POSTGRES_STABLE,
    volatile_words=volatile.WORDS,
    set_functions=frozenset(
        [
            "generate_series",
            "generate_subscripts",
            "json_array_elements",
            "json_array_elements_text",
            "json_each",
            "json_each_text",
            "json_object_keys",
            "jsonb_array_elements",
            "jsonb_array_elements_text",
            "jsonb_each",
            "jsonb_each_text",
            "jsonb_object_keys",
            "jsonb_path_query",
            "regexp_matches",
            "regexp_split_to_table",
            "string_to_table",
        ]
    ),
    arrow_types=MappingProxyType(
        {
            "bool": "BOOLEAN",
            "int8": "SMALLINT",
            "int16": "SMALLINT",
            "int32": "INTEGER",
            "int64": "BIGINT",
            "uint8": "SMALLINT",
            "uint16": "INTEGER",
            "uint32": "BIGINT",
            "uint64": "NUMERIC(20, 0)",
            "halffloat": "REAL",
            "float": "REAL",
            "double": "DOUBLE PRECISION",
            "decimal": "NUMERIC({precision}, {scale})",
            "string": "TEXT",
            "binary": "BYTEA",
            "date": "DATE",
            "time": "TIME",
            "timestamp": "TIMESTAMP",
            "timestamptz": "TIMESTAMP WITH TIME ZONE",
            "interval": "INTERVAL",
            "list": "{item}[]",
            # An array of arrays has to be rectangular there.
            "nested_list": "JSONB",
            "struct": "JSONB",
            "map": "JSONB",
            "null": "TEXT",
            "arrow.uuid": "UUID",
            "arrow.json": "JSONB",
        }
    ),
)

SPECS: Mapping[str, DialectSpec] = MappingProxyType({spec.name: spec for spec in (DUCKDB, POSTGRES)})
