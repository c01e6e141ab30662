"""What a join does to the tables that it joins."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.filters import not_null_columns
from sqlflow.bind.query.resolve import Report
from sqlflow.bind.query.scope import Scope, ScopeColumn, ScopeTable
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import did_you_mean
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key


def add_join(join: exp.Join, scope: Scope, before: int, expressions: Expressions, report: Report) -> None:
    """Takes in a join whose right side was put into scope at index `before`.

    An outer join makes the columns of the side that may be missing NULL; USING and NATURAL merge columns;
    SEMI and ANTI take the right side out of scope again.
    """
    left, right = scope.tables[:before], scope.tables[before:]
    side = str(join.args.get("side") or "").upper()
    kind = str(join.args.get("kind") or "").upper()
    method = str(join.args.get("method") or "").upper()
    using = [part.name for part in join.args.get("using") or ()]
    if method == "NATURAL":
        names = {c.key for table in left for c in table.columns if not c.hidden}
        using = [c.column.name or "" for table in right for c in table.columns if c.key in names]
    on = join.args.get("on")
    if on is not None:
        scope.rows |= expressions.value(on, scope).sources
        if not side and kind not in ("SEMI", "ANTI", "FULL"):
            not_null_columns(on, scope)
    pairs = _pairs(using, left, right, scope, join, report)
    for a, b in pairs:
        scope.rows |= a.unqualified().sources | b.value().sources
    full = side == "FULL" or kind == "FULL"
    if side == "LEFT" or full or method == "POSITIONAL" or kind == "POSITIONAL":
        _make_nullable(right)
    if side == "RIGHT" or full or method == "POSITIONAL" or kind == "POSITIONAL":
        _make_nullable(left)
    for a, b in pairs:
        _merge(a, b, side, full, expressions)
    if kind in ("SEMI", "ANTI") or side in ("SEMI", "ANTI"):
        del scope.tables[before:]


def _pairs(
    using: list[str],
    left: list[ScopeTable],
    right: list[ScopeTable],
    scope: Scope,
    join: exp.Join,
    report: Report,
) -> list[tuple[ScopeColumn, ScopeColumn]]:
    pairs: list[tuple[ScopeColumn, ScopeColumn]] = []
    for name in using:
        key = lookup_key(scope.spec, name, True)
        a = [c for table in left for c in table.named(key) if not c.hidden]
        b = [c for table in right for c in table.named(key) if not c.hidden]
        if a and b:
            pairs.append((a[0], b[0]))
            continue
        sides = (left, a), (right, b)
        for tables, found in sides:
            if not found and not any(table.open for table in tables):
                names = [c.column.name for table in tables for c in table.columns if c.column.name]
                report(
                    Code.UNKNOWN_COLUMN,
                    f"one side of the join has no column `{name}`",
                    join.args["using"][0] if join.args.get("using") else join,
                    did_you_mean(name, names),
                )
    return pairs


def _make_nullable(tables: list[ScopeTable]) -> None:
    for table in tables:
        for column in table.columns:
            column.null = Nullability.NULLABLE
            if column.merged is not None:
                column.merged = replace(column.merged, null=Nullability.NULLABLE)


def _merge(a: ScopeColumn, b: ScopeColumn, side: str, full: bool, expressions: Expressions) -> None:
    """The one column that USING makes of two: the side that is always there, both where neither is."""
    b.hidden = True
    left, right = a.unqualified(), b.value()
    if full:
        null = left.null if left.null is right.null else Nullability.UNKNOWN
        a.merged = replace(expressions.common([left, right], "USING"), null=null)
    elif side == "RIGHT":
        a.merged = replace(right, sources=right.sources)
    else:
        a.merged = left
    a.null = a.merged.null
