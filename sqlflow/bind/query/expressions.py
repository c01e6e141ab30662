"""Types, nullability and sources of expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from sqlflow.bind.query import branches, calls, nested, operators, predicates, subqueries, windows
from sqlflow.bind.query.functions import is_call
from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.resolve import Report
from sqlflow.bind.query.scope import Scope
from sqlflow.bind.query.values import Table, Value, any_null, sources_of, unknown
from sqlflow.core.schema import SqlType

if TYPE_CHECKING:
    from sqlflow.dialect.rules import Context, TypeRules

Bind: TypeAlias = "Callable[[exp.Expr, Scope, Expressions], Value]"


def _inner(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    while isinstance(node.this, (exp.Paren, exp.Alias)):
        node = node.this
    return binder.value(node.this, scope)


_KINDS: Mapping[type[exp.Expr], Bind] = {
    exp.Alias: _inner,
    exp.Paren: _inner,
    exp.Ordered: _inner,
    exp.Collate: _inner,
    exp.IgnoreNulls: _inner,
    exp.RespectNulls: _inner,
    exp.Any: _inner,
    exp.All: _inner,
    exp.Column: operators.bind_column,
    exp.Identifier: operators.bind_identifier,
    exp.Literal: operators.bind_literal,
    exp.Null: operators.bind_null,
    exp.Boolean: operators.bind_boolean,
    exp.Cast: operators.bind_cast,
    exp.TryCast: operators.bind_cast,
    exp.Neg: operators.bind_sign,
    exp.BitwiseNot: operators.bind_sign,
    exp.Interval: operators.bind_interval,
    exp.AtTimeZone: operators.bind_at_time_zone,
    exp.JSONExtract: operators.bind_json,
    exp.JSONExtractScalar: operators.bind_json,
    exp.JSONPath: operators.bind_path,
    exp.Case: branches.bind_case,
    exp.If: branches.bind_if,
    exp.Coalesce: branches.bind_coalesce,
    exp.Nullif: branches.bind_nullif,
    exp.Subquery: subqueries.bind_scalar,
    exp.Select: subqueries.bind_scalar,
    exp.Union: subqueries.bind_scalar,
    exp.Except: subqueries.bind_scalar,
    exp.Intersect: subqueries.bind_scalar,
    exp.Exists: subqueries.bind_exists,
    exp.Window: windows.bind_window,
    exp.Filter: calls.bind_filter,
    exp.WithinGroup: calls.bind_within_group,
    exp.Distinct: calls.bind_distinct,
    exp.Order: calls.bind_order,
    exp.Bracket: nested.bind_bracket,
    exp.Dot: nested.bind_dot,
    exp.Array: nested.bind_list,
    exp.Struct: nested.bind_struct,
    exp.Tuple: nested.bind_tuple,
    exp.ToMap: nested.bind_map,
    exp.Explode: nested.bind_unnest,
    exp.Unnest: nested.bind_unnest,
    exp.Columns: nested.bind_columns,
    exp.PropertyEQ: nested.bind_argument,
    exp.Kwarg: nested.bind_argument,
    **dict.fromkeys(operators.SYMBOLS, operators.bind_operator),
    **dict.fromkeys(predicates.STRICT, predicates.bind_strict),
    **dict.fromkeys(predicates.NEVER_NULL, predicates.bind_never_null),
}


class Expressions:
    """Binds the expressions of one query.

    `rules` are the dialect's verified type rules, None where there are none; `subquery` binds a query
    inside an expression; `report` takes mistakes, `notes` what is found of each node, where that is wanted.
    """

    def __init__(
        self,
        rules: TypeRules | None,
        text: str,
        dialect: str,
        subquery: Callable[[exp.Expr, Scope], Table],
        report: Report,
        notes: Meanings | None = None,
    ) -> None:
        self.notes = notes
        self.rules = rules
        self.text = text
        self.dialect = dialect
        self.subquery = subquery
        self.report = report

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """Binds an expression; what has no verified rule has an unknown type and says why."""
        found = self._bound(node, scope)
        if self.notes is not None:
            self.notes.note(node, found.type, scope)
        return found

    def _bound(self, node: exp.Expr, scope: Scope) -> Value:
        is_written = is_call(node)
        bind = _KINDS.get(type(node)) if not is_written else None
        if bind is not None:
            return bind(node, scope, self)
        if is_written or isinstance(node, exp.Func):
            return calls.bind_call(node, scope, self)
        return self.opaque(node, scope)

    def values(self, nodes: Iterable[exp.Expr], scope: Scope) -> list[Value]:
        """Binds several expressions."""
        return [self.value(node, scope) for node in nodes]

    def opaque(self, node: exp.Expr, scope: Scope) -> Value:
        """Something that there is no rule for: its sources are those of all that it holds."""
        kept = [part for part in node.iter_expressions() if not isinstance(part, (exp.DataType, exp.Var))]
        parts = self.values(kept, scope)
        return unknown(f"no rule for {type(node).__name__}", *parts)

    def common(self, values: Sequence[Value], what: str, context: Context | None = None) -> Value:
        """The value of several alternatives: CASE, COALESCE, the rows of VALUES, the arms of a union."""
        sources, null = sources_of(values), any_null(values)
        types = [value.type for value in values if value.type is not None]
        found = None
        if self.rules is not None and len(types) == len(values) and not _differ(types):
            found = self.rules.common(types, context) if context else self.rules.common(types)
        return Value(type=found, why="" if found else self.no_rule(what, values), null=null, sources=sources)

    def settled(self, value: Value) -> Value:
        """The value as a column has it: a literal's type becomes a column's."""
        if value.type is None or self.rules is None:
            return replace(value, is_constant=False, constant=None)
        settled = self.rules.settle(value.type)
        literal = value.type if settled != value.type else None
        return replace(value, type=settled, is_constant=False, constant=None, literal=literal)

    def call_type(self, name: str, arguments: Sequence[Value]) -> SqlType | None:
        """Gives the type of a call; None where there is no rule for it."""
        types = [argument.type for argument in arguments if argument.type is not None]
        if self.rules is None or len(types) < len(arguments):
            return None
        constants = [argument.constant if argument.is_constant else None for argument in arguments]
        return self.rules.function(name, types, constants)

    def no_rule(self, what: str, values: Iterable[Value]) -> str:
        """Says why something has no type: because a part of it has none, or for want of a rule."""
        given = list(values)
        for value in given:
            if value.type is None:
                return value.why
        types = ", ".join(str(value.type) for value in given)
        return f"no verified rule for {what}({types})"


def _differ(types: Sequence[SqlType]) -> bool:
    """Whether there are several types of maps: what they come to has no verified rule."""
    return len({kind for kind in types if kind.name == "MAP"}) > 1
