"""Types, nullability and sources of expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.functions import AGGREGATES, NEVER_NULL, call_of
from sqlflow.bind.query.resolve import Report, column_value, field_of
from sqlflow.bind.query.scope import Scope
from sqlflow.bind.query.values import Table, Value, any_null, sources_of, unknown
from sqlflow.core.schema import Nullability, SqlType

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

BOOLEAN = SqlType("BOOLEAN")
_NOT_NULL = Nullability.NOT_NULL
_NULLABLE = Nullability.NULLABLE

_OPERATORS: Mapping[str, str] = {
    "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "IntDiv": "//", "Mod": "%", "DPipe": "||",
    "BitwiseAnd": "&", "BitwiseOr": "|", "BitwiseXor": "xor", "BitwiseLeftShift": "<<",
    "BitwiseRightShift": ">>", "JSONExtract": "->", "JSONExtractScalar": "->>", "Pow": "**",
}  # fmt: skip
_PREDICATES = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.RegexpLike, exp.Glob,
    exp.SimilarTo, exp.And, exp.Or, exp.Xor, exp.Not, exp.Between, exp.In, exp.Any, exp.All,
)  # fmt: skip
_NEVER_NULL_PREDICATES = (exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists)
# Operators that can give NULL though neither side is NULL.
_PARTIAL = frozenset({"/", "//", "%", "->", "->>", "**"})
# Scalar functions that give NULL only where an argument is NULL.
_STRICT = frozenset(
    [
        "abs",
        "ceil",
        "ceiling",
        "concat_ws",
        "date_trunc",
        "day",
        "dayname",
        "dayofweek",
        "dayofyear",
        "datetrunc",
        "ends_with",
        "floor",
        "hour",
        "isodow",
        "isoyear",
        "last_day",
        "lcase",
        "left",
        "len",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "md5",
        "microsecond",
        "millisecond",
        "minute",
        "month",
        "monthname",
        "prefix",
        "quarter",
        "repeat",
        "replace",
        "reverse",
        "right",
        "round",
        "rpad",
        "rtrim",
        "second",
        "sign",
        "starts_with",
        "strip_accents",
        "strlen",
        "strpos",
        "substr",
        "substring",
        "suffix",
        "trim",
        "trunc",
        "ucase",
        "upper",
        "week",
        "weekday",
        "weekofyear",
        "year",
        "yearweek",
        "date_diff",
        "datediff",
        "date_part",
        "datepart",
        "bit_length",
        "contains",
        "chr",
        "ascii",
        "sha256",
        "translate",
    ]
)


class Expressions:
    """Binds the expressions of one query.

    `rules` are the dialect's verified type rules, None where there are none; `subquery` binds a query
    inside an expression; `report` takes mistakes.
    """

    def __init__(
        self,
        rules: TypeRules | None,
        text: str,
        dialect: str,
        subquery: Callable[[exp.Expr, Scope], Table],
        report: Report,
    ) -> None:
        self._rules = rules
        self._text = text
        self._dialect = dialect
        self._subquery = subquery
        self._report = report
        self._binders: dict[type[exp.Expr], Callable[[exp.Expr, Scope], Value]] = {
            exp.Alias: self._inner,
            exp.Paren: self._inner,
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Null: lambda node, scope: Value(
                type=SqlType("NULL"), null=_NULLABLE, constant=None, is_constant=True
            ),
            exp.Boolean: lambda node, scope: Value(
                type=BOOLEAN, null=_NOT_NULL, constant=bool(node.this), is_constant=True
            ),
            exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.Case: self._case,
            exp.If: self._if,
            exp.Coalesce: self._coalesce,
            exp.Nullif: self._nullif,
            exp.Subquery: self._scalar,
            exp.Select: self._scalar,
            exp.Exists: self._exists,
            exp.Window: self._window,
            exp.Filter: self._filter,
            exp.WithinGroup: self._within_group,
            exp.IgnoreNulls: self._inner,
            exp.RespectNulls: self._inner,
            exp.Distinct: self._distinct,
            exp.Order: self._ordered,
            exp.Ordered: self._inner,
            exp.Neg: self._neg,
            exp.Interval: self._interval,
            exp.Bracket: self._bracket,
            exp.Dot: self._dot,
            exp.Array: self._array,
            exp.Struct: self._struct,
            exp.Tuple: self._tuple,
            exp.AtTimeZone: self._at_time_zone,
            exp.Collate: self._inner,
        }
        for kind in _PREDICATES:
            self._binders[kind] = self._predicate
        for kind in _NEVER_NULL_PREDICATES:
            self._binders.setdefault(kind, self._never_null_predicate)

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """Binds an expression; what has no verified rule has an unknown type and says why."""
        bind = self._binders.get(type(node))
        if bind is not None:
            return bind(node, scope)
        if type(node).__name__ in _OPERATORS:
            return self._operator(node, scope)
        if isinstance(node, exp.Func):
            return self._function(node, scope)
        return self._opaque(node, scope)

    def common(self, values: Sequence[Value], what: str) -> Value:
        """The value of several alternatives: CASE, COALESCE, the rows of VALUES, the arms of a union."""
        sources = sources_of(values)
        null = _alternatives(values)
        types = [value.type for value in values if value.type is not None]
        if len(types) < len(values):
            why = next(value.why for value in values if value.type is None)
            return Value(type=None, why=why, null=null, sources=sources)
        found = self._rules.common(types) if self._rules is not None and types else None
        return Value(type=found, why="" if found else self._no_rule(what, values), null=null, sources=sources)

    def settled(self, value: Value) -> Value:
        """The value as a column has it: a literal's type becomes a column's."""
        if value.type is None or self._rules is None:
            return replace(value, is_constant=False)
        return replace(value, type=self._rules.settle(value.type), is_constant=False, constant=None)

    def _inner(self, node: exp.Expr, scope: Scope) -> Value:
        return self.value(node.this, scope)

    def _column(self, node: exp.Expr, scope: Scope) -> Value:
        if not isinstance(node, exp.Column):
            raise TypeError(type(node).__name__)
        value = column_value(node, scope, self._report)
        return replace(value, null=_NULLABLE) if scope.keys_may_be_null else value

    def _literal(self, node: exp.Expr, scope: Scope) -> Value:
        text = str(node.this)
        if node.is_string:
            return Value(
                type=self._literal_type(text, "string"), null=_NOT_NULL, constant=text, is_constant=True
            )
        constant: object = text
        try:
            constant = int(text)
        except ValueError:
            with suppress(ValueError):
                constant = float(text)
        return Value(
            type=self._literal_type(text, "number"),
            why=f"the literal {text} has no verified type",
            null=_NOT_NULL,
            constant=constant,
            is_constant=True,
        )

    def _literal_type(self, text: str, kind: str) -> SqlType | None:
        return self._rules.literal(text, kind) if self._rules is not None else None

    def _cast(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        to = node.args["to"]
        written = to.sql(self._dialect)
        type = self._rules.cast(written) if self._rules is not None else None
        null = inner.null
        if isinstance(node, exp.TryCast) or "JSON" in written.upper() or inner.type == SqlType("JSON"):
            null = _NULLABLE if inner.null is _NULLABLE else Nullability.UNKNOWN
        return Value(
            type=type,
            why="" if type else f"{written} is not a type with a verified rule",
            null=null,
            sources=inner.sources,
            constant=inner.constant if inner.is_constant else None,
        )

    def _operator(self, node: exp.Expr, scope: Scope) -> Value:
        symbol = _OPERATORS[type(node).__name__]
        if symbol == "->" or symbol == "->>":
            left = self.value(node.this, scope)
            name = "JSON" if symbol == "->" else "VARCHAR"
            known = left.type is not None and left.type.name in ("JSON", "VARCHAR")
            return Value(
                type=SqlType(name) if known else None, why="" if known else f"no rule for {symbol}",
                sources=left.sources,
            )  # fmt: skip
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        found: SqlType | None = None
        if self._rules is not None and left.type is not None and right.type is not None:
            found = self._rules.operator(symbol, left.type, right.type)
        null = any_null((left, right))
        if symbol in _PARTIAL and null is _NOT_NULL:
            null = Nullability.UNKNOWN
        why = "" if found else self._no_rule(symbol, (left, right))
        return Value(type=found, why=why, null=null, sources=left.sources | right.sources)

    def _neg(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        if inner.is_constant and isinstance(node.this, exp.Literal):
            found = self._literal_type(f"-{node.this.this}", "number")
            if found is not None:
                return Value(type=found, null=_NOT_NULL, is_constant=True, constant=f"-{node.this.this}")
        found = None
        if self._rules is not None and inner.type is not None:
            found = self._rules.unary("-", inner.type)
        why = "" if found else self._no_rule("-", (inner,))
        return Value(type=found, why=why, null=inner.null, sources=inner.sources)

    def _predicate(self, node: exp.Expr, scope: Scope) -> Value:
        parts = [self.value(part, scope) for part in _operands(node)]
        query = node.args.get("query")
        if isinstance(query, exp.Expr):
            table = self._subquery(query, scope)
            scope.rows |= table.rows
            parts += [column.value for column in table.columns]
        return Value(type=BOOLEAN, null=any_null(parts), sources=sources_of(parts))

    def _never_null_predicate(self, node: exp.Expr, scope: Scope) -> Value:
        parts = [self.value(part, scope) for part in _operands(node)]
        return Value(type=BOOLEAN, null=_NOT_NULL, sources=sources_of(parts))

    def _exists(self, node: exp.Expr, scope: Scope) -> Value:
        table = self._subquery(node.this, scope)
        scope.rows |= table.rows
        return Value(type=BOOLEAN, null=_NOT_NULL, sources=table.rows)

    def _scalar(self, node: exp.Expr, scope: Scope) -> Value:
        table = self._subquery(node, scope)
        scope.rows |= table.rows
        if len(table.columns) != 1:
            return unknown(
                "a subquery of several columns has no type as a value", *(c.value for c in table.columns)
            )
        # No row is NULL.
        return replace(self.settled(table.columns[0].value), null=_NULLABLE)

    def _case(self, node: exp.Expr, scope: Scope) -> Value:
        conditions: list[Value] = []
        arms: list[Value] = []
        if node.this is not None:
            conditions.append(self.value(node.this, scope))
        for branch in node.args.get("ifs") or ():
            conditions.append(self.value(branch.this, scope))
            arms.append(self.value(branch.args["true"], scope))
        default = node.args.get("default")
        if default is not None:
            arms.append(self.value(default, scope))
        result = self.common(arms, "CASE")
        null = result.null
        if default is None:
            null = _NULLABLE
        return replace(result, null=null, sources=result.sources | sources_of(conditions))

    def _if(self, node: exp.Expr, scope: Scope) -> Value:
        condition = self.value(node.this, scope)
        arms = [
            self.value(node.args[key], scope) for key in ("true", "false") if node.args.get(key) is not None
        ]
        result = self.common(arms, "IF")
        null = result.null if len(arms) == 2 else _NULLABLE
        return replace(result, null=null, sources=result.sources | condition.sources)

    def _coalesce(self, node: exp.Expr, scope: Scope) -> Value:
        arms = [self.value(part, scope) for part in (node.this, *node.expressions)]
        result = self.common(arms, "COALESCE")
        null = Nullability.UNKNOWN
        if any(arm.null is _NOT_NULL for arm in arms):
            null = _NOT_NULL
        elif all(arm.null is _NULLABLE for arm in arms):
            null = _NULLABLE
        return replace(result, null=null)

    def _nullif(self, node: exp.Expr, scope: Scope) -> Value:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        return replace(
            self.settled(left), null=_NULLABLE, sources=left.sources | right.sources, constant=None
        )

    def _interval(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope) if node.this is not None else unknown("")
        return Value(type=SqlType("INTERVAL"), null=inner.null, sources=inner.sources)

    def _at_time_zone(self, node: exp.Expr, scope: Scope) -> Value:
        inner, zone = self.value(node.this, scope), self.value(node.args["zone"], scope)
        found: SqlType | None = None
        if self._rules is not None and inner.type is not None and zone.type is not None:
            found = self._rules.function("timezone", (zone.type, inner.type), (zone.constant, None))
        why = "" if found else self._no_rule("AT TIME ZONE", (inner,))
        return Value(type=found, why=why, null=any_null((inner, zone)), sources=inner.sources | zone.sources)

    def _dot(self, node: exp.Expr, scope: Scope) -> Value:
        return field_of(self.value(node.this, scope), node.expression.name)

    def _bracket(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        indexes = [self.value(part, scope) for part in node.expressions if not isinstance(part, exp.Slice)]
        sources = inner.sources | sources_of(indexes)
        if inner.type is None:
            return Value(type=None, why=inner.why, sources=sources)
        if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Slice):
            kept = inner.type.name in ("LIST", "VARCHAR")
            why = "" if kept else f"no rule for a slice of {inner.type}"
            return Value(type=inner.type if kept else None, why=why, sources=sources)
        if inner.type.name in ("LIST", "ARRAY"):
            return Value(type=dict(inner.type.parts)["item"], sources=sources)
        if inner.type.name == "MAP":
            return Value(type=dict(inner.type.parts)["value"], sources=sources)
        if inner.type.name == "STRUCT" and indexes and isinstance(indexes[0].constant, str):
            return replace(field_of(inner, indexes[0].constant), sources=sources)
        if inner.type.name == "VARCHAR":
            return Value(type=inner.type, sources=sources)
        return Value(type=None, why=f"no rule for an element of {inner.type}", sources=sources)

    def _array(self, node: exp.Expr, scope: Scope) -> Value:
        if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Comprehension):
            return self._comprehension(node.expressions[0], scope)
        if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
            table = self._subquery(node.expressions[0], scope)
            scope.rows |= table.rows
            items = [self.settled(column.value) for column in table.columns[:1]]
        else:
            items = [self.value(part, scope) for part in node.expressions]
        item = self.common(items, "a list")
        if item.type is None or self._rules is None:
            return Value(
                type=None, why=item.why or "the type of the items is not known", sources=item.sources
            )
        part = self._rules.settle(item.type)
        return Value(type=SqlType("LIST", parts=(("item", part),)), null=_NOT_NULL, sources=item.sources)

    def _comprehension(self, node: exp.Expr, scope: Scope) -> Value:
        source = self.value(node.args["iterator"], scope)
        inner = self._lambda_scope(scope, [node.expression.name], [source])
        condition = node.args.get("condition")
        sources = source.sources
        if condition is not None:
            sources |= self.value(condition, inner).sources
        item = self.value(node.this, inner)
        if item.type is None or self._rules is None:
            return Value(type=None, why=item.why, sources=sources | item.sources)
        part = self._rules.settle(item.type)
        return Value(
            type=SqlType("LIST", parts=(("item", part),)), null=source.null, sources=sources | item.sources
        )

    def _lambda_scope(self, scope: Scope, names: Sequence[str], lists: Sequence[Value]) -> Scope:
        inner = Scope(scope.spec, scope, scope.ctes)
        for i, name in enumerate(names):
            source = lists[0] if lists else unknown("")
            item: SqlType | None = None
            if i == 0 and source.type is not None and source.type.name in ("LIST", "ARRAY"):
                item = dict(source.type.parts)["item"]
            elif i == 1:
                item = SqlType("BIGINT")
            inner.lambdas[name.lower()] = Value(
                type=item,
                why="" if item else "the type of a lambda's parameter is not known",
                sources=source.sources,
            )
        return inner

    def _struct(self, node: exp.Expr, scope: Scope) -> Value:
        parts: list[tuple[str, SqlType]] = []
        values: list[Value] = []
        for entry in node.expressions:
            named = isinstance(entry, (exp.PropertyEQ, exp.Alias))
            inner = entry.expression if isinstance(entry, exp.PropertyEQ) else entry.unalias()
            value = self.settled(self.value(inner, scope))
            values.append(value)
            if named and value.type is not None:
                name = entry.this.name if isinstance(entry, exp.PropertyEQ) else entry.alias
                parts.append((name, value.type))
        if len(parts) < len(values):
            return unknown("a field of the struct has no name or no known type", *values, null=_NOT_NULL)
        return Value(type=SqlType("STRUCT", parts=tuple(parts)), null=_NOT_NULL, sources=sources_of(values))

    def _tuple(self, node: exp.Expr, scope: Scope) -> Value:
        values = [self.value(part, scope) for part in node.expressions]
        return unknown("a row in brackets has no verified type", *values, null=_NOT_NULL)

    def _distinct(self, node: exp.Expr, scope: Scope) -> Value:
        values = [self.value(part, scope) for part in node.expressions]
        return values[0] if len(values) == 1 else unknown("DISTINCT of several values", *values)

    def _ordered(self, node: exp.Expr, scope: Scope) -> Value:
        """`array_agg(x ORDER BY y)`: the order decides the value."""
        inner = self.value(node.this, scope)
        order = [self.value(part, scope) for part in node.expressions]
        return replace(inner, sources=inner.sources | sources_of(order))

    def _filter(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        condition = self.value(node.expression.this, scope)
        null = inner.null
        if null is _NOT_NULL and not self._counts(node.this):
            null = Nullability.UNKNOWN
        return replace(inner, null=null, sources=inner.sources | condition.sources)

    def _counts(self, node: exp.Expr) -> bool:
        while isinstance(node, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Window)):
            node = node.this
        return isinstance(node, exp.Func) and call_of(node, self._text).name in NEVER_NULL

    def _within_group(self, node: exp.Expr, scope: Scope) -> Value:
        order = [self.value(part, scope) for part in node.expression.expressions]
        function = node.this
        if not isinstance(function, exp.Func) or not order:
            return unknown("no rule for WITHIN GROUP", *order)
        call = call_of(function, self._text)
        name = {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc"}.get(
            call.name, call.name
        )
        arguments = [self.value(part, scope) for part in call.arguments]
        found = self._call(name, [order[0], *arguments])
        sources = sources_of((*order, *arguments))
        return Value(
            type=found,
            why="" if found else self._no_rule(name, order),
            null=Nullability.UNKNOWN,
            sources=sources,
        )

    def _window(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        sources = inner.sources
        partition = [self.value(part, scope) for part in node.args.get("partition_by") or ()]
        order = node.args.get("order")
        ordered = [self.value(part, scope) for part in (order.expressions if order is not None else ())]
        named = node.args.get("alias")
        if named is not None:
            sources |= scope.windows.get(named.name.lower(), frozenset())
        sources |= sources_of((*partition, *ordered))
        null = inner.null
        if not self._counts(node.this):
            null = _NULLABLE if null is _NULLABLE else Nullability.UNKNOWN
        return replace(inner, null=null, sources=sources)

    def _function(self, node: exp.Func, scope: Scope) -> Value:
        call = call_of(node, self._text)
        if any(isinstance(part, exp.Lambda) for part in call.arguments):
            return self._lambda_call(call.name, call.arguments, scope)
        arguments = [self.value(part, scope) for part in call.arguments if not isinstance(part, exp.Star)]
        name = "count_star" if call.name == "count" and not arguments else call.name
        found = self._call(name, arguments)
        why = "" if found else self._no_rule(call.name, arguments)
        null = Nullability.UNKNOWN
        if call.name in NEVER_NULL or name == "count_star":
            null = _NOT_NULL
        elif call.name in AGGREGATES:
            null = arguments[0].null if scope.grouped and arguments else _NULLABLE
        elif call.name in _STRICT:
            null = any_null(arguments)
        elif call.name in ("concat", "now", "current_date", "today", "row_number", "get_current_timestamp"):
            null = _NOT_NULL
        return Value(type=found, why=why, null=null, sources=sources_of(arguments))

    def _call(self, name: str, arguments: Sequence[Value]) -> SqlType | None:
        if self._rules is None or any(argument.type is None for argument in arguments):
            return None
        types = [argument.type for argument in arguments if argument.type is not None]
        constants = [argument.constant if argument.is_constant else None for argument in arguments]
        return self._rules.function(name, types, constants)

    def _lambda_call(self, name: str, arguments: Sequence[exp.Expr], scope: Scope) -> Value:
        lists = [self.value(part, scope) for part in arguments if not isinstance(part, exp.Lambda)]
        sources = sources_of(lists)
        results: list[Value] = []
        for part in arguments:
            if isinstance(part, exp.Lambda):
                inner = self._lambda_scope(scope, [p.name for p in part.expressions], lists)
                results.append(self.value(part.this, inner))
        sources |= sources_of(results)
        found: SqlType | None = None
        if name in ("list_transform", "array_transform", "list_apply", "array_apply", "apply"):
            body = results[0].type
            if body is not None and self._rules is not None:
                found = SqlType("LIST", parts=(("item", self._rules.settle(body)),))
        elif name in ("list_filter", "array_filter", "filter") and lists and lists[0].type is not None:
            found = lists[0].type if lists[0].type.name == "LIST" else None
        return Value(type=found, why="" if found else self._no_rule(name, lists), sources=sources)

    def _opaque(self, node: exp.Expr, scope: Scope) -> Value:
        """Something that there is no rule for: its sources are those of all that it holds."""
        parts = [
            self.value(part, scope) for part in node.iter_expressions() if not isinstance(part, exp.DataType)
        ]
        return unknown(f"no rule for {type(node).__name__}", *parts)

    def _no_rule(self, what: str, values: Iterable[Value]) -> str:
        for value in values:
            if value.type is None:
                return value.why
        types = ", ".join(str(value.type) for value in values)
        return f"no verified rule for {what}({types})"


def _operands(node: exp.Expr) -> list[exp.Expr]:
    parts = [node.args.get(key) for key in ("this", "expression", "low", "high")]
    return [p for p in (*parts, *node.expressions) if isinstance(p, exp.Expr)]


def _alternatives(values: Iterable[Value]) -> Nullability:
    """The nullability of a choice among values: NULL is possible where any of them can be NULL."""
    found = [value.null for value in values]
    if _NULLABLE in found:
        return _NULLABLE
    return Nullability.UNKNOWN if Nullability.UNKNOWN in found else _NOT_NULL
