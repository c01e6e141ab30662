"""Which functions and operators DuckDB is asked about."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from tests.rules.explore import Shape, plain_call, within_group
from tests.rules.subject import Engine

_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)
# What the engine uses inside, what the state of a session answers, and what a value of an argument decides.
_LEFT_OUT = re.compile(
    r"(__|icu_|collate_|pg_|has_|inet_|json_serialize|json_deserialize|variant_|st_|json_copy|sleep).*"
    r"|current_setting|getvariable|nextval|currval|setval|setseed|write_log|error|assert_true|remap_struct"
    r"|replace_type|cast_to_type|make_type|get_type|stats|vector_type|finalize|combine|to_aggregate_state"
    r"|constant_or_null|create_sort_key|index_key|invoke|is_histogram_other_bin|combine_aggr|can_cast_implicitly"
    r"|from_json|from_json_strict|json_transform|json_transform_strict|unnest|struct_pack|row|union_value"
    r"|struct_insert|struct_update|struct_concat|map_to_pg_oid|shobj_description|obj_description"
    r"|col_description|format_type|format_pg_type|txid_current|parse_duckdb_log_message|array_value|list_zip"
    r"|array_zip|unpivot_list|switch|map_from_entries|get_block_size|hive_partition_component"
    r"|(array|list)_(transform|apply|filter|reduce)|apply|reduce|filter|query_table|struct_extract_at"
    # Macros that stand for a text as if the query said it.
    r"|user|current_user|current_role|session_user"
    r"|struct_extract|union_extract|alias|current_query|regexp_split_to_table|generate_subscripts|lambda"
    r"|timetz_byte_comparable|bitstring_byte_comparable|normalized_interval|equi_width_bins|in_search_path"
    r"|decimal_average|decimal_division"
)
WINDOWS = {
    "row_number": ((),),
    "rank": ((),),
    "dense_rank": ((),),
    "rank_dense": ((),),
    "percent_rank": ((),),
    "cume_dist": ((),),
    "ntile": (("BIGINT",),),
    "first_value": (("ANY",),),
    "last_value": (("ANY",),),
    "nth_value": (("ANY", "BIGINT"),),
    "lag": (("ANY",), ("ANY", "BIGINT"), ("ANY", "BIGINT", "ANY")),
    "lead": (("ANY",), ("ANY", "BIGINT"), ("ANY", "BIGINT", "ANY")),
}
# Forms of the grammar that are written like functions.
FORMS = {
    "nullif": (("ANY", "ANY"),),
    "ifnull": (("ANY", "ANY"),),
    "if": (("BOOLEAN", "ANY", "ANY"),),
    "count": ((), ("ANY",)),
}
ARITHMETIC = (
    *("+", "-", "*", "/", "//", "%", "**", "^", "&", "|", "<<", ">>", "||", "->", "->>"),
    *("[]", "[:]", "AT TIME ZONE"),
)
# Whatever they take, they give a truth.
TRUTHS = (
    *("=", "<>", "!=", "<", ">", "<=", ">=", "==", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "AND", "OR"),
    *("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "GLOB", "SIMILAR TO", "NOT SIMILAR TO", "~", "!~", "^@"),
    *("@>", "<@", "&&", "~~", "!~~", "~~*", "!~~*", "IN", "NOT IN", "BETWEEN"),
)
# Operators that are written in another way than between their operands.
WRITTEN = {
    "[]": "({0})[{1}]",
    "[:]": "({0})[{1}:]",
    "AT TIME ZONE": "{0} AT TIME ZONE {1}",
    "IN": "{0} IN ({1})",
    "NOT IN": "{0} NOT IN ({1})",
    "BETWEEN": "{0} BETWEEN {1} AND {1}",
}
ARROWS = ("->", "->>")
POSTFIX = ("IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE")
# Functions with a lambda: the second argument stands for what it gives.
MAPPING = ("list_transform", "list_apply", "array_transform", "array_apply", "apply")
FILTERING = ("list_filter", "array_filter", "filter")
# Words of the grammar that are values.
WORDS = (
    *("current_date", "current_timestamp", "current_time", "localtimestamp", "localtime"),
    *("current_schema", "current_catalog"),
)
UNARY = ("-", "+", "~", "NOT")
# Functions that are given another function's name.
AGGREGATING = ("list_aggregate", "list_aggr", "array_aggregate", "array_aggr", "aggregate")
# Where a constant decides: the argument, and the marks in it that do; without marks its whole text does.
KEYED: dict[str, tuple[int, tuple[str, ...]]] = {
    "->": (2, ("*",)),
    "->>": (2, ("*",)),
    "date_part": (1, ()),
    "datepart": (1, ()),
    "strptime": (2, ("%z", "%Z", "%n")),
    "try_strptime": (2, ("%z", "%Z", "%n")),
    "json_extract": (2, ("*",)),
    "json_extract_path": (2, ("*",)),
    "json_extract_string": (2, ("*",)),
    "json_extract_path_text": (2, ("*",)),
    "json_value": (2, ("*",)),
    **dict.fromkeys(AGGREGATING, (2, ())),
}
KEYS: dict[str, tuple[str, ...]] = {
    "date_part": (
        *("year", "years", "y", "month", "months", "mon", "day", "days", "d", "hour", "hours", "h", "minute"),
        *("minutes", "m", "min", "second", "seconds", "s", "sec", "millisecond", "milliseconds", "ms"),
        *("microsecond", "microseconds", "us", "quarter", "quarters", "week", "weeks", "w", "weekofyear"),
        *("decade", "century", "millennium", "epoch", "dow", "dayofweek", "weekday", "isodow", "doy"),
        *("dayofyear", "isoyear", "yearweek", "era", "julian", "nanosecond", "nanoseconds", "ns", "timezone"),
        *("timezone_hour", "timezone_minute"),
    ),
    "list_aggregate": (
        *("any_value", "approx_count_distinct", "avg", "bit_and", "bit_or", "bool_and", "bool_or", "count"),
        *("entropy", "first", "histogram", "kurtosis", "last", "list", "mad", "max", "median", "min", "mode"),
        *("product", "skewness", "stddev", "stddev_pop", "string_agg", "sum", "var_pop", "var_samp"),
    ),
    "strptime": ("%Y-%m-%d", "%Y %z", "%Y %Z", "%Y %n"),
    "json_extract": ("$.a", "$.*", "a", "/a", "$[0]", "$[*]", "a*b"),
}
VARIADIC = {
    "list_concat": "common(*)",
    "list_cat": "common(*)",
    "array_concat": "common(*)",
    "array_cat": "common(*)",
    "coalesce": "common(*)",
    "greatest": "common(*)",
    "least": "common(*)",
    "list_value": "items(*)[]",
    "list_pack": "items(*)[]",
    "concat": "VARCHAR",
    "hash": "UBIGINT",
    "json_array": "JSON",
    "json_object": "JSON",
    "format": "VARCHAR",
    "printf": "VARCHAR",
    "concat_ws": "VARCHAR",
}
# Functions whose arguments can be anything: how many, and what they give.
ANYTHING = {
    "if": (3, "common($3, $2)"),
    "lag": (3, "$1"),
    "lead": (3, "$1"),
}
# They are other functions where they are given lists.
PLAIN = frozenset({"concat"})
# They take lists alone; what they make of arrays is another matter.
LISTS = frozenset({"list_concat", "list_cat", "array_concat", "array_cat"})
ACCEPTS = {
    "comparable": "{0} = {1}",
    "ordered": "{0} < {1}",
    "explicit": "TRY_CAST({0} AS {1})",
}
SAME_KEYS = {
    "->": "json_extract",
    "->>": "json_extract",
    "datepart": "date_part",
    "try_strptime": "strptime",
    "json_extract_path": "json_extract",
    "json_extract_string": "json_extract",
    "json_extract_path_text": "json_extract",
    "json_value": "json_extract",
    **dict.fromkeys(AGGREGATING[1:], "list_aggregate"),
}


def shapes(engine: Engine) -> list[Shape]:
    """Gives the functions of the engine's catalogue, with what it declares of their parameters."""
    overloads: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    rows = engine.rows(
        "SELECT function_name, parameter_types, varargs, len(parameters) FROM duckdb_functions() "
        "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
    )
    for name, parameters, varargs, count in rows:
        if not _NAME.fullmatch(name) or _LEFT_OUT.fullmatch(name) or "LAMBDA" in str(parameters):
            continue
        known = tuple(parameter or "ANY" for parameter in parameters or ["ANY"] * count)
        if varargs:
            overloads[name] |= {(*known, *(varargs,) * more) for more in range(4 - len(known))}
        else:
            overloads[name].add(known)
    for name, forms in FORMS.items():
        overloads[name] |= set(forms)
    found = [
        Shape(name=name.lower(), call=plain_call(f'"{name}"'), overloads=tuple(sorted(some)))
        for name, some in overloads.items()
    ]
    for shape in FORMS:
        found = [one for one in found if one.name != shape]
        found.append(Shape(name=shape, call=plain_call(shape), overloads=tuple(sorted(overloads[shape]))))
    found += [Shape(name=name, call=_over(name), overloads=tuple(some)) for name, some in WINDOWS.items()]
    found += [Shape(name=name, call=_word(name), overloads=((),)) for name in WORDS]
    found += [
        Shape(name=name, call=within_group(name), overloads=(("DOUBLE", "ANY"), ("DECIMAL(4,1)", "ANY")))
        for name in ("percentile_cont", "percentile_disc")
    ]
    found += [Shape(name=name, call=_lambda(name), overloads=(("ANY[]", "ANY"),)) for name in MAPPING]
    found += [Shape(name=name, call=_lambda(name), overloads=(("ANY[]", "BOOLEAN"),)) for name in FILTERING]
    # The last of a name is the one that is written as the grammar wants it.
    return sorted({shape.name: shape for shape in found}.values(), key=lambda shape: shape.name)


def _word(name: str) -> Callable[[Sequence[str]], str]:
    return lambda arguments: name


def _lambda(name: str) -> Callable[[Sequence[str]], str]:
    return lambda arguments: f"{name}({arguments[0]}, lambda item_: {arguments[1]})"


def _over(name: str) -> Callable[[Sequence[str]], str]:
    return lambda arguments: f"{name}({', '.join(arguments)}) OVER ()"
