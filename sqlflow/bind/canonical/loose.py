"""What a query leaves open: where an engine may give other values for the same rows in another order.

Such a value is a right one, and so is the next. A column of it is none that two builds have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from sqlflow.bind.canonical.survey import children
from sqlflow.bind.query.functions import AGGREGATES, call_of
from sqlflow.core.schema import SqlType

# Aggregates that binding takes for functions of a row, or knows by other names.
_MORE = frozenset(
    ["arg_max_nulls_last", "arg_min_nulls_last", "combine_aggr", "decimal_average", "every",
     "histogram_exact", "json_agg", "json_arrayagg", "json_group_array", "json_group_object",
     "json_group_structure", "json_object_agg", "json_objectagg", "jsonb_agg", "jsonb_object_agg", "lttb",
     "percentile_cont", "percentile_disc", "variant_group_object"]
)  # fmt: skip
# Those whose value is decided by which values there are, and not by their order.
_DECIDED = frozenset(
    ["bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "count", "count_if", "count_star", "countif",
     "every", "grouping", "grouping_id", "max", "median", "min", "percentile_cont", "percentile_disc",
     "quantile_cont", "quantile_disc", "regr_count"]
)  # fmt: skip
# Those that are, where the sum of what they add up is exact.
_SUMS = frozenset(["avg", "mean", "sum", "sum_no_overflow"])
_EXACT = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
     "UHUGEINT", "DECIMAL", "NUMERIC", "INTEGER_LITERAL", "BOOLEAN"]
)  # fmt: skip
_AVERAGED = frozenset(["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "NUMERIC", "INTEGER_LITERAL"])
# Window functions that go by the place of a row among its peers.
_BY_PLACE = frozenset(
    ["row_number", "lag", "lead", "ntile", "first_value", "last_value", "nth_value", "first", "last", "fill"]
)
_BY_RANK = frozenset(["rank", "dense_rank", "percent_rank", "cume_dist"])
# What is written as an operator or with words of its own, and gives one value for a row.
_SCALARS = (
    exp.And, exp.Or, exp.Xor, exp.Not, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Coalesce, exp.Extract,
    exp.Array, exp.List, exp.Struct, exp.Map, exp.ToMap, exp.Exists, exp.Nullif, exp.Interval,
)  # fmt: skip
_LIMITS = (exp.Limit, exp.Offset, exp.Fetch)


class Looseness:
    """Looks at the trees of one query; `types` are those of its expressions by their identity."""

    def __init__(self, text: str, types: Mapping[int, SqlType], is_known: Callable[[str], bool]) -> None:
        self._text = text
        self._types = types
        self._is_known = is_known

    def is_loose(self, node: exp.Expr) -> bool:
        """Whether a value in it, queries within included, may be another one for the same rows."""
        stack = [node]
        while stack:
            here = stack.pop()
            # Texts that are equal to a collation are several.
            if isinstance(here, (*_LIMITS, exp.TableSample, exp.Collate)):
                return True
            if isinstance(here, exp.Distinct) and here.args.get("on") is not None:
                return True
            if isinstance(here, exp.Window) and self._by_rows(here):
                return True
            if isinstance(here, exp.Join) and self.is_loose_join(here):
                return True
            if isinstance(here, exp.Func) and self._is_loose_call(here):
                return True
            stack.extend(children(here))
        return False

    def is_loose_join(self, join: exp.Expr) -> bool:
        """Whether one of several rows that fit is taken, or rows are joined by their places."""
        return str(join.args.get("method") or "").upper() in ("ASOF", "POSITIONAL") or (
            str(join.args.get("kind") or "").upper() == "POSITIONAL"
        )

    def _by_rows(self, window: exp.Expr) -> bool:
        spec = window.args.get("spec")
        if spec is None:
            return False
        return str(spec.args.get("kind") or "").upper() != "RANGE" or bool(spec.args.get("exclude"))

    def _is_loose_call(self, node: exp.Func) -> bool:
        name = call_of(node, self._text).name
        if isinstance(node, exp.Array) and any(isinstance(part, exp.Query) for part in node.expressions):
            return True
        if name in _BY_PLACE:
            return True
        if name in _DECIDED:
            # The greatest n of several are a list; ties are of one value.
            return False
        if name in _SUMS:
            return not self._is_exact(node, name)
        if isinstance(node, exp.Anonymous) and not self._is_known(name):
            return True
        return self.is_aggregate(node, name) and name not in _BY_RANK

    def _is_exact(self, node: exp.Func, name: str) -> bool:
        """Whether what it adds up, and the sum, are whole numbers or decimals.

        What an engine makes floating-point numbers of before it adds them shows in the type of the sum; an
        average is one in any case, and known to be of an exact sum for the types that are used for that.
        """
        given = self._given(node)
        if name in ("sum", "sum_no_overflow"):
            made = self._types.get(id(node))
            return given in _EXACT and made is not None and made.name in _EXACT
        return given in _AVERAGED

    def _given(self, node: exp.Func) -> str:
        arguments = call_of(node, self._text).arguments
        if arguments is None or len(arguments) != 1:
            return ""
        inner: exp.Expr = arguments[0]
        while isinstance(inner, exp.Paren) or (
            isinstance(inner, exp.Distinct) and len(inner.expressions) == 1
        ):
            inner = inner.this if isinstance(inner, exp.Paren) else inner.expressions[0]
        found = self._types.get(id(inner))
        return found.name if found is not None else ""

    def is_aggregate(self, node: exp.Expr, name: str = "") -> bool:
        """Whether a call is one of an aggregate."""
        if isinstance(node, exp.AggFunc):
            return True
        if not isinstance(node, exp.Func):
            return False
        name = name or call_of(node, self._text).name
        return name in AGGREGATES or name in _MORE

    def aggregates(self, node: exp.Expr) -> bool:
        """Whether an expression is computed over all rows; one under OVER is not, nor one in a subquery."""
        stack = [node]
        while stack:
            here = stack.pop()
            if isinstance(here, exp.Query):
                continue
            if isinstance(here, exp.Window):
                function = here.this
                while isinstance(function, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
                    stack.extend(part for part in children(function) if part is not function.this)
                    function = function.this
                stack.extend(children(function))
                stack.extend(part for part in children(here) if part is not here.this)
                continue
            if self.is_aggregate(here):
                return True
            stack.extend(children(here))
        return False

    def has_foreign_aggregate(self, node: exp.Expr, is_own: Callable[[exp.Expr], bool]) -> bool:
        """Whether an aggregate in a subquery may be one of the query around.

        It is where its columns are those of that one: `is_own` says of which this can't be excluded.
        """
        return any(
            any(is_own(column) for column in part.find_all(exp.Column))
            for query in node.find_all(exp.Query)
            for part in query.find_all(exp.Func)
            if self.is_aggregate(part)
        )

    def may_give_rows(self, node: exp.Expr) -> bool:
        """Whether an expression may give several rows, or none, for one."""
        for part in node.find_all(exp.Func, exp.Unnest, exp.Explode):
            if isinstance(part, (exp.Unnest, exp.Explode)):
                return True
            if isinstance(part, _SCALARS) or self.is_aggregate(part):
                continue
            name = call_of(part, self._text).name
            if name not in _BY_PLACE and name not in _BY_RANK and not self._is_known(name):
                return True
        return False
