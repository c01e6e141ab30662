"""The file of pulled sources: what is written is read, and what is wrong with it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.source import SourceFile, SourceTree
from sqlflow.project.catalog import (
    CATALOG_FILE,
    Catalog,
    CatalogColumn,
    CatalogTables,
    catalog_text,
    read_catalog,
)

# What an engine can call a column: anything but halves of surrogate pairs and NUL.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
TYPES = st.sampled_from(
    [
        "INTEGER",
        "DECIMAL(18,2)",
        "VARCHAR[]",
        'STRUCT(a INTEGER, "b: c" VARCHAR)',
        "ENUM('a: b', '# x', 'ü\n')",
        '"NULL"',
        "timestamp with time zone",
        "null",
        "1",
    ]
)
COLUMNS = st.builds(
    lambda types: tuple(CatalogColumn(name, *rest) for name, rest in types.items()),
    st.dictionaries(NAMES, st.tuples(TYPES, st.sampled_from([None, True, False])), max_size=4),
)
TABLES = st.dictionaries(st.tuples(NAMES, NAMES), COLUMNS, max_size=5)


def read(text: str) -> tuple[Catalog, tuple[Diagnostic, ...]]:
    file = SourceFile(path=CATALOG_FILE, text=text, digest="")
    return read_catalog(SourceTree(root="", files={CATALOG_FILE: file}))


def plain(tables: CatalogTables) -> dict[tuple[str, str], list[tuple[str, str, bool | None]]]:
    """The tables without the places of their columns."""
    return {key: [column[:3] for column in columns] for key, columns in tables.items()}


@given(TABLES, TABLES)
def test_what_is_written_is_read(first: CatalogTables, second: CatalogTables) -> None:
    text = catalog_text(Catalog(dialects={"duckdb": first, "yes": second}))
    catalog, diagnostics = read(text)
    assert diagnostics == ()
    assert plain(catalog.tables("duckdb")) == plain(first)
    assert plain(catalog.tables("yes")) == plain(second)
    assert catalog_text(catalog) == text


def test_the_file_reads_as_a_table_is_made() -> None:
    columns = (
        CatalogColumn("id", "BIGINT", False),
        CatalogColumn("yes", "VARCHAR", True),
        CatalogColumn("kind", "ENUM('a: b')", None),
    )
    tables = {("shop", "orders"): columns, ("shop", "empty"): (), ("Ad", "clicks"): columns[:1]}
    written = catalog_text(Catalog(dialects={"postgres": {}, "duckdb": tables})).splitlines()
    assert [line for line in written if line.startswith("#")] == written[:2]
    assert written[2:] == [
        "version: 1",
        "dialects:",
        "  duckdb:",
        "    Ad:",
        "      clicks:",
        "        id: BIGINT NOT NULL",
        "    shop:",
        "      empty: {}",
        "      orders:",
        "        id: BIGINT NOT NULL",
        '        "yes": VARCHAR NULL',
        "        kind: \"ENUM('a: b')\"",
        "  postgres: {}",
    ]


def test_without_a_file_nothing_is_known() -> None:
    catalog, diagnostics = read_catalog(SourceTree(root="", files={}))
    assert (dict(catalog.tables("duckdb")), diagnostics) == ({}, ())


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("version: 1\ndialects: [a\n", Code.BROKEN_YAML, None),
        ("- a\n", Code.WRONG_TYPE, "- a"),
        ("dialects: {}\n", Code.MISSING_SETTING, "dialects"),
        ("version: 2\ndialects: {duckdb: {a: {b: {c: DATE}}}}\n", Code.INVALID_VALUE, "2"),
        ("version: 1\ntables: {}\n", Code.UNKNOWN_KEY, "tables"),
        ("version: 1\ndialects: {duckdb: {shop: [orders]}}\n", Code.WRONG_TYPE, "[orders]"),
        ("version: 1\ndialects: {duckdb: {shop: {orders: {id: 1}}}}\n", Code.WRONG_TYPE, "1"),
        ("version: 1\ndialects: {duckdb: {shop: {orders: {id: }}}}\n", Code.WRONG_TYPE, "id"),
        ("version: 1\n<<<<<<< HEAD\ndialects: {}\n", Code.BROKEN_YAML, None),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, code: Code, place: str | None) -> None:
    catalog, (diagnostic,) = read(text)
    assert dict(catalog.tables("duckdb").get(("shop", "orders"), ())) == {}
    assert diagnostic.code is code
    assert diagnostic.span is not None
    assert diagnostic.span.path == CATALOG_FILE
    if place is not None:
        assert text[diagnostic.span.start : diagnostic.span.end].strip() == place
