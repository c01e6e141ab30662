"""What a join does to the tables that it joins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from sqlflow.bind.query.clashes import compare
from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.filters import not_null_columns
from sqlflow.bind.query.scope import Scope, ScopeColumn, ScopeTable
from sqlflow.bind.query.values import Column, any_null
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import did_you_mean
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What sort of join it is: which side may be missing, whether the right one only filters."""

    misses_left: bool
    misses_right: bool
    semi: bool
    anti: bool
    natural: bool

    @property
    def inner(self) -> bool:
        """Whether only rows that fit are kept."""
        return not (self.misses_left or self.misses_right or self.anti)


def _kind(join: exp.Join) -> _Kind:
    words = {str(join.args.get(key) or "").upper() for key in ("side", "kind", "method")}
    both = bool(words & {"FULL", "POSITIONAL"})
    return _Kind(
        misses_left=both or "RIGHT" in words,
        misses_right=both or ("LEFT" in words and not words & {"SEMI", "ANTI"}),
        semi="SEMI" in words,
        anti="ANTI" in words,
        natural="NATURAL" in words,
    )


def add_join(join: exp.Join, scope: Scope, before: int, binder: Expressions) -> None:
    """Takes in a join whose right side was put into scope at index `before`.

    An outer join makes the columns of the side that may be missing NULL; USING and NATURAL merge columns;
    SEMI and ANTI take the right side out of scope again.
    """
    kind = _kind(join)
    left, right = scope.tables[:before], scope.tables[before:]
    on = join.args.get("on")
    if on is not None:
        scope.rows |= binder.value(on, scope).sources
        if kind.inner:
            not_null_columns(on, scope)
    pairs = _pairs(join, kind, left, right, scope, binder)
    for a, b in pairs:
        scope.rows |= a.bare().value.sources | b.value().sources
    merged = [_merged(a, b, kind, binder) for a, b in pairs]
    if kind.misses_right:
        _make_nullable(right)
    if kind.misses_left:
        _make_nullable(left)
    for (a, b), column in zip(pairs, merged, strict=True):
        b.hidden = True
        a.merged = column
        a.coalesced = kind.misses_left and kind.misses_right
        if kind.inner:
            a.null = b.null = Nullability.NOT_NULL
    if kind.semi or kind.anti:
        del scope.tables[before:]


def _pairs(
    join: exp.Join,
    kind: _Kind,
    left: list[ScopeTable],
    right: list[ScopeTable],
    scope: Scope,
    binder: Expressions,
) -> list[tuple[ScopeColumn, ScopeColumn]]:
    """The columns that USING names, or that NATURAL finds on both sides."""
    pairs: list[tuple[ScopeColumn, ScopeColumn]] = []
    if kind.natural:
        keys = {c.key for table in left for c in table.columns if not c.hidden and c.key}
        found = {c.key: c for table in right for c in table.columns if not c.hidden and c.key in keys}
        if binder.notes is not None:
            binder.notes.natural[id(join)] = tuple(found)
        return [(_visible(left, key)[0], column) for key, column in found.items()]
    for part in join.args.get("using") or ():
        quoted = isinstance(part, exp.Identifier) and bool(part.args.get("quoted"))
        key = lookup_key(scope.spec, part.name, quoted)
        a, b = _visible(left, key), _visible(right, key)
        if a and b:
            compare(a[0].bare().value, b[0].value(), part, binder, equal=True)
            pairs.append((a[0], b[0]))
            continue
        for tables, columns in ((left, a), (right, b)):
            if not columns and not any(table.open or table.nameless for table in tables):
                names = [c.column.name for table in tables for c in table.columns if c.column.name]
                message = f"one side of the join has no column `{part.name}`"
                binder.report(Code.UNKNOWN_COLUMN, message, part, did_you_mean(part.name, names))
    return pairs


def _visible(tables: list[ScopeTable], key: str) -> list[ScopeColumn]:
    found = [column for table in tables if (column := table.named(key)) is not None and not column.hidden]
    return sorted(found, key=lambda column: column.merged is None)


def _make_nullable(tables: list[ScopeTable]) -> None:
    for table in tables:
        for column in table.columns:
            column.set_null(Nullability.NULLABLE)


def _merged(a: ScopeColumn, b: ScopeColumn, kind: _Kind, binder: Expressions) -> Column:
    """The one column that USING makes of two: the side that is always there, both where neither is."""
    left, right = a.bare(), b.bare()
    if kind.misses_left and kind.misses_right:
        null = any_null((left.value, right.value))
        return replace(left, value=replace(binder.common([left.value, right.value], "USING"), null=null))
    if kind.misses_left:
        return right
    if kind.inner:
        return replace(left, value=replace(left.value, null=Nullability.NOT_NULL))
    return left
