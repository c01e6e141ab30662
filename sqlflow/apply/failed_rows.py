"""Keeps the rows that a test finds in a table of the test's own, for a look at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sqlflow.apply.attempts import again
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.sender import Sender
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import name_key, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.types import RunTest

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRows:
    """The tables of failed rows; each holds what its test found last."""

    spec: DialectSpec
    catalog: Catalog

    def keep(self, test: RunTest, sender: Sender) -> str:
        """Keeps all that a test finds now; gives the table's name as SQL writes it."""
        before = sql.create_table_as(self.spec, test.failures)

        def fill() -> None:
            sender.execute(before + test.query.sql, test.query.map.shifted(len(before)))

        return self._replace(test, sender, fill)

    def load(self, test: RunTest, rows: pyarrow.Table, sender: Sender) -> str | None:
        """Keeps rows that were read before; None where their columns can't be stored."""
        try:
            columns = self._columns(rows)
        except ValueError:
            return None

        def fill() -> None:
            sender.execute(sql.create_table(self.spec, test.failures, columns))
            sender.load(test.failures, rows.rename_columns([column.name for column in columns]))

        return self._replace(test, sender, fill)

    def _replace(self, test: RunTest, sender: Sender, fill: Callable[[], None]) -> str:
        """Puts a new table in the place of the one that an earlier run kept."""
        attempts = count()

        def attempt() -> None:
            if next(attempts):
                # The table may be there by now: the answer to the first attempt's commit can be lost.
                self.catalog.forget(test.failures)
            with sender.transaction():
                self._make_room(test.failures, sender)
                fill()

        again(sender, attempt)
        self.catalog.put(test.failures, RelationKind.TABLE)
        return relation_sql(self.spec, test.failures)

    def forget(self, test: RunTest, sender: Sender) -> None:
        """Drops what an earlier run kept: there is nothing wrong any more."""
        with sender.asking() as session:
            kind = self.catalog.kind(session, test.failures)
        if kind is RelationKind.TABLE:
            statement = sql.drop(self.spec, kind, test.failures, if_exists=True)
            again(sender, lambda: sender.execute(statement))
            self.catalog.put(test.failures, None)

    def _make_room(self, relation: Relation, sender: Sender) -> None:
        """The schema is made only for the first row that is kept in it: most projects never need it."""
        schema = relation.schema or self.spec.default_schema
        with sender.asking() as session:
            is_empty = not self.catalog.relations(session, relation.database, schema)
            kind = self.catalog.kind(session, relation)
        if is_empty:
            sender.execute(sql.create_schema(self.spec, relation.database, schema))
        if kind is not None:
            sender.execute(sql.drop(self.spec, kind, relation))

    def _columns(self, rows: pyarrow.Table) -> Sequence[Column]:
        """The columns of rows, each with a name of its own: a query may give the same one twice."""
        out: list[Column] = []
        taken: set[str] = set()
        for number, column in enumerate(rows.schema, start=1):
            name = column.name if name_key(self.spec, column.name) not in taken else f"{column.name}_{number}"
            taken.add(name_key(self.spec, name))
            out.append(Column(name, column_type(self.spec, column.type)))
        return out
