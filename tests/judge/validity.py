"""Says whether a query that the engine describes, and the compiler refuses, could ever give rows.

DESCRIBE is lenient in two ways. It doesn't look into a part that is not used. And it binds a cast that the
engine doesn't have, DATE from DOUBLE say, which then fails at the first value that is not NULL.
"""

from __future__ import annotations

import re

import duckdb
import sqlglot
from sqlglot import exp

from tests.judge.engine import Engine, connect
from tests.judge.verdict import DIALECT

# What SF0305 and SF0306 say of two types.
_CLASH = re.compile(
    r"SF030[56]: (?:column \d+ of the \w+ is )?(?P<one>.+?)"
    r"(?: can't be compared with | on one side and )(?P<two>.+?)(?: on the other)?$"
)
_VALUES = ("'2020-01-01'", "1", "'1 day'", "'10:30:00'", "true", "['1']", "'a'")
_MISSING_CAST = "Unimplemented type for cast"


def is_valid_throughout(engine: Engine, sql: str) -> bool:
    """Whether each of the common table expressions, and of the windows with a name, is valid, used or not."""
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    parts = tree.args.get("with_")
    if parts is not None:
        for part in parts.expressions:
            alone = exp.select("*").from_(exp.table_(part.alias))
            alone.set("with_", parts.copy())
            if engine.describe(alone.sql(DIALECT)) is None:
                return False
    for select in tree.find_all(exp.Select):
        for window in select.args.get("windows") or ():
            select.append(
                "expressions", exp.Window(this=exp.Count(this=exp.Star()), alias=window.this.copy())
            )
    return engine.describe(tree.sql(DIALECT)) is not None


def fails_on_values(message: str) -> bool:
    """Whether two types that a message calls a clash have no cast, so that a value of each is an error."""
    clash = _CLASH.match(message)
    if clash is None:
        return False
    connection = connect()
    values = [_value(connection, clash[side]) for side in ("one", "two")]
    if None in values:
        return False
    # In tables: the engine folds constants, and would say so for another reason.
    connection.execute(f"CREATE TABLE one AS SELECT {values[0]} AS x")
    connection.execute(f"CREATE TABLE two AS SELECT {values[1]} AS y")
    for sql in ("SELECT x = y FROM one, two", "FROM one UNION ALL FROM two"):
        try:
            connection.execute(sql).fetchall()
        except duckdb.Error as error:
            if _MISSING_CAST not in str(error):
                return False
        else:
            return False
    return True


def _value(connection: duckdb.DuckDBPyConnection, kind: str) -> str | None:
    for text in _VALUES:
        value = f"CAST({text} AS {kind})"
        try:
            row = connection.execute(f"SELECT {value} IS NOT NULL").fetchone()
        except duckdb.Error:
            continue
        if row == (True,):
            return value
    return None
