"""Writes one benchmark's schema, data and queries to a folder; runs in the environment that `make` prepares.

    python export.py tpch|tpcds SCALE FOLDER EXTENSIONS

Declared constraints decide which columns are not null: NOT NULL and the members of a primary key.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_GENERATE = {"tpch": "dbgen", "tpcds": "dsdgen"}


def _tables(connection: Any) -> dict[str, list[dict[str, object]]]:
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE NOT internal ORDER BY table_name, column_index"
    ).fetchall()
    keys = connection.execute(
        "SELECT table_name, unnest(constraint_column_names) FROM duckdb_constraints() "
        "WHERE constraint_type IN ('PRIMARY KEY', 'NOT NULL')"
    ).fetchall()
    not_null = set(keys)
    tables: dict[str, list[dict[str, object]]] = {}
    for table, name, kind, nullable in rows:
        column: dict[str, object] = {
            "name": name,
            "type": kind,
            "not_null": not nullable or (table, name) in not_null,
        }
        tables.setdefault(table, []).append(column)
    return tables


def export(benchmark: str, scale: str, folder: Path, extensions: Path) -> None:
    """Writes `schema.json`, `queries.json` and one parquet file a table."""
    import duckdb
    import duckdb_extensions  # pyright: ignore

    connection = duckdb.connect(config={"extension_directory": str(extensions)})
    duckdb_extensions.import_extension(benchmark, con=connection)
    connection.execute(f"CALL {_GENERATE[benchmark]}(sf = {float(scale)})")
    tables = _tables(connection)
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        path = str(folder / f"{table}.parquet").replace("'", "''")
        connection.execute(f"COPY \"{table}\" TO '{path}' (FORMAT parquet)")
    queries = connection.execute(f"SELECT query_nr, query FROM {benchmark}_queries() ORDER BY 1").fetchall()
    texts = {f"{benchmark}_{number:02}": text.strip().rstrip(";").strip() for number, text in queries}
    (folder / "schema.json").write_text(json.dumps(tables, indent=1), encoding="utf-8")
    (folder / "queries.json").write_text(json.dumps(texts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
