"""Functions whose result is not decided by their arguments and the project's tables, by dialect.

A query with one of them may give other rows although nothing that it reads has changed. The lists are
compared with the engines' own catalogs in `tests/dialect/test_volatile.py`.
"""

from __future__ import annotations

# In standard SQL these take no brackets.
WORDS = frozenset(
    ["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
     "session_user", "current_role"]
)  # fmt: skip

DUCKDB = frozenset(
    [
        # The clock; `age` of one argument counts from today.
        "age", "now", "today", "current_date", "current_localtime", "current_localtimestamp",
        "get_current_time", "get_current_timestamp", "transaction_timestamp",
        # Chance and sequences.
        "random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "nextval", "currval", "setval",
        # The session.
        "current_connection_id", "current_database", "current_query", "current_query_id", "current_schema",
        "current_schemas", "current_setting", "current_transaction_id", "getvariable", "in_search_path",
        "txid_current", "sleep_ms", "write_log",
        # What is no table of the project.
        "glob", "read_blob", "read_csv", "read_csv_auto", "sniff_csv", "read_json", "read_json_auto",
        "read_json_objects", "read_json_objects_auto", "read_ndjson", "read_ndjson_auto",
        "read_ndjson_objects", "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema",
        "parquet_file_metadata", "parquet_kv_metadata", "read_text", "read_duckdb",
        "read_single_csv_file", "read_single_json_file", "read_single_parquet_file", "query", "query_table",
        "seq_scan",
    ]
)  # fmt: skip

POSTGRES = frozenset(
    [
        # The clock; `age` of one argument counts from today.
        "age", "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday",
        # Chance and sequences.
        "random", "setseed", "gen_random_uuid", "nextval", "currval", "lastval", "setval",
        # The session.
        "current_setting", "set_config", "current_database", "current_schema", "current_schemas",
        "txid_current", "pg_backend_pid", "pg_current_xact_id", "pg_sleep", "pg_sleep_for",
        "pg_sleep_until", "inet_client_addr", "inet_server_addr", "version",
        # What is no table of the project.
        "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "query_to_xml",
        "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "cursor_to_xmlschema",
        "table_to_xml", "lo_get", "current_query", "ts_rewrite", "txid_status",
    ]
)  # fmt: skip

# Those that give one thing all through a statement: where they stand in it does not matter.
DUCKDB_STABLE = WORDS | frozenset(
    [
        "age", "now", "today", "current_localtime", "current_localtimestamp", "get_current_time",
        "get_current_timestamp", "transaction_timestamp", "current_database", "current_schema",
        "current_schemas", "current_setting", "getvariable", "in_search_path", "txid_current",
    ]
)  # fmt: skip
POSTGRES_STABLE = WORDS | frozenset(
    [
        "age", "now", "statement_timestamp", "transaction_timestamp", "current_setting", "current_database",
        "current_schema", "current_schemas", "txid_current", "pg_backend_pid", "inet_client_addr",
        "inet_server_addr", "version",
    ]
)  # fmt: skip
