"""The statements of a table that keeps the versions of rows, each with the time from and to which it held.

A version is current where its end is NULL, or the expression that stands for NULL. Of a key, the next version
begins where the last one ended or later, by a microsecond at least after that one began: so no two overlap,
and a key and the begin of a version name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlflow.core.config import MetaColumns
from sqlflow.core.moments import MomentType, moment_type
from sqlflow.core.relation import Column, Relation
from sqlflow.core.schema import parse_type
from sqlflow.dialect.names import literal, quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.statements import create_table_as, names

MOMENT, ZONED = MomentType.TIMESTAMP.value, MomentType.ZONED.value
# The type of the columns of text that are added; the engine may have another word for it.
TEXT = "TEXT"
# What a version's begin is called while it is computed.
_OPENED = "sqlflow_opened"
_A_DAY = timedelta(days=1)


def moment_of(kind: str) -> str | None:
    """Gives the type of a version's begin and end where the times of changes have a type; None for no time.

    A date is too coarse: a row can change, or go, more than once a day.
    """
    found = moment_type(kind)
    return None if found is None else ZONED if found is MomentType.ZONED else MOMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A table of versions.

    - `columns`: those of the table that come from the query, or came from it once.
    - `given`: the names among them that the query gives now.
    - `updated_at`: the query's column that tells when a row changed; None where `now` does, the run's time.
    - `compared`: the columns of which one has to differ for a new version; None where a later `updated_at`
      makes one; empty where every row is taken for changed.
    - `moment`, `updated`: the types of a version's begin and end, and of its `dbt_updated_at`.
    - `forever`: the expression for the end of a current version, if that is not NULL.
    - `marks_deleted`: whether there is the column that tells versions which say that a row is gone.
    """

    spec: DialectSpec
    table: Relation
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    given: frozenset[str]
    names: MetaColumns
    updated_at: str | None
    compared: tuple[str, ...] | None
    moment: str
    updated: str
    forever: str | None
    marks_deleted: bool
    now: datetime

    def _quoted(self, name: str, of: str = "") -> str:
        return f"{of}.{quote(self.spec, name)}" if of else quote(self.spec, name)

    def _now(self, later: timedelta = timedelta()) -> str:
        now = (self.now + later).astimezone(UTC)
        return literal(self.spec, now if self.moment == ZONED else now.replace(tzinfo=None))

    def _end(self) -> str:
        return f"CAST({self.forever or 'NULL'} AS {self.moment})"

    def _id(self, of: str, opened: str) -> str:
        at = f"({opened} AT TIME ZONE 'UTC')" if self.moment == ZONED else opened
        parts = [*(self._quoted(key, of) for key in self.keys), at]
        return "md5(" + " || '|' || ".join(f"CAST({part} AS {TEXT})" for part in parts) + ")"

    def _is_current(self, of: str) -> str:
        end = self._quoted(self.names.dbt_valid_to, of)
        return f"({end} IS NULL OR {end} = {self._end()})" if self.forever else f"{end} IS NULL"

    def _same_key(self, left: str, right: str) -> str:
        return " AND ".join(f"{self._quoted(k, left)} = {self._quoted(k, right)}" for k in self.keys)

    def _after(self, floor: str) -> str:
        """The run's time, or a moment after `floor` where a clock was set back or a row came from ahead."""
        return f"WHEN {floor} >= {self._now()} THEN {floor} + INTERVAL '1 microsecond' ELSE {self._now()} END"

    def _meta(self, of: str, opened: str, updated: str, deleted: str) -> list[str]:
        """The added columns of a new version."""
        made = self.names
        found = [
            (self._id(of, opened), made.dbt_scd_id),
            (f"CAST({updated} AS {self.updated})", made.dbt_updated_at),
            (opened, made.dbt_valid_from),
            (self._end(), made.dbt_valid_to),
        ]
        if self.marks_deleted:
            found.append((f"CAST('{deleted}' AS {TEXT})", made.dbt_is_deleted))
        return [f"{value} AS {quote(self.spec, name)}" for value, name in found]

    def _all(self) -> tuple[str, ...]:
        made = self.names
        deleted = (made.dbt_is_deleted,) if self.marks_deleted else ()
        added = (made.dbt_scd_id, made.dbt_updated_at, made.dbt_valid_from, made.dbt_valid_to, *deleted)
        return (*(column.name for column in self.columns), *added)

    def first(self) -> tuple[str, str]:
        """What stands before and after the query in the statement that makes the table."""
        given = self._quoted(self.updated_at, "q") if self.updated_at is not None else self._now()
        opened = f"CAST({given} AS {self.moment})" if self.updated_at is not None else given
        columns = [self._quoted(column.name, "q") for column in self.columns]
        selected = ",\n  ".join([*columns, *self._meta("q", opened, given, "False")])
        return f"{create_table_as(self.spec, self.table)}SELECT\n  {selected}\nFROM (\n", "\n) AS q"

    def changes(self, batch: Relation, into: Relation) -> str:
        """Puts the versions that begin now into a temporary table, by comparing a batch with the table."""
        current, floor = "o", f"COALESCE({self._quoted(self.names.dbt_valid_from, 'o')}, e.ended)"
        table = relation_sql(self.spec, self.table)
        by_clock = self._after(floor)
        if self.updated_at is None:
            opened, updated = f"CASE {by_clock}", self._now()
        else:
            updated = self._quoted(self.updated_at, "s")
            at = f"CAST({updated} AS {self.moment})"
            opened = f"CASE WHEN {floor} IS NULL OR {at} > {floor} THEN {at} {by_clock}"
        columns = [
            f"CAST({self._quoted(c.name, 's') if c.name in self.given else 'NULL'} AS {c.type}) "
            f"AS {self._quoted(c.name)}"
            for c in self.columns
        ]
        selected = ",\n  ".join([*columns, *self._meta("s", f"s.{_OPENED}", updated, "False")])
        keys = names(self.spec, self.keys)
        return (
            f"{create_table_as(self.spec, into, temporary=True)}SELECT\n  {selected}\nFROM (\n"
            f"  SELECT s.*, {opened} AS {_OPENED}\n"
            f"  FROM {relation_sql(self.spec, batch)} AS s\n"
            f"  LEFT JOIN {table} AS o ON {self._same_key('o', 's')} AND {self._is_current(current)}\n"
            f"  LEFT JOIN (\n"
            f"    SELECT {keys}, max({self._quoted(self.names.dbt_valid_to, 't')}) AS ended\n"
            f"    FROM {table} AS t WHERE NOT ({self._is_current('t')}) GROUP BY {keys}\n"
            f"  ) AS e ON {self._same_key('e', 's')}\n"
            f"  WHERE {self._quoted(self.keys[0], 'o')} IS NULL\n"
            f"    OR {self._changed()}\n"
            f") AS s"
        )

    def _changed(self) -> str:
        tests: list[str] = []
        if self.marks_deleted:
            tests.append(f"{self._quoted(self.names.dbt_is_deleted, 'o')} = 'True'")
        if self.compared is None:
            updated = self._quoted(self.updated_at or "", "s")
            tests.append(f"{updated} > {self._quoted(self.names.dbt_updated_at, 'o')}")
        elif not self.compared:
            tests.append("TRUE")
        else:
            types = {column.name: column.type for column in self.columns}
            tests += [self._differs(name, types[name]) for name in self.compared]
        return "\n    OR ".join(tests)

    def _differs(self, name: str, kind: str) -> str:
        left, right = self._quoted(name, "s"), self._quoted(name, "o")
        parsed = parse_type(kind)
        if parsed is not None and parsed.name in self.spec.without_equality:
            left, right = f"CAST({left} AS {TEXT})", f"CAST({right} AS {TEXT})"
        return f"{left} IS DISTINCT FROM {right}"

    def _gone(self, batch: Relation) -> str:
        """The current versions of rows that a batch no longer has."""
        found = (
            f"{self._is_current('t')} AND NOT EXISTS (\n"
            f"  SELECT 1 FROM {relation_sql(self.spec, batch)} AS s WHERE {self._same_key('t', 's')}\n)"
        )
        if self.marks_deleted:
            found = f"{self._quoted(self.names.dbt_is_deleted, 't')} = 'False' AND {found}"
        return found

    def ends_of_deleted(self, batch: Relation) -> str:
        """Ends the current versions of the rows that are gone."""
        begin = self._quoted(self.names.dbt_valid_from, "t")
        return (
            f"UPDATE {relation_sql(self.spec, self.table)} AS t\n"
            f"SET {self._quoted(self.names.dbt_valid_to)} = CASE {self._after(begin)}\n"
            f"WHERE {self._gone(batch)}"
        )

    def versions_of_deleted(self, batch: Relation, into: Relation) -> str:
        """Adds, for each row that is gone, a version which says so to those that begin now."""
        begin = self._quoted(self.names.dbt_valid_from, "t")
        columns = [self._quoted(column.name, "s") for column in self.columns]
        selected = ",\n  ".join([*columns, *self._meta("s", f"s.{_OPENED}", self._now(), "True")])
        return (
            f"INSERT INTO {relation_sql(self.spec, into)} ({names(self.spec, self._all())})\n"
            f"SELECT\n  {selected}\nFROM (\n"
            f"SELECT t.*, CASE {self._after(begin)} AS {_OPENED}\n"
            f"FROM {relation_sql(self.spec, self.table)} AS t\n"
            f"WHERE {self._gone(batch)}\n) AS s"
        )

    def ends_of_changed(self, changes: Relation) -> str:
        """Ends the current versions of the keys that new ones begin for."""
        begin = self._quoted(self.names.dbt_valid_from, "c")
        return (
            f"UPDATE {relation_sql(self.spec, self.table)} AS t\n"
            f"SET {self._quoted(self.names.dbt_valid_to)} = {begin}\n"
            f"FROM {relation_sql(self.spec, changes)} AS c\n"
            f"WHERE {self._same_key('t', 'c')} AND {self._is_current('t')}"
        )

    def insert(self, changes: Relation) -> str:
        """Adds the versions that begin now."""
        columns = names(self.spec, self._all())
        return (
            f"INSERT INTO {relation_sql(self.spec, self.table)} ({columns})\n"
            f"SELECT {columns} FROM {relation_sql(self.spec, changes)}"
        )

    def double_current(self) -> str:
        """A query that gives the keys which have more than one current version."""
        keys = names(self.spec, self.keys)
        return (
            f"SELECT {keys}, count(*) AS n FROM {relation_sql(self.spec, self.table)} AS t\n"
            f"WHERE {self._is_current('t')} GROUP BY {keys} HAVING count(*) > 1"
        )

    def ends_ahead(self) -> str:
        """A query that gives keys whose last version has begun, and ends in the future, but is not current.

        No build ends one so: it was current when another expression stood for the end. A day counts as no
        future: the clock may have been set back since the last build.
        """
        keys, table = names(self.spec, self.keys, "t"), relation_sql(self.spec, self.table)
        begin, end = self.names.dbt_valid_from, self.names.dbt_valid_to
        return (
            f"SELECT {keys}, {self._quoted(end, 't')} FROM {table} AS t\n"
            f"WHERE {self._quoted(end, 't')} > {self._now(_A_DAY)}\n"
            f"  AND {self._quoted(begin, 't')} <= {self._now()}\n"
            f"  AND NOT ({self._is_current('t')}) AND NOT EXISTS (\n"
            f"    SELECT 1 FROM {table} AS n WHERE {self._same_key('n', 't')}\n"
            f"      AND {self._quoted(begin, 'n')} >= {self._quoted(end, 't')}\n  )"
        )


def add_deleted(spec: DialectSpec, table: Relation, name: str) -> str:
    """Adds the column that tells versions which say that a row is gone: none of the old ones does."""
    return f"ALTER TABLE {relation_sql(spec, table)} ADD COLUMN {quote(spec, name)} {TEXT} DEFAULT 'False'"


def null_columns(spec: DialectSpec, columns: Sequence[str], shown: Sequence[str], table: Relation) -> str:
    """A query that gives some columns of the rows in which one of others is NULL."""
    missing = " OR ".join(f"{quote(spec, column)} IS NULL" for column in columns)
    return f"SELECT {names(spec, shown)} FROM {relation_sql(spec, table)} WHERE {missing}"
