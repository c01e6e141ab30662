"""The engine's name and the arguments, in order, of a function call in a syntax tree.

sqlglot turns calls into classes of its own and reorders their arguments. The engine's name is read back
from the text where sqlglot placed it; the arguments' order is that of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlglot import exp

from sqlflow.bind.query.places import extent

# Calls that sqlglot doesn't place, by its class.
_NAMES: Mapping[str, str] = {
    "AnyValue": "any_value", "ApproxDistinct": "approx_count_distinct", "ArgMax": "arg_max",
    "ArgMin": "arg_min", "ArrayAgg": "array_agg", "Avg": "avg", "Corr": "corr", "Count": "count",
    "CountIf": "count_if", "CovarPop": "covar_pop", "CovarSamp": "covar_samp", "CumeDist": "cume_dist",
    "CurrentDate": "current_date", "CurrentTime": "current_time", "CurrentTimestamp": "now",
    "DenseRank": "dense_rank", "Extract": "date_part", "First": "first", "FirstValue": "first_value",
    "GroupConcat": "string_agg",
    "JSONArrayAgg": "json_agg",
    "JSONObject": "json_object", "Lag": "lag", "Last": "last", "LastValue": "last_value", "Lead": "lead",
    "LogicalAnd": "bool_and", "LogicalOr": "bool_or", "Max": "max", "Median": "median", "Min": "min",
    "NthValue": "nth_value", "Ntile": "ntile", "PercentRank": "percent_rank",
    "PercentileCont": "quantile_cont", "PercentileDisc": "quantile_disc", "Pow": "pow",
    "Quantile": "quantile", "Rank": "rank", "RowNumber": "row_number", "Stddev": "stddev",
    "StddevPop": "stddev_pop", "StddevSamp": "stddev_samp", "StrPosition": "strpos",
    "Substring": "substring", "Sum": "sum", "Trim": "trim", "Variance": "var_samp",
    "VariancePop": "var_pop",
}  # fmt: skip

# Functions that look at rows in an order or in a group, whatever stands around them.
AGGREGATES: frozenset[str] = frozenset(
    [
        "any_value",
        "approx_count_distinct",
        "approx_quantile",
        "approx_top_k",
        "arbitrary",
        "arg_max",
        "arg_max_null",
        "arg_min",
        "arg_min_null",
        "argmax",
        "argmin",
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "bitstring_agg",
        "bool_and",
        "bool_or",
        "corr",
        "count",
        "count_if",
        "count_star",
        "countif",
        "covar_pop",
        "covar_samp",
        "entropy",
        "favg",
        "first",
        "fsum",
        "geometric_mean",
        "geomean",
        "group_concat",
        "histogram",
        "kahan_sum",
        "kurtosis",
        "kurtosis_pop",
        "last",
        "list",
        "listagg",
        "mad",
        "max",
        "max_by",
        "mean",
        "median",
        "min",
        "min_by",
        "mode",
        "product",
        "quantile",
        "quantile_cont",
        "quantile_disc",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "reservoir_quantile",
        "sem",
        "skewness",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "string_agg",
        "sum",
        "sum_no_overflow",
        "sumkahan",
        "var_pop",
        "var_samp",
        "variance",
        "grouping",
        "grouping_id",
    ]
)

# Aggregates and window functions that are never NULL, even over no rows.
NEVER_NULL: frozenset[str] = frozenset(
    [
        "approx_count_distinct",
        "count",
        "count_star",
        "cume_dist",
        "dense_rank",
        "ntile",
        "percent_rank",
        "rank",
        "regr_count",
        "row_number",
        "grouping",
        "grouping_id",
        "entropy",
    ]
)


class Call(NamedTuple):
    """A call: the engine's name in lower case, its arguments in order; None where that is unknown."""

    name: str
    arguments: tuple[exp.Expr, ...] | None


def is_call(node: exp.Expr) -> bool:
    """Whether what sqlglot takes for an operator or a cast was written as a call: `pow(x, 2)`."""
    return isinstance(node, (exp.Binary, exp.Cast)) and bool(node.meta) and "start" in node.meta


def call_of(node: exp.Func, text: str) -> Call:
    """Gives a call as the user wrote it."""
    if isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)):
        return Call(str(node.this).lower(), tuple(node.expressions))
    place = node.meta.get("start") if node.meta else None
    if place is not None:
        name = text[place : node.meta["end"] + 1].strip('"').lower()
    else:
        name = _NAMES.get(type(node).__name__) or node.sql_names()[0].lower()
    if isinstance(node, exp.DateBin) and isinstance(node.unit, exp.Var):
        return Call(name, (node.this, node.expression, _origin(node.unit.name, text)))
    # PostgreSQL's div(x, y) is a cast of a division to sqlglot.
    return Call(name, _arguments(node.this if isinstance(node, exp.Cast) else node))


def _origin(name: str, text: str) -> exp.Expr:
    """What sqlglot takes for a unit of time_bucket, and writes in capitals: a column or a text."""
    if f"'{name.lower()}'" in text.lower():
        return exp.Literal.string(name)
    return exp.Column(this=exp.Identifier(this=name.lower(), quoted=False))


def _arguments(node: exp.Expr) -> tuple[exp.Expr, ...] | None:
    """The operands in the order of the text, a unit, which sqlglot keeps apart, first, as a text.

    None where the order can't be told: some have no place, and sqlglot moved others.
    """
    units: list[exp.Expr] = []
    parts: list[exp.Expr] = []
    for key, given in node.args.items():
        for part in given if isinstance(given, list) else [given]:
            if not isinstance(part, exp.Expr) or _is_implied(key, part):
                continue
            if isinstance(part, exp.Var) or key == "unit":
                units.append(exp.Literal.string(part.name.lower()))
            elif isinstance(part, exp.JSONKeyValue):
                parts += [part.this, part.expression]
            else:
                parts.append(part)
    found = [(place[0] if (place := extent(part)) else None, part) for part in parts]
    starts = [start for start, _ in found if start is not None]
    if starts != sorted(starts):
        if len(starts) < len(found):
            return None
        found.sort(key=lambda pair: pair[0] or 0)
    return (*units, *(part for _, part in found))


def _is_implied(key: str, part: exp.Expr) -> bool:
    """Whether sqlglot wrote the argument itself: a sort's order, log10's base, sha256's length.

    A format or a unit is the user's, in sqlglot's own words.
    """
    if key in ("format", "unit"):
        return False
    return key in ("asc", "nulls_first") or (isinstance(part, exp.Literal) and extent(part) is None)


def has_aggregate(node: exp.Expr) -> bool:
    """Whether an expression is computed over groups; what stands under OVER or in a subquery is not."""
    stack: list[exp.Expr] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, exp.Window):
            # sum(sum(x)) OVER (): what the function is given may be computed over groups.
            function = here.this
            while isinstance(function, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
                stack.extend(part for part in function.iter_expressions() if part is not function.this)
                function = function.this
            stack.extend(function.iter_expressions())
            stack.extend(part for part in here.iter_expressions() if part is not here.this)
        elif isinstance(here, exp.Query):
            continue
        elif isinstance(here, exp.AggFunc) or (
            isinstance(here, exp.Anonymous) and str(here.this).lower() in AGGREGATES
        ):
            return True
        else:
            stack.extend(here.iter_expressions())
    return False
