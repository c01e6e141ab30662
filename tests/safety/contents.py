"""What a warehouse holds, in a form that can be compared and that an onlooker is quick to get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from sqlflow.core.ranges import Range
from tests.apply.projects import Warehouse
from tests.safety.subject import Subject

_NAMES = """
    select '"' || table_schema || '"."' || table_name || '"', table_name, table_type = 'BASE TABLE'
    from information_schema.tables
    where table_schema not in ('information_schema', 'pg_catalog') order by 1"""
_COLUMNS = """
    select table_schema || '.' || table_name || '.' || column_name || ': ' || data_type
    from information_schema.columns where table_schema not in ('information_schema', 'pg_catalog')"""
_INDEXES = {
    "duckdb": "select schema_name || ': ' || sql from duckdb_indexes()",
    "postgres": "select schemaname || ': ' || indexdef from pg_indexes where schemaname <> 'pg_catalog'",
}
_OWN = '"_sqlflow".'
# How the schemas end that tables by version lie in, and such a table's name.
_VERSIONS = '__physical"."'
_ANY_VERSION = re.compile(r"(?<=\w)__[0-9a-f]{12}\b")
# A part of the names of the tables that hold what views show, where there are no transactions.
_STAGE = "__sqlflow_at_"
_ANY_STAGE = re.compile(_STAGE + r"[0-9a-f]+_[0-9a-f]+_[0-9]+")


class Contents(NamedTuple):
    """How many rows there are, and the sum of their hashes: the same for the same rows in another order."""

    rows: int
    checksum: str


# What is looked at, by its name: a table or view, or a batch of one, as it stands after FROM.
Looks: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """What a warehouse holds: the contents of each relation, what can be looked at apart, and the rest.

    `tables` are the relations that are no views, `structure` has the columns with their types, the indexes,
    and the names of sqlflow's own tables; `stages` are the tables that only views show, and `versions` those
    that have names by version: of these, neither names nor numbers can be compared.
    """

    relations: Mapping[str, Contents]
    tables: frozenset[str]
    looks: Mapping[str, Contents]
    structure: frozenset[str]
    stages: frozenset[str]
    versions: frozenset[str]


def contents_sql(engine: str, place: str) -> str:
    """The query for the contents of what stands after FROM."""
    hashed = "hashtextextended(whole::text, 0)" if engine == "postgres" else "hash(whole)"
    return f"select count(*), coalesce(sum({hashed}), 0) from {place} as whole"


def read_contents(row: Any) -> Contents:
    """Reads the row that such a query gives."""
    rows, checksum = row
    return Contents(int(rows), str(checksum))


def looks(subject: Subject, warehouse: Warehouse) -> Looks:
    """What is there to be looked at: each table and view, and each batch of what is published in such."""
    found: dict[str, str] = {}
    for place, name, _ in warehouse.rows(_NAMES):
        if place.startswith(_OWN) or _STAGE in name or _VERSIONS in place:
            continue
        if name not in subject.batches:
            found[place] = place
            continue
        column, ranges = subject.batches[name]
        for batch in ranges:
            condition = (
                f"\"{column}\" >= timestamp '{batch.start}' and \"{column}\" < timestamp '{batch.end}'"
            )
            found[batch_name(place, batch)] = f"(select * from {place} where {condition})"
    return found


def batch_name(place: str, batch: Range) -> str:
    """Names a batch of a table."""
    return f"{place} from {batch.start}"


def find(subject: Subject, warehouse: Warehouse) -> Found:
    """Reads everything, on a connection of its own."""
    all_there = warehouse.rows(_NAMES)
    there = [row for row in all_there if _STAGE not in row[1] and _VERSIONS not in row[0]]
    names = [place for place, _, _ in there]
    watched, indexes = looks(subject, warehouse), _INDEXES[warehouse.engine]
    with closing(warehouse.connect()) as connection:

        def contents(place: str) -> Contents:
            return read_contents(connection.execute(contents_sql(warehouse.engine, place)).fetchone())

        return Found(
            relations={place: contents(place) for place in names if not place.startswith(_OWN)},
            tables=frozenset(place for place, _, is_table in there if is_table),
            looks={name: contents(place) for name, place in watched.items()},
            structure=frozenset(
                [place for place in names if place.startswith(_OWN)]
                + [text for (text,) in connection.execute(_COLUMNS).fetchall() if _is_compared(text)]
                + [_plain(text) for (text,) in connection.execute(indexes).fetchall()]
            ),
            stages=frozenset(name for _, name, _ in all_there if _STAGE in name),
            versions=frozenset(place for place, _, _ in all_there if _VERSIONS in place),
        )


def _is_compared(column: str) -> bool:
    return _STAGE not in column and _VERSIONS.replace('"', "") not in column


def _plain(index: str) -> str:
    """Takes out of an index what differs each time: the end of the name of the table that it is on."""
    return _ANY_VERSION.sub("", _ANY_STAGE.sub("", index))
