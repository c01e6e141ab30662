"""Compares tables and views of two sides over one session: their columns, and their rows by key."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.failures import statement_failed
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, did_you_mean
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.dialect import comparison as sql
from sqlflow.dialect.comparison import How, Pair, Sides
from sqlflow.dialect.names import same_name
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.comparison import (
    ColumnDifference,
    ColumnsChanged,
    Comparison,
    Key,
    KeyOrigin,
    Row,
    RowsCompared,
    Sample,
    Side,
    columns_changed,
    common_columns,
    usable_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A node to compare: its two relations, None where a side has none, and its keys, the strongest first."""

    node: NodeId
    name: str
    span: Span
    left: Relation | None
    right: Relation | None
    keys: tuple[Key, ...]


def compare_relations(
    warehouse: Warehouse,
    adapter: Adapter,
    nodes: Sequence[Compared],
    *,
    tolerance: float = 0.0,
    samples: int = 3,
) -> tuple[Comparison, ...]:
    """Compares one node after the other; closes the warehouse.

    Numbers that are not exact may differ by the `tolerance`; of each column that differs so many `samples`
    are given. Raises ProjectError where the engine refuses, or where a column that was asked for as the key
    is not there.
    """
    out: list[Comparison] = []
    with closing(warehouse), closing(warehouse.session()) as session:
        for node in nodes:
            try:
                out.append(_Look(session, adapter.spec, node, tolerance, samples).compare())
            except ProjectError:
                raise
            except Exception as error:
                failure = adapter.classify(error)
                raise ProjectError([statement_failed(failure, node.name, node.span, None)]) from error
    return tuple(out)


@dataclass(frozen=True, slots=True)
class _Look:
    """One node's two relations, and how to compare them."""

    session: Session
    spec: DialectSpec
    of: Compared
    tolerance: float
    samples: int

    def compare(self) -> Comparison:
        """Compares columns, then rows."""
        left, right = self._columns(self.of.left), self._columns(self.of.right)
        changed, rows = ColumnsChanged(), None
        first, second = self.of.left, self.of.right
        if left is not None and right is not None and first is not None and second is not None:
            changed = columns_changed(self.spec, left, right)
            if first != second:
                common = common_columns(self.spec, left, right, near=self.tolerance > 0)
                key, sides = self._key(common), Sides(left=first, right=second, keys=(), columns=common)
                rows = self._by_key(key, sides) if key.columns else self._whole(key, sides)
        return Comparison(
            node=self.of.node,
            name=self.of.name,
            left=self.of.left if left is not None else None,
            right=self.of.right if right is not None else None,
            columns=changed,
            rows=rows,
        )

    def _columns(self, relation: Relation | None) -> tuple[Column, ...] | None:
        return self.session.columns(relation) if relation is not None else None

    def _key(self, common: Sequence[Pair]) -> Key:
        key = usable_key(self.spec, self.of.keys, common)
        asked = next((k for k in self.of.keys if k.origin is KeyOrigin.ASKED), None)
        if asked is None or key.origin is KeyOrigin.ASKED:
            return key
        known = [pair.left.name for pair in common]
        missing = next(
            name for name in asked.columns if not any(same_name(self.spec, name, one) for one in known)
        )
        raise ProjectError(
            [
                Diagnostic(
                    code=Code.UNKNOWN_COLUMN,
                    message=f"`{self.of.name}` has no column `{missing}` on both sides to match rows by",
                    span=self.of.span,
                    help=did_you_mean(missing, known) or f"both sides have: {', '.join(known)}",
                )
            ]
        )

    def _by_key(self, key: Key, common: Sides) -> RowsCompared:
        found = {pair.left.name: pair for pair in common.columns}
        keys = tuple(_exact(found[name]) for name in key.columns)
        columns = tuple(pair for pair in common.columns if pair.left.name not in key.columns)
        sides = replace(common, keys=keys, columns=columns)
        counted = self._one(sql.count_keys(self.spec, sides))
        left, right = (Side(rows=n, no_key=none, repeated_keys=many)
                       for n, none, many in (counted[:3], counted[3:]))  # fmt: skip
        sides = replace(sides, apart=bool(left.repeated_keys or right.repeated_keys))
        only_left, only_right, equal, different, *each = self._one(
            sql.match_rows(self.spec, sides), self._parameters(columns)
        )
        differing = [(pair, rows) for pair, rows in zip(columns, each, strict=True) if rows]
        return RowsCompared(
            key=key,
            columns=tuple(pair.left.name for pair in columns),
            left=left,
            right=right,
            only_left=only_left,
            only_right=only_right,
            equal=equal,
            different=different,
            changed=self._changed(sides, differing),
            first_left=self._alone(sides, only_left, left=True),
            first_right=self._alone(sides, only_right, left=False),
        )

    def _changed(self, sides: Sides, differing: Sequence[tuple[Pair, int]]) -> tuple[ColumnDifference, ...]:
        """Asks for the first values of the columns that differ, all in one query."""
        pairs = tuple(pair for pair, _ in differing)
        rows: Sequence[Row] = ()
        if pairs and self.samples:
            query = sql.first_differences(self.spec, replace(sides, columns=pairs), self.samples)
            rows = self._rows(query, self._parameters(pairs))
        width = len(sides.keys)
        out: list[ColumnDifference] = []
        for number, (pair, count) in enumerate(differing):
            at = width + 3 * number
            shown = [row for row in rows if row[at + 2]][: self.samples]
            samples = tuple(Sample(key=row[:width], left=row[at], right=row[at + 1]) for row in shown)
            out.append(ColumnDifference(name=pair.left.name, rows=count, samples=samples))
        return tuple(out)

    def _alone(self, sides: Sides, count: int, *, left: bool) -> tuple[Row, ...]:
        if not count or not self.samples:
            return ()
        return tuple(self._rows(sql.first_alone(self.spec, sides, self.samples, left=left)))

    def _whole(self, key: Key, common: Sides) -> RowsCompared | None:
        """Compares rows as a whole: how often each is there."""
        if not common.columns:
            return None
        columns = tuple(_exact(pair) for pair in common.columns)
        sides = replace(common, columns=columns)
        left, right, only_left, only_right = self._one(sql.count_whole_rows(self.spec, sides))

        def first(count: int, *, of_left: bool) -> tuple[Row, ...]:
            if not count or not self.samples:
                return ()
            return tuple(self._rows(sql.first_whole_rows(self.spec, sides, self.samples, left=of_left)))

        return RowsCompared(
            key=key,
            columns=tuple(pair.left.name for pair in columns),
            left=Side(rows=left),
            right=Side(rows=right),
            only_left=only_left,
            only_right=only_right,
            equal=left - only_left,
            different=0,
            first_left=first(only_left, of_left=True),
            first_right=first(only_right, of_left=False),
        )

    def _parameters(self, pairs: Sequence[Pair]) -> tuple[Value, ...]:
        """The tolerance, where a query has a place for it."""
        return (self.tolerance,) if any(pair.how is How.NEAR for pair in pairs) else ()

    def _one(self, query: str, parameters: Sequence[Value] = ()) -> list[int]:
        return [int(str(value)) for value in self._rows(query, parameters)[0]]

    def _rows(self, query: str, parameters: Sequence[Value] = ()) -> list[Row]:
        table = self.session.fetch(query, parameters)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _exact(pair: Pair) -> Pair:
    """The same column, compared without a tolerance: what is near is not the same for all."""
    return replace(pair, how=How.AS_IS) if pair.how is How.NEAR else pair
