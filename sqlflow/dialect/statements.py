"""The statements that change a warehouse, written for a dialect.

Each function gives SQL text; names are quoted here, queries are put in as they are. Where a query is put
in, the text before it is a function of its own, so that the caller knows where the query begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlflow.core.relation import Column, Grant, Relation, RelationKind, ViewDefinition
from sqlflow.dialect.names import literal, quote, relation_sql, shorten
from sqlflow.dialect.spec import DialectSpec

_KEYWORDS = {RelationKind.TABLE: "TABLE", RelationKind.VIEW: "VIEW"}


def names(spec: DialectSpec, columns: Iterable[str], prefix: str = "") -> str:
    """Writes a list of columns, each after `prefix` and a dot where one is given."""
    dot = f"{prefix}." if prefix else ""
    return ", ".join(f"{dot}{quote(spec, column)}" for column in columns)


def create_schema(spec: DialectSpec, database: str | None, schema: str) -> str:
    """CREATE SCHEMA, if it is not there."""
    name = ".".join(quote(spec, part) for part in (database, schema) if part)
    return f"CREATE SCHEMA IF NOT EXISTS {name}"


def drop_schema(spec: DialectSpec, database: str | None, schema: str) -> str:
    """DROP SCHEMA, of an empty one."""
    return f"DROP SCHEMA IF EXISTS {'.'.join(quote(spec, part) for part in (database, schema) if part)}"


def create_table_as(
    spec: DialectSpec, relation: Relation, *, replace: bool = False, temporary: bool = False
) -> str:
    """What stands before the query of a CREATE TABLE ... AS."""
    return f"{_create(replace, temporary)} TABLE {relation_sql(spec, relation)} AS\n"


def create_table(
    spec: DialectSpec,
    relation: Relation,
    columns: Sequence[Column],
    *,
    replace: bool = False,
    temporary: bool = False,
    if_not_exists: bool = False,
    primary_key: Sequence[str] = (),
) -> str:
    """CREATE TABLE with its columns; the types are the engine's own words and are not quoted."""
    lines = [f"{quote(spec, column.name)} {column.type}" for column in columns]
    if primary_key:
        lines.append(f"PRIMARY KEY ({names(spec, primary_key)})")
    body = ",\n  ".join(lines)
    name = f"{'IF NOT EXISTS ' if if_not_exists else ''}{relation_sql(spec, relation)}"
    return f"{_create(replace, temporary)} TABLE {name} (\n  {body}\n)"


def create_view(spec: DialectSpec, relation: Relation, *, replace: bool = False) -> str:
    """What stands before the query of a CREATE VIEW ... AS."""
    return f"CREATE {'OR REPLACE ' if replace else ''}VIEW {relation_sql(spec, relation)} AS\n"


def define_view(spec: DialectSpec, view: ViewDefinition) -> str:
    """CREATE OR REPLACE VIEW by a view's own definition; without its options it would lose them."""
    options = f" WITH ({view.options})" if view.options else ""
    return f"CREATE OR REPLACE VIEW {relation_sql(spec, view.relation)}{options} AS\n{view.query}"


def drop(spec: DialectSpec, kind: RelationKind, relation: Relation, *, if_exists: bool = False) -> str:
    """DROP TABLE or DROP VIEW; never with CASCADE."""
    return f"DROP {_KEYWORDS[kind]} {'IF EXISTS ' if if_exists else ''}{relation_sql(spec, relation)}"


def checksum(spec: DialectSpec, relation: Relation, columns: Sequence[str]) -> str:
    """Asks for the number of rows and the sum of their hashes, which no order of the rows changes."""
    hashed = spec.row_hash.format(columns=names(spec, columns, "t"))
    return f"SELECT count(*) AS n, sum({hashed}) AS hashes FROM {relation_sql(spec, relation)} AS t"


def last_loaded(from_clause: str, expression: str, condition: str | None) -> str:
    """Asks when the last rows of a table came, and how many there are; what is given is SQL as it stands."""
    where = f"\nWHERE ({condition}\n)" if condition else ""
    return f"SELECT max({expression}\n), count(*)\nFROM {from_clause} AS q{where}"


def lock_view(spec: DialectSpec, relation: Relation) -> str:
    """Locks a view alone until the transaction ends, by moving it to the schema that it is in.

    LOCK would lock all that the view reads as well.
    """
    schema = quote(spec, relation.schema or spec.default_schema)
    return f"ALTER VIEW {relation_sql(spec, relation)} SET SCHEMA {schema}"


def typed_columns(spec: DialectSpec, columns: Sequence[Column]) -> str:
    """A query without rows that has the given columns: what it is described as is in the engine's words."""
    return "SELECT " + ", ".join(f"CAST(NULL AS {c.type}) AS {quote(spec, c.name)}" for c in columns)


def rename(spec: DialectSpec, kind: RelationKind, relation: Relation, identifier: str) -> str:
    """ALTER ... RENAME TO another name in the same schema."""
    return f"ALTER {_KEYWORDS[kind]} {relation_sql(spec, relation)} RENAME TO {quote(spec, identifier)}"


def index_name(spec: DialectSpec, relation: Relation, columns: Sequence[str]) -> str:
    """Names the index of a table on some columns: the same name for the same columns."""
    return shorten(spec, f"{relation.identifier}__{'_'.join(columns)}", "__idx")


def create_index(
    spec: DialectSpec,
    relation: Relation,
    columns: Sequence[str],
    *,
    unique: bool,
    if_not_exists: bool = False,
    on: Relation | None = None,
) -> str:
    """CREATE INDEX under the name that `index_name` gives, `on` another relation where one is given."""
    name = quote(spec, index_name(spec, relation, columns))
    return (
        f"CREATE {'UNIQUE ' if unique else ''}INDEX {'IF NOT EXISTS ' if if_not_exists else ''}{name} "
        f"ON {relation_sql(spec, on or relation)} ({names(spec, columns)})"
    )


def rename_index(spec: DialectSpec, relation: Relation, name: str, to: str) -> str:
    """ALTER INDEX ... RENAME TO, for an index in the schema of a relation, if it is there."""
    index = relation_sql(spec, Relation(relation.database, relation.schema, name))
    return f"ALTER INDEX IF EXISTS {index} RENAME TO {quote(spec, to)}"


def drop_index(spec: DialectSpec, relation: Relation, name: str) -> str:
    """DROP INDEX, for an index in the schema of a relation, if it is there."""
    return f"DROP INDEX IF EXISTS {relation_sql(spec, Relation(relation.database, relation.schema, name))}"


def insert_from(spec: DialectSpec, relation: Relation, columns: Sequence[str]) -> str:
    """What stands before the query, in brackets and named q, of an INSERT of some of its columns."""
    return (
        f"INSERT INTO {relation_sql(spec, relation)} ({names(spec, columns)})\n"
        f"SELECT {names(spec, columns, 'q')} FROM (\n"
    )


INSERT_FROM_END = "\n) AS q"

# What stands around a query whose rows are counted.
COUNT_ROWS = ("SELECT count(*) AS n FROM (\n", "\n) AS q")


def first_rows(limit: int) -> tuple[str, str]:
    """What stands around a query of which no more than so many rows are wanted."""
    return "SELECT * FROM (\n", f"\n) AS q LIMIT {limit}"


def insert_select(spec: DialectSpec, relation: Relation, columns: Sequence[str], source: Relation) -> str:
    """INSERT of some columns of another relation."""
    return (
        f"INSERT INTO {relation_sql(spec, relation)} ({names(spec, columns)})\n"
        f"SELECT {names(spec, columns)} FROM {relation_sql(spec, source)}"
    )


def delete_all(spec: DialectSpec, relation: Relation) -> str:
    """DELETE of all rows: unlike TRUNCATE, readers of an older snapshot go on seeing them."""
    return f"DELETE FROM {relation_sql(spec, relation)}"


def between(spec: DialectSpec, column: str, start: str, end: str) -> str:
    """A condition: a column is at `start` or after it, and before `end`."""
    return f"{quote(spec, column)} >= {start} AND {quote(spec, column)} < {end}"


def rows_where(relation: str, condition: str) -> str:
    """A relation, as SQL writes it, with some of its rows: a query in brackets."""
    return f"(SELECT * FROM {relation} WHERE {condition})"


def rows_around(condition: str) -> tuple[str, str]:
    """What stands around a query in brackets to make it one of some of its rows, in brackets as well."""
    return "(SELECT * FROM ", f" AS q WHERE {condition})"


def part_of(condition: str) -> tuple[str, str]:
    """What stands around a query of which only some rows are wanted."""
    return "SELECT * FROM (\n", f"\n) AS q WHERE {condition}"


def delete_where(spec: DialectSpec, relation: Relation, condition: str) -> str:
    """DELETE of some rows."""
    return f"DELETE FROM {relation_sql(spec, relation)} WHERE {condition}"


# What predicates of the user call the table and the new rows, which is what dbt calls them.
_OLD, _NEW = "DBT_INTERNAL_DEST", "DBT_INTERNAL_SOURCE"


def delete_matching(
    spec: DialectSpec,
    relation: Relation,
    keys: Sequence[str],
    source: Relation,
    predicates: Sequence[str] = (),
) -> str:
    """DELETE of the rows whose keys are among those of another relation, and that all predicates hold for."""
    old, new = (_OLD, _NEW) if predicates else ("t", "s")
    return (
        f"DELETE FROM {relation_sql(spec, relation)} AS {old}\n"
        f"WHERE EXISTS (SELECT 1 FROM {relation_sql(spec, source)} AS {new} "
        f"WHERE {_matches(spec, keys, old, new)}){_and(predicates)}"
    )


def delete_partitions(
    spec: DialectSpec, relation: Relation, parts: Sequence[tuple[str, str | None]], source: Relation
) -> str:
    """DELETE of the rows in the partitions that another relation has rows of; NULL makes a partition, too.

    A part is a column that both have, and the unit that its times are cut to, if any. What has no NULL in it
    is looked up in a set, which engines hash; comparing by IS NOT DISTINCT FROM alone would make PostgreSQL
    go through the set for each row.
    """
    new = relation_sql(spec, source)
    old = [_partition(spec, "t", *part) for part in parts]
    rows = ", ".join(f"{_partition(spec, 's', *part)} AS p{i}" for i, part in enumerate(parts))
    distinct = f"(SELECT DISTINCT {rows} FROM {new} AS s) AS q"
    row = f"({', '.join(old)})" if len(parts) > 1 else old[0]
    null = " OR ".join(f"{value} IS NULL" for value in old)
    same = " AND ".join(f"q.p{i} IS NOT DISTINCT FROM {value}" for i, value in enumerate(old))
    return (
        f"DELETE FROM {relation_sql(spec, relation)} AS t\n"
        f"WHERE {row} IN (SELECT {', '.join(f'q.p{i}' for i in range(len(parts)))} FROM {distinct})\n"
        f"OR (({null}) AND EXISTS (SELECT 1 FROM {distinct} WHERE {same}))"
    )


def _partition(spec: DialectSpec, table: str, column: str, granularity: str | None) -> str:
    name = f"{table}.{quote(spec, column)}"
    return name if granularity is None else f"date_trunc({literal(spec, granularity)}, {name})"


def merge(
    spec: DialectSpec,
    relation: Relation,
    keys: Sequence[str],
    columns: Sequence[str],
    source: Relation,
    update: Sequence[str],
    predicates: Sequence[str] = (),
) -> str:
    """MERGE by key: of a row that is there some columns get the new values, one that is not is inserted.

    A row for which one of the predicates does not hold counts as not there.
    """
    old, new = (_OLD, _NEW) if predicates else ("t", "s")
    values = ", ".join(f"{quote(spec, column)} = {new}.{quote(spec, column)}" for column in update)
    matched = f"WHEN MATCHED THEN UPDATE SET {values}\n" if update else ""
    return (
        f"MERGE INTO {relation_sql(spec, relation)} AS {old}\n"
        f"USING {relation_sql(spec, source)} AS {new} "
        f"ON {_matches(spec, keys, old, new)}{_and(predicates)}\n"
        f"{matched}"
        f"WHEN NOT MATCHED THEN INSERT ({names(spec, columns)}) VALUES ({names(spec, columns, new)})"
    )


def duplicate_keys(spec: DialectSpec, keys: Sequence[str], source: Relation) -> str:
    """A query that gives the keys that stand in a relation more than once."""
    return (
        f"SELECT {names(spec, keys)}, count(*) AS n FROM {relation_sql(spec, source)}\n"
        f"GROUP BY {names(spec, keys)} HAVING count(*) > 1"
    )


def null_keys(spec: DialectSpec, keys: Sequence[str], source: Relation) -> str:
    """A query that gives the rows of a relation in which a part of the key is NULL."""
    missing = " OR ".join(f"{quote(spec, key)} IS NULL" for key in keys)
    return f"SELECT {names(spec, keys)} FROM {relation_sql(spec, source)} WHERE {missing}"


def add_column(spec: DialectSpec, relation: Relation, column: Column) -> str:
    """ALTER TABLE ... ADD COLUMN."""
    return f"ALTER TABLE {relation_sql(spec, relation)} ADD COLUMN {quote(spec, column.name)} {column.type}"


def drop_column(spec: DialectSpec, relation: Relation, name: str) -> str:
    """ALTER TABLE ... DROP COLUMN; never with CASCADE."""
    return f"ALTER TABLE {relation_sql(spec, relation)} DROP COLUMN {quote(spec, name)}"


def with_columns(
    spec: DialectSpec, relation: Relation, kept: Sequence[Column], added: Sequence[Column]
) -> str:
    """A query of a table's rows with some of its columns, as the given types, and further ones of NULL."""
    columns = [f"CAST({quote(spec, c.name)} AS {c.type}) AS {quote(spec, c.name)}" for c in kept]
    columns += [f"CAST(NULL AS {c.type}) AS {quote(spec, c.name)}" for c in added]
    return f"SELECT {', '.join(columns)} FROM {relation_sql(spec, relation)}"


def change_type(spec: DialectSpec, relation: Relation, column: Column) -> str:
    """ALTER TABLE ... ALTER COLUMN ... TYPE."""
    name = quote(spec, column.name)
    return f"ALTER TABLE {relation_sql(spec, relation)} ALTER COLUMN {name} TYPE {column.type}"


def comment(spec: DialectSpec, kind: RelationKind, relation: Relation, text: str | None) -> str:
    """COMMENT ON TABLE or VIEW; None takes the comment away."""
    return f"COMMENT ON {_KEYWORDS[kind]} {relation_sql(spec, relation)} IS {literal(spec, text)}"


def comment_column(spec: DialectSpec, relation: Relation, column: str, text: str | None) -> str:
    """COMMENT ON COLUMN, of a table or a view; None takes the comment away."""
    return f"COMMENT ON COLUMN {relation_sql(spec, relation)}.{quote(spec, column)} IS {literal(spec, text)}"


def grant(spec: DialectSpec, relation: Relation, grants: Iterable[Grant]) -> tuple[str, ...]:
    """GRANTs, one for grants to the same grantee that follow each other, with the grant option or without.

    The words of privileges are the engine's own and are not quoted.
    """
    name = relation_sql(spec, relation)
    statements: list[str] = []
    for (grantee, grantable), group in groupby(grants, key=lambda one: (one.grantee, one.grantable)):
        option = " WITH GRANT OPTION" if grantable else ""
        to = _grantee(spec, grantee)
        statements.append(f"GRANT {_privileges(spec, group)} ON {name} TO {to}{option}")
    return tuple(statements)


def revoke(spec: DialectSpec, relation: Relation, grants: Iterable[Grant]) -> tuple[str, ...]:
    """REVOKEs, one for grants to the same grantee that follow each other; never with CASCADE."""
    name = relation_sql(spec, relation)
    return tuple(
        f"REVOKE {_privileges(spec, group)} ON {name} FROM {_grantee(spec, grantee)}"
        for grantee, group in groupby(grants, key=lambda one: one.grantee)
    )


def _privileges(spec: DialectSpec, grants: Iterable[Grant]) -> str:
    return ", ".join(
        one.privilege if one.column is None else f"{one.privilege} ({quote(spec, one.column)})"
        for one in grants
    )


def _grantee(spec: DialectSpec, name: str | None) -> str:
    return "PUBLIC" if name is None else quote(spec, name)


def _create(replace: bool, temporary: bool) -> str:
    return f"CREATE{' OR REPLACE' if replace else ''}{' TEMPORARY' if temporary else ''}"


def _matches(spec: DialectSpec, keys: Sequence[str], old: str, new: str) -> str:
    return " AND ".join(f"{old}.{quote(spec, key)} = {new}.{quote(spec, key)}" for key in keys)


def _and(predicates: Sequence[str]) -> str:
    # On lines of their own: a predicate may end in a comment.
    return "".join(f"\nAND ({predicate}\n)" for predicate in predicates)
