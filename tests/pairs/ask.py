"""Asks two engines for an expression, as it is written and as it is translated, and compares the answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp

from sqlflow.bind.query.bind import bind_tree
from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.bind.translate.constructs import Construct, constructs
from sqlflow.bind.translate.translate import TableRead, Translator
from sqlflow.core.ids import NodeId
from sqlflow.core.schema import SqlType
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.pairs import Pair
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.spec import DialectSpec
from tests.pairs.grid import Grid, side

# Doubles are sums and quotients in another order of rounding: equal to that share of their size.
TOLERANCE = 1e-12
NOTHING = "there is no value at all"
Run = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Asked:
    """A query in both dialects, and what it is made of; `kind` is the type of its column `r`."""

    sql: str
    translated: str
    constructs: tuple[Construct, ...]
    root: Construct | None
    kind: SqlType | None


@dataclass
class Asker:
    """Translates by what is verified so far and asks."""

    source: DialectSpec
    target: DialectSpec
    verified: dict[str, str]
    types: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self._rules: TypeRules | None = load_rules(self.source)

    def translate(self, sql: str, forms: Mapping[str, str] | None = None) -> Asked:
        """Translates a query over the tables `grid` and `side`."""
        rules, dialect = self._rules, sqlglot.Dialect.get_or_raise(self.source.name)
        assert rules is not None
        tokens = dialect.tokenize(sql)
        tree = dialect.parser().parse(tokens, sql)[0]
        assert tree is not None
        tables = {
            "grid": _table("grid", Grid(self.source.name).columns(), rules),
            "side": _table("side", side(self.source.name), rules),
        }
        notes = Notes()
        table, mistakes = bind_tree(
            tree, sql, self.source, rules, lambda t: tables.get(t.name.lower()), notes
        )
        assert not mistakes, mistakes
        parts = tuple(constructs(tree, notes, rules))
        root = _root(tree, parts)
        pair = Pair(
            source=self.source.name,
            target=self.target.name,
            verified={**self.verified, **(forms or {})},
            types=self.types,
        )
        made, _ = Translator(self.source, self.target, pair, rules).translate(
            tree, table, notes, _read, tokens, TextMap.identity("q", sql), sql
        )
        text = made.text
        for place in reversed(made.tables):
            text = text[: place.start] + str(place.node) + text[place.end :]
        kind = next((c.value.type for c in table.columns if c.name == "r"), None)
        return Asked(sql, text, parts, root, kind)


def _table(name: str, columns: Mapping[str, str], rules: TypeRules) -> Table:
    return Table(
        columns=tuple(
            Column(
                name=column, value=Value(type=rules.cast(kind), sources=frozenset({ColumnRef(name, column)}))
            )
            for column, kind in columns.items()
        )
    )


def _read(table: exp.Table) -> TableRead | None:
    if table.name.lower() not in ("grid", "side"):
        return None
    return TableRead(node=NodeId(table.name.lower()), is_this=False, visible=table.name)


def _root(tree: exp.Expr, parts: Sequence[Construct]) -> Construct | None:
    """The construct that the column `r` is."""
    item = next((i for i in getattr(tree, "selects", []) if i.alias == "r"), None)
    node = item.this if item is not None else None
    while isinstance(node, (exp.Paren, exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls)):
        found = next((part for part in parts if part.node is node), None)
        if found is not None and not isinstance(node, exp.Window):
            return found
        node = node.this
    return next((part for part in parts if part.node is node), None)


def fits(kind: SqlType | None, value: object) -> bool:
    """Whether a value of the target has the kind of the source's type."""
    if value is None or kind is None:
        return True
    name = kind.name
    if name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"):
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "HUGEINT":
        whole = isinstance(value, Decimal) and value == value.to_integral_value()
        return whole or (isinstance(value, int) and not isinstance(value, bool))
    if name in ("DECIMAL", "NUMERIC"):
        return isinstance(value, Decimal)
    if name in ("DOUBLE", "FLOAT", "DOUBLE PRECISION", "REAL"):
        return isinstance(value, float)
    if name == "BOOLEAN":
        return isinstance(value, bool)
    if name == "DATE":
        return isinstance(value, date) and not isinstance(value, datetime)
    if name.startswith("TIMESTAMP"):
        return isinstance(value, datetime)
    if name == "INTERVAL":
        return isinstance(value, timedelta)
    if name in ("VARCHAR", "TEXT", "CHARACTER VARYING"):
        return isinstance(value, str)
    return True


def same(left: object, right: object) -> bool:
    """Whether two values are equal: numbers whatever their type, doubles but for their last digits."""
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float, Decimal)) and isinstance(right, (int, float, Decimal)):
        if isinstance(left, float) or isinstance(right, float):
            if math.isnan(left) or math.isnan(right):
                return math.isnan(left) and math.isnan(right)
            return math.isclose(float(left), float(right), rel_tol=TOLERANCE, abs_tol=1e-300)
        return left == right
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def verdict(asked: Asked, here: Run, there: Run, each: Sequence[str] = ()) -> str:
    """Gives why the answers differ; empty where they don't.

    Where a query fails as a whole, it is asked for each of the conditions `each`: rows that the first engine
    has no value for say nothing.
    """
    try:
        left = here(asked.sql)
    except Exception:
        return _each(asked, here, there, each) if each else NOTHING
    try:
        right = there(asked.translated)
    except Exception as error:
        return str(error).splitlines()[0]
    wrong = _compared(asked, left, right)
    return wrong or ("" if any(row[-1] is not None for row in left) else NOTHING)


def _each(asked: Asked, here: Run, there: Run, each: Sequence[str]) -> str:
    valued = 0
    for condition in each:
        try:
            left = here(asked.sql.replace("ORDER BY id", f"WHERE {condition} ORDER BY id"))
        except Exception:
            continue
        marked = asked.translated.rpartition("ORDER BY")
        try:
            right = there(f"{marked[0]} WHERE {condition} ORDER BY{marked[2]}")
        except Exception as error:
            return f"{condition}: {str(error).splitlines()[0]}"
        wrong = _compared(asked, left, right)
        if wrong:
            return wrong
        valued += any(row[-1] is not None for row in left)
    return "" if valued else NOTHING


def _compared(asked: Asked, left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> str:
    if len(left) != len(right):
        return f"{len(left)} rows, and {len(right)}"
    for one, other in zip(left, right, strict=True):
        if not all(map(same, one, other)):
            return f"{one} is not {other}"
        if not fits(asked.kind, other[-1]):
            return f"kind: {asked.kind} is {type(other[-1]).__name__}"
    return ""
