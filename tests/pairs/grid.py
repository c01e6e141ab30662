"""One table of values on two engines: what expressions are asked over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INTS = ["NULL", "0", "1", "-1", "2", "-2", "3", "7", "-7", "10", "100", "-128"]
DECIMALS = ["NULL", "0.00", "0.50", "-0.50", "1.50", "2.50", "-1.50", "-2.50", "1.25", "0.01", "99999.99"]
DOUBLES = [
    "NULL",
    "0",
    "0.5",
    "-0.5",
    "1.5",
    "2.5",
    "-2.5",
    "0.1",
    "3.7",
    "-3.7",
    "12345.678",
    "100",
    "2.675",
    "1.005",
]
TEXTS = [
    "NULL", "''", "'a'", "'A'", "'abc'", "' pad '", "'é'", "'Straße'", "'日本語'", "'12'", "'-7'",
    "'2024-02-29'", "'a,b,,c'", "'x_y%z'", "'it''s'", "'😀 b'", "'true'", "'aXbXc'",
]  # fmt: skip
BOOLEANS = ["NULL", "TRUE", "FALSE"]
DATES = [
    "NULL", "'2024-02-29'", "'2023-12-31'", "'2024-01-01'", "'1970-01-01'", "'1969-12-31'", "'2000-01-31'",
    "'2024-03-31'", "'1900-03-01'", "'2024-12-30'", "'2021-01-03'",
]  # fmt: skip
TIMES = [
    "NULL", "'2024-02-29 23:59:59.999999'", "'2023-12-31 00:00:00'", "'2024-01-01 12:30:45.5'",
    "'1970-01-01 00:00:00'", "'1969-12-31 23:59:59'", "'2000-01-31 06:07:08'", "'2024-03-31 01:02:03.25'",
    "'2024-12-30 18:00:00'", "'2021-01-03 00:00:01'",
]  # fmt: skip
# The two columns of each kind, and the values that they take.
KINDS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "small": ("sm", "sm2", INTS),
    "int": ("n", "m", [*INTS, "46340"]),
    "big": ("b", "b2", [*INTS, "4000000000", "9007199254740993"]),
    "huge": ("h", "h2", [*INTS, "4000000000", "9007199254740993"]),
    "decimal": ("x", "y", DECIMALS),
    "double": ("f", "g", DOUBLES),
    "text": ("s", "u", TEXTS),
    "bool": ("o", "p", BOOLEANS),
    "date": ("d", "e", DATES),
    "time": ("t", "v", TIMES),
}
TYPES: Mapping[str, Mapping[str, str]] = {
    "duckdb": {
        "small": "SMALLINT", "int": "INTEGER", "big": "BIGINT", "huge": "HUGEINT", "decimal": "DECIMAL(10,2)",
        "double": "DOUBLE", "text": "VARCHAR", "bool": "BOOLEAN", "date": "DATE", "time": "TIMESTAMP",
    },
    "postgres": {
        "small": "SMALLINT", "int": "INTEGER", "big": "BIGINT", "decimal": "NUMERIC(10,2)",
        "double": "DOUBLE PRECISION", "text": "TEXT", "bool": "BOOLEAN", "date": "DATE",
        "time": "TIMESTAMP WITHOUT TIME ZONE",
    },
}  # fmt: skip
ROWS = 18
GROUPS = 5


@dataclass(frozen=True)
class Grid:
    """The table on one engine; `huge` is what stands for a HUGEINT where there is none."""

    dialect: str
    huge: str = "BIGINT"

    def columns(self) -> dict[str, str]:
        """The columns and their types: `id` and `k`, a group, are never NULL."""
        types = {"huge": self.huge, **TYPES[self.dialect]}
        found = {"id": "INTEGER", "k": "INTEGER"}
        for kind, (first, second, _) in KINDS.items():
            found |= {first: types[kind], second: types[kind]}
        return found

    def statements(self) -> list[str]:
        """What makes and fills the table."""
        columns = self.columns()
        made = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        rows: list[str] = []
        for i in range(ROWS):
            for j in range(ROWS):
                number = i * ROWS + j
                values = [str(number), str((i + j) % GROUPS)]
                for _, _, given in KINDS.values():
                    values += [given[i % len(given)], given[j % len(given)]]
                rows.append(f"({', '.join(values)})")
        return [
            "DROP TABLE IF EXISTS grid",
            f"CREATE TABLE grid ({made})",
            f"INSERT INTO grid VALUES {', '.join(rows)}",
            "DROP TABLE IF EXISTS side",
            "CREATE TABLE side (id INTEGER, n INTEGER, s2 " + TYPES[self.dialect]["text"] + ")",
            "INSERT INTO side VALUES (1, 1, 'a'), (2, NULL, 'b'), (3, 7, NULL), (4, 7, 'é'), (500, 3, 'a')",
        ]


SIDE = {"id": "INTEGER", "n": "INTEGER", "s2": "text"}


def side(dialect: str) -> dict[str, Any]:
    """The columns of the second table."""
    return {**SIDE, "s2": TYPES[dialect]["text"]}
