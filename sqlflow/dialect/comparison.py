"""The queries that compare two relations: rows are matched, counted and told apart by the engine.

A query calls the sides `l` and `r`, their key columns k0, k1 and so on, the other columns c0, c1 and so on.
`p` is 1 in each row of a side, so that it is NULL where an outer join found none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlflow.core.relation import Column, Relation
from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.widening import holds

_NEXT = ",\n  "
_INEXACT = ("halffloat", "float", "double")
_NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "decimal", *_INEXACT)


class How(StrEnum):
    """How the values of two columns are compared: as they are, as text, or with a tolerance."""

    AS_IS = "as is"
    TEXT = "text"
    NEAR = "near"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A column that both sides have."""

    left: Column
    right: Column
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two relations whose rows are matched by `keys`, or that have none, with the columns to compare.

    `apart` leaves out keys that several rows of a side have. Those without a key are left out always.
    """

    left: Relation
    right: Relation
    keys: tuple[Pair, ...]
    columns: tuple[Pair, ...]
    apart: bool = False


def pair_of(spec: DialectSpec, left: Column, right: Column, *, near: bool) -> Pair:
    """Says how two columns are compared: types that the engine can't compare are, as text."""
    types = [parse_type(column.type) for column in (left, right)]
    inexact, numbers = _names(spec, _INEXACT), _names(spec, _NUMBERS)
    are_numbers = all(kind is not None and kind.name in numbers for kind in types)
    how = How.TEXT
    if are_numbers:
        how = How.NEAR if near and any(k is not None and k.name in inexact for k in types) else How.AS_IS
    elif any(_has_no_equality(spec, kind) for kind in types):
        how = How.TEXT
    elif left.type == right.type or any(
        holds(spec, *sides) for sides in ((left.type, right.type), (right.type, left.type))
    ):
        how = How.AS_IS
    return Pair(left=left, right=right, how=how)


def _names(spec: DialectSpec, kinds: Sequence[str]) -> frozenset[str]:
    """The names that the dialect has for kinds of Arrow's types."""
    found = (parse_type(spec.arrow_types.get(kind, "").partition("(")[0]) for kind in kinds)
    return frozenset(kind.name for kind in found if kind is not None)


def _has_no_equality(spec: DialectSpec, kind: SqlType | None) -> bool:
    if kind is None:
        return False
    return kind.name in spec.without_equality or any(_has_no_equality(spec, part) for _, part in kind.parts)


def count_keys(spec: DialectSpec, sides: Sides) -> str:
    """Counts of each side: its rows, those with NULL in the key, the keys that several rows have."""
    parts: list[str] = []
    for name, relation, left in (("left", sides.left, True), ("right", sides.right, False)):
        keys = [_value(spec, pair, "t", left=left) for pair in sides.keys]
        source = f"FROM {relation_sql(spec, relation)} AS t"
        repeated = f"SELECT 1 {source} WHERE {_is_whole(keys)} GROUP BY {', '.join(keys)} HAVING count(*) > 1"
        parts += [
            f"(SELECT count(*) {source}) AS rows_{name}",
            f"(SELECT count(*) {source} WHERE NOT ({_is_whole(keys)})) AS no_key_{name}",
            f"(SELECT count(*) FROM ({repeated}) AS q) AS repeated_{name}",
        ]
    return f"SELECT {_NEXT.join(parts)}"


def match_rows(spec: DialectSpec, sides: Sides) -> str:
    """Counts the rows of one side alone, those that are equal or not, and for each column where it differs.

    With a tolerance, that is the parameter.
    """
    differ = [_differs(spec, pair, number) for number, pair in enumerate(sides.columns)]
    both = "l.p IS NOT NULL AND r.p IS NOT NULL"
    any_of = f"({' OR '.join(differ)})" if differ else "FALSE"
    counted = [
        ("only_left", "r.p IS NULL"),
        ("only_right", "l.p IS NULL"),
        ("equal", f"{both} AND NOT {any_of}"),
        ("different", f"{both} AND {any_of}"),
        *((f"d{number}", f"{both} AND {one}") for number, one in enumerate(differ)),
    ]
    counts = _NEXT.join(f"count(CASE WHEN {condition} THEN 1 END) AS n_{name}" for name, condition in counted)
    return f"{_with(spec, sides)}\nSELECT {counts}\nFROM l FULL JOIN r ON {_on(sides)}"


def first_differences(spec: DialectSpec, sides: Sides, limit: int) -> str:
    """Gives for each column the first rows, by key, in which it differs: keys, both values, 1 where it does.

    `sides` has the columns that do differ. With a tolerance, that is the parameter.
    """
    keys = [f"k{i}" for i in range(len(sides.keys))]
    taken = [f"l.{key} AS {key}" for key in keys]
    for number, pair in enumerate(sides.columns):
        differs = f"CASE WHEN {_differs(spec, pair, number)} THEN 1 END"
        taken += [f"l.c{number} AS a{number}", f"r.c{number} AS b{number}", f"{differs} AS d{number}"]
    order = ", ".join(keys)
    numbers = range(len(sides.columns))
    counts = [f"count(d{i}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) AS n{i}" for i in numbers]
    wanted = " OR ".join(f"(d{i} = 1 AND n{i} <= {limit})" for i in numbers)
    differing = " OR ".join(f"d{i} = 1" for i in numbers)
    shown = [*keys, *(f"{letter}{i}" for i in numbers for letter in "abd")]
    return (
        f"{_with(spec, sides)},\nm AS (SELECT {', '.join(taken)} FROM l JOIN r ON {_on(sides)}),\n"
        f"n AS (SELECT m.*, {', '.join(counts)} FROM m WHERE {differing})\n"
        f"SELECT {', '.join(shown)} FROM n WHERE {wanted} ORDER BY {order}"
    )


def first_alone(spec: DialectSpec, sides: Sides, limit: int, *, left: bool) -> str:
    """Gives the first keys that only one side has."""
    one, other = ("l", "r") if left else ("r", "l")
    keys = ", ".join(f"{one}.k{i}" for i in range(len(sides.keys)))
    apart = Sides(left=sides.left, right=sides.right, keys=sides.keys, columns=(), apart=sides.apart)
    return (
        f"{_with(spec, apart)}\nSELECT {keys} FROM {one} LEFT JOIN {other} ON {_on(sides)} "
        f"WHERE {other}.p IS NULL ORDER BY {keys} LIMIT {limit}"
    )


def count_whole_rows(spec: DialectSpec, sides: Sides) -> str:
    """Counts the rows of each side, and those that one has more often than the other."""
    left, right = relation_sql(spec, sides.left), relation_sql(spec, sides.right)
    whole = spec.arrow_types["int64"]
    counts = (
        f"(SELECT count(*) FROM {left} AS t) AS n_left",
        f"(SELECT count(*) FROM {right} AS t) AS n_right",
        f"(SELECT CAST(coalesce(sum(s), 0) AS {whole}) FROM g WHERE s > 0) AS only_left",
        f"(SELECT CAST(coalesce(-sum(s), 0) AS {whole}) FROM g WHERE s < 0) AS only_right",
    )
    return f"{_with_whole_rows(spec, sides)}\nSELECT {_NEXT.join(counts)}"


def first_whole_rows(spec: DialectSpec, sides: Sides, limit: int, *, left: bool) -> str:
    """Gives the first rows that one side has more often than the other."""
    columns = ", ".join(f"c{number}" for number in range(len(sides.columns)))
    rows = f"SELECT {columns} FROM g WHERE s {'>' if left else '<'} 0 ORDER BY {columns} LIMIT {limit}"
    return f"{_with_whole_rows(spec, sides)}\n{rows}"


def _with_whole_rows(spec: DialectSpec, sides: Sides) -> str:
    """Names g the rows that one side has more often: s is by how much, below 0 for the right side.

    Both sides go through one grouping, where EXCEPT ALL in both directions would take two.
    """
    selects: list[str] = []
    for relation, left in ((sides.left, True), (sides.right, False)):
        columns = [
            f"{_value(spec, pair, 't', left=left)} AS c{number}" for number, pair in enumerate(sides.columns)
        ]
        sign = "1" if left else "-1"
        selects.append(f"SELECT {', '.join(columns)}, {sign} AS s FROM {relation_sql(spec, relation)} AS t")
    names = ", ".join(f"c{number}" for number in range(len(sides.columns)))
    both = "\n  UNION ALL ".join(selects)
    summed = f"SELECT {names}, sum(s) AS s FROM (\n  {both}\n  ) AS q"
    return f"WITH g AS (\n  {summed}\n  GROUP BY {names} HAVING sum(s) <> 0\n)"


def _with(spec: DialectSpec, sides: Sides) -> str:
    """Names the sides l and r: the rows that can be matched."""
    parts: list[str] = []
    repeated: list[str] = []
    for name, relation, left in (("l", sides.left, True), ("r", sides.right, False)):
        keys = [_value(spec, pair, "t", left=left) for pair in sides.keys]
        columns = [_value(spec, pair, "t", left=left) for pair in sides.columns]
        taken = [
            *(f"{key} AS k{number}" for number, key in enumerate(keys)),
            *(f"{column} AS c{number}" for number, column in enumerate(columns)),
        ]
        source, where = f"FROM {relation_sql(spec, relation)} AS t", _is_whole(keys)
        named = ", ".join(f"{key} AS k{number}" for number, key in enumerate(keys))
        repeated.append(
            f"SELECT {named} {source} WHERE {where} GROUP BY {', '.join(keys)} HAVING count(*) > 1"
        )
        if sides.apart:
            same = " AND ".join(f"d.k{number} = {key}" for number, key in enumerate(keys))
            where += f" AND NOT EXISTS (SELECT 1 FROM d WHERE {same})"
        parts.append(f"{name} AS (SELECT 1 AS p, {', '.join(taken)} {source} WHERE {where})")
    before = [f"d AS ({' UNION '.join(repeated)})"] if sides.apart else []
    return f"WITH {_NEXT.join((*before, *parts))}"


def _on(sides: Sides) -> str:
    return " AND ".join(f"l.k{number} = r.k{number}" for number in range(len(sides.keys)))


def _is_whole(keys: Sequence[str]) -> str:
    return " AND ".join(f"{key} IS NOT NULL" for key in keys)


def _value(spec: DialectSpec, pair: Pair, table: str, *, left: bool) -> str:
    """A column of a side, as it is compared."""
    name = f"{table}.{quote(spec, (pair.left if left else pair.right).name)}"
    return f"CAST({name} AS {spec.arrow_types['string']})" if pair.how is How.TEXT else name


def _differs(spec: DialectSpec, pair: Pair, number: int) -> str:
    """A condition that is never NULL: NULL equals NULL, and NaN equals NaN."""
    left, right = f"l.c{number}", f"r.c{number}"
    distinct = f"{left} IS DISTINCT FROM {right}"
    if pair.how is not How.NEAR:
        return distinct
    kind = spec.arrow_types["double"]
    near, value = f"CAST($1 AS {kind})", f"CAST({right} AS {kind})"
    # Adding to a side can't overflow where the difference of both would.
    inside = f"CAST({left} AS {kind}) BETWEEN {value} - {near} AND {value} + {near}"
    return f"({distinct} AND ({left} IS NULL OR {right} IS NULL OR NOT {inside}))"
