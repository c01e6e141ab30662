"""What random queries are made of: a schema of many types, and templates by the type of their result.

In a template `<int>` stands for an expression of that kind, `<T>` for one of the kind asked for, `<1>` for
the first expression once more, `<w>` for a window. A kind is coarse: what a type really is, the engine says.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.judge.subject import Tables

TABLES: Tables = {
    "items": (
        ("id", "INTEGER", True), ("parent", "INTEGER", False), ("name", "VARCHAR", True),
        ("label", "VARCHAR", False), ("price", "DECIMAL(9,2)", True), ("tax", "DECIMAL(4,3)", False),
        ("weight", "DOUBLE", False), ("active", "BOOLEAN", False), ("made", "DATE", True),
        ("seen", "TIMESTAMP", False), ("tags", "VARCHAR[]", False),
        ("info", "STRUCT(color VARCHAR, size INTEGER)", False), ("props", "MAP(VARCHAR, INTEGER)", False),
        ("doc", "JSON", False),
    ),
    "sales": (
        ("id", "BIGINT", True), ("item_id", "INTEGER", True), ("qty", "SMALLINT", False),
        ("amount", "DECIMAL(12,4)", False), ("rate", "FLOAT", False), ("sold", "DATE", False),
        ("at", "TIMESTAMP", True), ("note", "VARCHAR", False), ("counts", "INTEGER[]", True),
        ("paid", "BOOLEAN", True),
    ),
    "people": (
        ("id", "INTEGER", True), ("name", "VARCHAR", False), ("born", "DATE", False),
        ("score", "DOUBLE", True), ("small", "TINYINT", False), ("code", "UINTEGER", False),
        ("info", "STRUCT(color VARCHAR, size INTEGER)", True), ("seen", "TIMESTAMP", False),
        ("tags", "VARCHAR[]", True), ("nums", "BIGINT[]", False), ("doc", "JSON", True),
    ),
}  # fmt: skip

KINDS: Mapping[str, str] = {
    "TINYINT": "int", "SMALLINT": "int", "INTEGER": "int", "BIGINT": "int", "UINTEGER": "int",
    "DECIMAL(9,2)": "dec", "DECIMAL(4,3)": "dec", "DECIMAL(12,4)": "dec", "DOUBLE": "dbl", "FLOAT": "dbl",
    "VARCHAR": "str", "BOOLEAN": "bool", "DATE": "date", "TIMESTAMP": "ts", "VARCHAR[]": "list_str",
    "INTEGER[]": "list_int", "BIGINT[]": "list_int", "STRUCT(color VARCHAR, size INTEGER)": "info",
    "MAP(VARCHAR, INTEGER)": "map", "JSON": "json",
}  # fmt: skip

NUMBERS = ("int", "dec", "dbl")
PLAIN = (*NUMBERS, "str", "bool", "date", "ts")
NESTED = ("list_int", "list_str", "info", "map", "json")

LITERALS: Mapping[str, tuple[str, ...]] = {
    "int": ("0", "1", "2", "3", "5", "-4", "3000000000", "NULL::INTEGER", "7::SMALLINT"),
    "dec": ("0.5", "1.25", "10.0", "2.000", "NULL::DECIMAL(5,1)", "3::DECIMAL(6,2)"),
    "dbl": ("1e1", "0.5::DOUBLE", "2.5::FLOAT", "NULL::DOUBLE"),
    "str": ("'a'", "'b-c'", "'2'", "''", "NULL::VARCHAR"),
    "bool": ("true", "false"),
    "date": ("DATE '2020-01-05'", "'2020-03-01'::DATE"),
    "ts": ("TIMESTAMP '2020-01-05 10:30:00'",),
    "list_int": ("[1, 2, 3]", "[4]"),
    "list_str": ("['a', 'b']", "['x']"),
    "info": ("{'color': 'red', 'size': 3}",),
    "map": ("MAP {'a': 1, 'b': 2}",),
    "json": ("""'{"a": "x", "n": 4}'::JSON""",),
}

SCALARS: Mapping[str, tuple[str, ...]] = {
    "int": (
        "(<int> + <int>)", "(<int> - <int>)", "(<int> * 3)", "(<int> % 7)", "(<int> // 4)", "abs(<int>)",
        "(- <int>)", "length(<str>)", "len(<list_int>)", "len(<list_str>)", "extract(year FROM <date>)",
        "date_part('month', <ts>)", "year(<date>)", "month(<ts>)", "dayofweek(<date>)",
        "date_diff('day', <date>, <date>)", "datediff('hour', <ts>, <ts>)", "(<date> - <date>)",
        "CAST(<bool> AS INTEGER)", "CAST(<int> AS BIGINT)", "CAST(<dec> AS INTEGER)", "<int>::HUGEINT",
        "TRY_CAST(<str> AS INTEGER)", "<list_int>[1]", "<map>['a']", "<info>.size", "list_sum(<list_int>)",
        "list_max(<list_int>)", "strpos(<str>, 'b')", "instr(<str>, 'a')", "ascii(<str>)", "sign(<num>)",
        "cardinality(<map>)", "(<int> & 3)", "(<int> | 4)", "TRY_CAST(<json>->>'n' AS INTEGER)",
        "list_position(<list_str>, 'a')", "round(<int>)", "greatest(<int>, <int>, 2)", "least(<int>, <int>)",
        "<info>['size']", "struct_extract(<info>, 'size')", "list_aggregate(<list_int>, 'max')",
        "list_reduce(<list_int>, lambda p, q: p + q)", "quarter(<date>)", "json_array_length(<json>)",
    ),
    "dec": (
        "(<dec> + <dec>)", "(<dec> - <int>)", "(<int> * <dec>)", "(<dec> * <dec>)", "round(<dec>, 1)",
        "round(<dec>)", "CAST(<int> AS DECIMAL(10,2))", "abs(<dec>)", "(0.5 * <dec>)", "(1 - <dec>)",
        "CAST(<dec> AS DECIMAL(18,6))", "coalesce(<dec>, <int>)", "coalesce(<dec>, 0)", "(<dec> % 2)",
        "CASE WHEN <bool> THEN <dec> ELSE 0 END", "greatest(<dec>, <int>)", "floor(<dec>)", "ceil(<dec>)",
        "CASE WHEN <bool> THEN <int> ELSE <dec> END", "(- <dec>)", "ifnull(<dec>, 1.5)",
    ),
    "dbl": (
        "(<dbl> + <num>)", "(<num> / 4)", "(<int> / <int>)", "(<dec> / <dec>)", "sqrt(abs(<num>))",
        "round(<dbl>, 2)", "CAST(<num> AS DOUBLE)", "power(<num>, 2)", "CAST(<dec> AS FLOAT)",
        "ln(abs(<num>) + 1)", "epoch(<ts>)", "pi()", "(<dbl> * <int>)", "(<num> - <dbl>)", "sin(<num>)",
        "CASE WHEN <bool> THEN <dbl> ELSE <num> END", "coalesce(<dbl>, <num>)", "floor(<dbl>)", "exp(1)",
        "list_avg(<list_int>)", "abs(<dbl>)", "(<dbl> / nullif(<num>, 0))", "log10(abs(<num>) + 1)",
    ),
    "str": (
        "upper(<str>)", "lower(<str>)", "(<str> || <str>)", "concat(<str>, <any>)", "(<str> || <int>)",
        "concat_ws('-', <str>, <str>)", "substr(<str>, 1, 3)", "substring(<str>, 2)", "<str>[1:2]",
        "replace(<str>, 'a', 'b')", "trim(<str>)", "CAST(<any> AS VARCHAR)", "left(<str>, 2)",
        "right(<str>, 1)", "lpad(<str>, 5, '0')", "strftime(<date>, '%Y-%m')", "<info>.color",
        "<list_str>[1]", "array_to_string(<list_str>, ',')", "(<json>->>'$.a')", "split_part(<str>, '-', 1)",
        "regexp_replace(<str>, '[ab]', 'x')", "regexp_extract(<str>, '(.)', 1)", "reverse(<str>)",
        "repeat(<str>, 2)", "dayname(<date>)", "monthname(<date>)", "md5(<str>)", "chr(65)", "hex(<int>)",
        "coalesce(<str>, 'none')", "format('{}', <int>)", "printf('%d', <int>)", "ltrim(<str>)",
        "json_extract_string(<json>, '$.a')", "CASE WHEN <bool> THEN 'yes' ELSE 'no' END",
        "list_aggregate(<list_str>, 'min')", "translate(<str>, 'ab', 'cd')", "json_type(<json>)",
    ),
    "bool": (
        "(<int> > <int>)", "(<num> <= <num>)", "(<str> = <str>)", "(<str> LIKE 'a%')", "(<int> <> <num>)",
        "(<str> ILIKE '%b%')", "(<int> BETWEEN 1 AND <int>)", "(<int> IN (1, 2, <int>))", "(<str> < 'm')",
        "(<str> IN ('a', 'b', 'c'))", "(<any> IS NULL)", "(<any> IS NOT NULL)", "(<bool> AND <bool>)",
        "(<bool> OR <bool>)", "(NOT <bool>)", "(<date> > DATE '2020-01-05')", "(<date> < <ts>)",
        "contains(<str>, 'a')", "list_contains(<list_str>, <str>)", "starts_with(<str>, 'a')",
        "(<int> IS DISTINCT FROM <int>)", "(<bool> IS TRUE)", "regexp_matches(<str>, 'a')", "(<int> = <dec>)",
        "(<str> NOT IN ('a', <str>))", "(<list_int> = <list_int>)", "(<bool> IS NOT FALSE)", "isnan(<dbl>)",
    ),
    "date": (
        "CAST(date_trunc('month', <date>) AS DATE)", "CAST(<ts> AS DATE)", "(<date> + 3)", "(<date> - 2)",
        "last_day(<date>)", "make_date(2020, 1 + abs(<int> % 12)::INTEGER, 2)", "greatest(<date>, <date>)",
        "date_trunc('year', <date>)", "<ts>::DATE",
    ),
    "ts": (
        "(<date> + INTERVAL 1 DAY)", "(<ts> - INTERVAL 2 HOUR)", "date_trunc('hour', <ts>)",
        "CAST(<date> AS TIMESTAMP)", "(<ts> + INTERVAL '1 month')", "least(<ts>, <ts>)",
        "coalesce(<ts>, <date>)", "date_add(<date>, INTERVAL 1 MONTH)",
    ),
    "list_int": (
        "[<int>, <int>]", "list_value(<int>)", "range(1, 4)", "[x * 2 FOR x IN <list_int> IF x > 1]",
        "list_transform(<list_int>, lambda x: x + <int>)", "list_filter(<list_int>, lambda x: x > 1)",
        "list_sort(<list_int>)", "list_concat(<list_int>, <list_int>)", "<list_int>[1:2]",
        "map_values(<map>)", "list_append(<list_int>, <int>)", "list_reverse(<list_int>)",
        "list_apply(<list_str>, lambda s: length(s))", "array_slice(<list_int>, 1, 2)",
    ),
    "list_str": (
        "[<str>, 'z']", "string_split(<str>, '-')", "list_transform(<list_str>, lambda s: upper(s))",
        "list_transform(<list_int>, lambda x: CAST(x AS VARCHAR))", "map_keys(<map>)",
        "list_sort(<list_str>)", "list_filter(<list_str>, lambda s: s <> <str>)",
        "list_prepend('q', <list_str>)", "[upper(s) FOR s IN <list_str>]", "json_keys(<json>)",
    ),
    "map": ("MAP {'a': <int>, 'b': <int>}", "MAP([coalesce(<str>, 'k')], [<int>])"),
    "info": ("{'color': <str>, 'size': <int>}", "struct_pack(color := <str>, size := <int>)"),
    "json": ("to_json(<any>)", "(<json>->'$.a')", "json_extract(<json>, '$.n')", "json_object('k', <any>)"),
}  # fmt: skip

# For every kind.
GENERAL = (
    "CASE WHEN <bool> THEN <T> ELSE <T> END", "CASE WHEN <bool> THEN <T> END", "coalesce(<T>, <T>)",
    "nullif(<T>, <T>)", "if(<bool>, <T>, <T>)", "CASE <int> WHEN 1 THEN <T> WHEN 2 THEN <T> ELSE NULL END",
    "ifnull(<T>, <T>)", "(<T>)",
)  # fmt: skip

AGGREGATES: Mapping[str, tuple[str, ...]] = {
    "int": (
        "count(*)", "count(<any>)", "count(DISTINCT <any>)", "sum(<int>)", "count_if(<bool>)", "min(<int>)",
        "max(<int>)", "sum(DISTINCT <int>)", "bit_or(<int>)", "sum(<bool>::INTEGER)",
    ),
    "dec": ("sum(<dec>)", "min(<dec>)", "max(<dec>)", "sum(<dec> * <int>)"),
    "dbl": (
        "avg(<num>)", "sum(<dbl>)", "stddev_samp(<num>)", "median(<dbl>)", "quantile_cont(<dbl>, 0.5)",
        "var_pop(<dbl>)", "corr(<dbl>, <num>)", "avg(DISTINCT <num>)", "max(<dbl>)", "stddev(<num>)",
    ),
    "str": ("min(<str>)", "max(<str>)", "string_agg(<str>, ',' ORDER BY <1>)"),
    "bool": ("bool_and(<bool>)", "bool_or(<bool>)", "max(<bool>)"),
    "date": ("min(<date>)", "max(<date>)"),
    "ts": ("min(<ts>)", "max(<ts>)"),
    "list_int": ("list(<int> ORDER BY <1>)", "array_agg(<int> ORDER BY <1> DESC)"),
    "list_str": ("list(<str> ORDER BY <1>)", "array_agg(DISTINCT <str> ORDER BY <1>)"),
}  # fmt: skip
# Which row they take depends on the order of rows that compare as equal.
TIED_AGGREGATES: Mapping[str, tuple[str, ...]] = {
    "int": ("arg_max(<int>, <num>)", "first(<int>)", "any_value(<int>)", "mode(<int>)"),
    "dec": ("any_value(<dec>)", "arg_min(<dec>, <int>)"),
    "str": ("any_value(<str>)", "arg_max(<str>, <num>)", "last(<str>)", "string_agg(<str>)"),
    "date": ("first(<date>)",),
    "list_int": ("list(<int>)",),
}

WINDOWS: Mapping[str, tuple[str, ...]] = {
    "int": ("rank() OVER <w>", "dense_rank() OVER <w>", "count(*) OVER <w>", "sum(<int>) OVER <w>"),
    "dec": ("sum(<dec>) OVER <w>", "max(<dec>) OVER <w>"),
    "dbl": ("avg(<num>) OVER <w>", "percent_rank() OVER <w>", "cume_dist() OVER <w>"),
    "str": ("max(<str>) OVER <w>", "min(<str>) FILTER (WHERE <bool>) OVER <w>"),
    "date": ("max(<date>) OVER <w>",),
}
TIED_WINDOWS: Mapping[str, tuple[str, ...]] = {
    "int": (
        "row_number() OVER <w>", "ntile(3) OVER <w>", "lag(<int>) OVER <w>", "lead(<int>, 1, 0) OVER <w>",
        "last_value(<int>) OVER <w>",
    ),
    "dec": ("lag(<dec>) OVER <w>", "lag(<dec>, 1, 0) OVER <w>"),
    "dbl": ("nth_value(<dbl>, 2) OVER <w>",),
    "str": ("first_value(<str>) OVER <w>", "lag(<str>, 2) OVER <w>", "lead(<str> IGNORE NULLS) OVER <w>"),
    "date": ("first_value(<date>) OVER <w>",),
}  # fmt: skip
FRAMES = (
    "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
)  # fmt: skip
WHOLE_FRAMES = (
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
)  # fmt: skip
