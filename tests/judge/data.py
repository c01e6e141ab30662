"""Small data sets made for one query, in which its filters and joins find something.

Each column draws from a pool: the literals that the query compares it with and their neighbours, or else a
few plain values. Keys draw from few numbers, so that joins match; a `wide` table has many rows, any other one
has few with a key of their own, so that joins don't multiply. Values depend on row number and seed alone.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from tests.judge.engine import quoted
from tests.judge.subject import Tables

if TYPE_CHECKING:
    from sqlglot import Expr

KEYS = 12
# From this seed on, each column draws from few values, so that filters hold together more often.
FOCUSED = 100
# No column's name: the days that a query mentions anywhere.
_ANY_DAY = ""
_TEXTS = ("a", "b", "abc", "b-c", "2")
_NUMBERS = ("75.5", "2", "0.25", "1.5", "10")
_WHOLE = ("3", "1", "2", "4", "5")
_DAYS = ("2020-01-05", "2020-01-06", "2020-02-01", "2020-03-01", "1999-05-20")
_NESTED: Mapping[str, tuple[str, ...]] = {
    "BOOLEAN": ("true", "false"),
    "VARCHAR[]": ("['a', 'b']", "['b-c']", "['z', 'a', 'q']", "[]"),
    "INTEGER[]": ("[1, 2, 3]", "[4]", "[2, 9]", "[]"),
    "BIGINT[]": ("[1, 2, 3]", "[4]", "[2, 9]", "[]"),
    "STRUCT(color VARCHAR, size INTEGER)": (
        "{'color': 'a', 'size': 1}", "{'color': 'b', 'size': 2}", "{'color': 'abc', 'size': 3}",
        "{'color': 'b-c', 'size': 1}",
    ),
    "MAP(VARCHAR, INTEGER)": ("MAP {'a': 1, 'b': 2}", "MAP {'a': 2}", "MAP {'a': 3, 'z': 1}"),
    "JSON": ("""'{"a": "x", "n": 1}'""", """'{"a": "b", "n": 2}'""", """'{"a": {"b": 1}}'""", "'[1, 2]'"),
}  # fmt: skip
# Values that none of the pools above has.
_WILD: Mapping[str, tuple[str, ...]] = {
    "BOOLEAN": ("true", "false"),
    "VARCHAR[]": ("['wild']", "['a', 'wild', 'b']"),
    "INTEGER[]": ("[77, 1]", "[88]"),
    "BIGINT[]": ("[77, 1]", "[88]"),
    "STRUCT(color VARCHAR, size INTEGER)": (
        "{'color': 'wild', 'size': 77}",
        "{'color': 'awild', 'size': 78}",
    ),
    "MAP(VARCHAR, INTEGER)": ("MAP {'a': 77, 'w': 1}", "MAP {'a': 78, 'b': 79}"),
    "JSON": ("""'{"a": "wild", "n": 77}'""", """'[1, 2, 3, 4]'"""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How tables are filled: which are wide, rows of a wide one and of any other, NULLs in 100 values."""

    wide: frozenset[str] = frozenset()
    many: int = 120
    few: int = 12
    nulls: int = 8
    unique_keys: bool = True


def literals_of(sql: str) -> dict[str, tuple[str, ...]]:
    """Gives the literals that a query compares each column with, by the column's name in lower case.

    One that rows are kept for stands three times, one that they are thrown away for once.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except SqlglotError:
        return {}
    found: dict[str, list[str]] = {}
    for node in tree.find_all(exp.Predicate):
        if node.find(exp.Subquery, exp.Select) or isinstance(node, exp.Exists):
            continue
        values = [literal.this for literal in node.find_all(exp.Literal)] + _sums(node)
        excluded = isinstance(node, exp.NEQ) or isinstance(node.parent, exp.Not)
        for column in node.find_all(exp.Column):
            found.setdefault(column.name.lower(), []).extend(values * (1 if excluded else 3))
    days = [x.this for x in tree.find_all(exp.Literal) if re.match(r"\d{4}-\d\d-\d\d", x.this)]
    return {_ANY_DAY: tuple(days), **{name: tuple(values) for name, values in found.items()}}


def _sums(node: Expr) -> list[str]:
    from sqlglot import exp

    numbers = [
        int(x.this) for x in node.find_all(exp.Literal) if not x.is_string and re.fullmatch(r"\d+", x.this)
    ]
    if not node.find(exp.Add, exp.Sub):
        return []
    return [str(a + sign * b) for a in numbers for b in numbers if a > b for sign in (1, -1)]


def pool(name: str, kind: str, literals: Iterable[str]) -> tuple[str, ...]:
    """Gives the values that a column draws from, as SQL: literals as often as they are given, neighbours."""
    if kind in _NESTED:
        return _NESTED[kind]
    known = tuple(literals)
    if kind == "VARCHAR":
        return _texts(known)
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return _days(known)
    whole = not (kind.startswith("DECIMAL") or kind in ("DOUBLE", "FLOAT"))
    near = [float(text) for text in known if _is_number(text) and not (whole and "." in text)]
    if whole and not near and re.search(r"_(?:sk|key|number)$", name):
        return tuple(str(number + 1) for number in range(KEYS))
    near.sort()
    step = 1.0 if whole else 0.5
    near += [number + d for number in sorted(set(near)) for d in (-step, step)]
    near = [number for number in near if _fits(number, kind)]
    plain = [float(text) for text in (_WHOLE if whole else _NUMBERS)]
    numbers = [*near, *(number for number in (plain[:2] if near else plain) if _fits(number, kind))]
    return tuple(str(int(number)) if whole else str(number) for number in numbers)


def _fits(number: float, kind: str) -> bool:
    """Whether a number lies in a type's range."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if decimal is not None:
        return abs(number) < 10 ** (int(decimal[1]) - int(decimal[2]))
    most = {"TINYINT": 127, "SMALLINT": 32_767, "INTEGER": 2**31 - 1}.get(kind, 2**53)
    return (number >= 0 or kind != "UINTEGER") and abs(number) <= most


def wild(kind: str) -> tuple[str, ...]:
    """Gives values that no pool has, as SQL."""
    if kind in _WILD:
        return _WILD[kind]
    if kind == "VARCHAR":
        return ("'wild'", "'awild-b'", "'0wild'", "'9'")
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return ("'1970-07-09'", "'2031-11-30'")
    return tuple(text for text in ("7", "77", "78", "-6", "0") if _fits(float(text), kind))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,7}(?:\.\d+)?", text) is not None


def _texts(literals: tuple[str, ...]) -> tuple[str, ...]:
    texts = [text.replace("%", "q").replace("_", "q") for text in literals]
    texts = [*texts, texts[0] + "x", "other"] if texts else list(_TEXTS)
    return tuple("'" + text.replace("'", "''") + "'" for text in texts)


def _days(literals: tuple[str, ...]) -> tuple[str, ...]:
    days: list[str] = []
    for text in literals:
        try:
            start = datetime.date.fromisoformat(text[:10])
        except ValueError:
            continue
        days += [str(start + datetime.timedelta(days=d)) for d in (0, 1, 5, 12, 20, -3, 33, 64)]
    return tuple(f"'{day}'" for day in days or _DAYS)


def draw(values: tuple[str, ...], kind: str, salt: str, row: str = "__i") -> str:
    """Gives the expression that draws a value for a row."""
    listed = ", ".join(values)
    return f"(CAST([{listed}] AS {kind}[]))[1 + (hash({row} * 31, '{salt}') % {len(values)})::BIGINT]"


def some(value: str, other: str, salt: str, share: int, row: str = "__i") -> str:
    """Gives the expression that takes `value` in so many of 100 rows, and `other` in the rest."""
    return f"CASE WHEN hash({row} * 17, '{salt}') % 100 < {share} THEN {value} ELSE {other} END"


def _few(values: tuple[str, ...], salt: str) -> tuple[str, ...]:
    """Gives three of the values, one of them most often."""
    picked = [values[crc32(f"{salt}.{i}".encode()) % len(values)] for i in range(3)]
    return (*picked[:1] * 4, *picked)


class Filling:
    """How the tables that one query reads are filled."""

    def __init__(self, tables: Tables, sql: str, shape: Shape) -> None:
        self._tables = tables
        self._shape = shape
        self._literals = literals_of(sql)

    def rows(self, table: str, seed: int) -> int:
        """How many rows a table has; a wide one has fewer in some data sets and more in others."""
        share = (1.0, 0.25, 0.5, 4.0)[seed % 4]
        return int(self._shape.many * share) if table in self._shape.wide else self._shape.few

    def is_key(self, table: str, name: str) -> bool:
        """Whether a column numbers its table's rows."""
        first = self._tables[table][0][0]
        return self._shape.unique_keys and name == first and table not in self._shape.wide

    def pool(self, table: str, name: str, kind: str) -> tuple[str, ...]:
        """The values that a column draws from."""
        known = self._literals.get(name.lower(), ())
        if not known and kind in ("DATE", "TIMESTAMP"):
            known = self._literals.get(_ANY_DAY, ())
        return pool(name, kind, known)

    def numbers(self, name: str) -> tuple[str, ...]:
        """The numbers that the query compares a column with, each once, those further from zero first."""
        known = {text for text in self._literals.get(name.lower(), ()) if _is_number(text)}
        return tuple(sorted(known, key=lambda text: (-abs(float(text)), text)))

    def statement(self, table: str, seed: int) -> str:
        """Gives the statement that makes the table `base.TABLE`, with the row's number in `__i`."""
        parts: list[str] = []
        for name, kind, not_null in self._tables[table]:
            salt = f"{seed}.{table}.{name}"
            if self.is_key(table, name) and not kind.startswith("VARCHAR"):
                value = f"CAST(1 + __i AS {kind})"
            else:
                values = self.pool(table, name, kind)
                value = draw(_few(values, salt) if seed >= FOCUSED else values, kind, salt)
                if not not_null:
                    value = some("NULL", value, salt + ".null", self._shape.nulls)
            parts.append(f"{value} AS {quoted(name)}")
        source = f"range({self.rows(table, seed)}) AS r(__i)"
        return f"CREATE OR REPLACE TABLE base.{quoted(table)} AS SELECT {', '.join(parts)}, __i FROM {source}"


def view(tables: Tables, table: str, replaced: Mapping[str, str] | None = None, tail: str = "") -> str:
    """Gives the statement that makes the view through which queries read a table, some columns replaced."""
    known = replaced or {}
    parts = [
        f"{known[name]} AS {quoted(name)}" if name in known else quoted(name) for name, _, _ in tables[table]
    ]
    return (
        f"CREATE OR REPLACE VIEW {quoted(table)} AS SELECT {', '.join(parts)} FROM base.{quoted(table)}{tail}"
    )
