"""What PostgreSQL is asked about, and how."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.rules import NULL
from sqlflow.dialect.rules.tokens import STRING_LITERAL
from tests.rules.explore import Shape, plain_call, within_group
from tests.rules.probes import Probe, typed

# Types, each with a constant of it.
_TYPES = (
    ("smallint", "1::smallint"),
    ("integer", "1"),
    ("bigint", "1::bigint"),
    ("numeric", "1.5::numeric"),
    ("numeric(10,2)", "1.5::numeric(10,2)"),
    ("numeric(38,10)", "1.5::numeric(38,10)"),
    ("real", "0.5::real"),
    ("double precision", "0.5::float8"),
    ("text", "'a'::text"),
    ("character varying", "'a'::varchar"),
    ("character varying(20)", "'a'::varchar(20)"),
    ("character(3)", "'a'::char(3)"),
    ("boolean", "true"),
    ("date", "DATE '2020-01-01'"),
    ("time without time zone", "TIME '10:00'"),
    ("time with time zone", "TIMETZ '10:00+00'"),
    ("timestamp without time zone", "TIMESTAMP '2020-01-01'"),
    ("timestamp with time zone", "TIMESTAMPTZ '2020-01-01'"),
    ("interval", "INTERVAL '1 day'"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'::uuid"),
    ("bytea", "'a'::bytea"),
    ("json", "'{}'::json"),
    ("jsonb", "'{}'::jsonb"),
    ("inet", "'127.0.0.1'::inet"),
    ("integer[]", "ARRAY[1]"),
    ("bigint[]", "ARRAY[1::bigint]"),
    ("text[]", "ARRAY['a'::text]"),
    ("numeric[]", "ARRAY[1.5]"),
    ("numeric(10,2)[]", "ARRAY[1.5]::numeric(10,2)[]"),
    ("double precision[]", "ARRAY[0.5::float8]"),
    ("date[]", "ARRAY[DATE '2020-01-01']"),
    ("boolean[]", "ARRAY[true]"),
    ("character varying(20)[]", "ARRAY['a']::varchar(20)[]"),
    ("int4range", "int4range(1, 2)"),
    ("daterange", "daterange('2020-01-01', '2020-01-02')"),
    ("tsvector", "'a'::tsvector"),
    ("timestamp(3) without time zone", "'2020-01-01'::timestamp(3)"),
    ("timestamp(3) with time zone", "'2020-01-01'::timestamptz(3)"),
    ("time(3) without time zone", "'10:00'::time(3)"),
    ("timestamp(3) without time zone[]", "ARRAY['2020-01-01'::timestamp(3)]"),
    ("timestamp with time zone[]", "ARRAY['2020-01-01'::timestamptz]"),
    ("uuid[]", "ARRAY['00000000-0000-0000-0000-000000000000'::uuid]"),
    ("jsonb[]", "ARRAY['{}'::jsonb]"),
)
TEXTS = ("a", "1", "day", "2020-01-01", "{1}", "{}", "true", "1 day")
ARITHMETIC = (
    *("+", "-", "*", "/", "%", "^", "&", "|", "#", "<<", ">>", "||", "->", "->>", "#>", "#>>", "#-"),
    *("[]", "[:]", "AT TIME ZONE"),
)
TRUTHS = (
    *("=", "<>", "!=", "<", ">", "<=", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "AND", "OR"),
    *("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "SIMILAR TO", "NOT SIMILAR TO", "~", "!~", "~*", "!~*"),
    *("@>", "<@", "&&", "?", "?|", "?&", "@?", "IN", "NOT IN", "BETWEEN"),
)
WORDS = (
    *("current_date", "current_timestamp", "current_time", "localtimestamp", "localtime", "current_user"),
    *("current_schema", "current_catalog", "current_role", "session_user", "user"),
)
FORMS = {
    "nullif": (("ANY", "ANY"),),
    "count": (("ANY",),),
    "coalesce": (),
    "greatest": (),
    "least": (),
    "concat": (),
    "concat_ws": (),
    "json_build_object": (),
    "jsonb_build_object": (),
    "json_build_array": (),
    "jsonb_build_array": (),
    "format": (),
}
VARIADIC = {
    "coalesce": "common(*)",
    "greatest": "common(*)",
    "least": "common(*)",
    "concat": "TEXT",
    "concat_ws": "TEXT",
    "format": "TEXT",
    "json_build_object": "JSON",
    "jsonb_build_object": "JSONB",
    "json_build_array": "JSON",
    "jsonb_build_array": "JSONB",
}
_NAMES = (
    *("smallint", "int2", "integer", "int", "int4", "bigint", "int8", "numeric", "decimal", "dec", "real"),
    *("float4", "float", "float8", "double precision", "text", "varchar", "character varying", "char"),
    *("character", "bpchar", "boolean", "bool", "date", "time", "time without time zone", "timetz"),
    *("time with time zone", "timestamp", "timestamp without time zone", "timestamptz"),
    *("timestamp with time zone", "interval", "uuid", "bytea", "json", "jsonb", "inet", "cidr", "macaddr"),
    *("xml", "money", "bit", "varbit", "bit varying", "int4range", "int8range", "numrange", "daterange"),
    *("tsrange", "tstzrange", "tsvector", "tsquery", "point", "oid", "name"),
)
_WINDOW_ONLY = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead")
_WINDOW_VALUES = ("first_value", "last_value", "nth_value")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What implements types, indexes and operators, what looks into or changes the server, and what is no value.
_LEFT_OUT = re.compile(
    r"(pg_|has_|inet_|ts_|gin|gist|brin|spg|bt(?!rim)|hash|array_(in|out)|range_|lo_|loread|lowrite|current_setting|set_config|"
    r"setval|nextval|currval|lastval|txid|binary_|suppress|RI_|fmgr|plpgsql|xid|tid|oid|reg(?!exp)|cash|path|"
    r"poly|circle|lseg|line|box|point|dist_|on_|inter_|close_|dsqrt|dcbrt|query_to|table_to|cursor_to|schema_to|"
    r"database_to|xml|unicode_|convert|network|macaddr|int[248]|float[48]|numeric_|text_|bpchar|varchar|name|"
    r"bit(?!_length|_count)|varbit|bool_?(in|out|eq|ne|lt|gt|le|ge|send|recv|accum|alltrue|anytrue)|jsonb_(in|out|send|recv)|"
    r"json_(in|out|send|recv)|uuid_|date_(in|out|send|recv|eq|ne|lt|gt|le|ge|cmp|mi|pl|la|sm)|time_|timetz_|"
    r"timestamp_|timestamptz_|interval_(in|out|send|recv|eq|ne|lt|gt|le|ge|cmp|mi|pl|um|mul|div|accum|combine|"
    r"serialize|deserialize|hash|larger|smaller|avg|sum|transform|support|finalfn|inv)|any|cstring|void|record|"
    r"enum|trigger|event|language|opaque|internal|tsm|system|bernoulli|window_|.*_(support|sel|joinsel|transfn|"
    r"finalfn|accum|combine|serialize|deserialize|accum_inv)$).*"
)


class Postgres:
    """A connection with one empty table `t`, whose columns have the types that are asked about."""

    def __init__(self, settings: dict[str, Any], columns: Sequence[tuple[str, str]]) -> None:
        import psycopg

        self._connection = psycopg.connect(autocommit=True, **settings)
        self._named: dict[tuple[int, int], SqlType] = {}
        names = ", ".join(f"{name} {kind}" for name, kind in columns)
        self._connection.execute(f"CREATE TEMP TABLE t ({names})")
        self.asked = 0

    def rows(self, query: str) -> list[Any]:
        """Runs a query."""
        return self._connection.execute(query).fetchall()

    def run(self, query: str) -> str:
        """Runs a query; gives the engine's complaint, or nothing."""
        import psycopg

        try:
            self._connection.execute(query).fetchall()
        except psycopg.Error as error:
            return str(error)
        return ""

    def query(self, query: str) -> tuple[SqlType, ...] | str:
        """Gives the types of a query's columns, or the engine's complaint; the query is not run."""
        wire = self._connection.pgconn
        answer = wire.prepare(b"", query.encode())
        if answer.status != 1:  # PGRES_COMMAND_OK
            return answer.error_message.decode("utf-8", "replace")
        answer = wire.describe_prepared(b"")
        kinds = [(answer.ftype(column), answer.fmod(column)) for column in range(answer.nfields)]
        return tuple(self._type(*kind) for kind in kinds)

    def types(self, expressions: Sequence[str], tail: str = " FROM t") -> list[SqlType | str]:
        """Gives each expression's type, or the engine's complaint where it takes it not."""
        self.asked += len(expressions)
        found: list[SqlType | str] = []
        for expression in expressions:
            answer = self.query(f"SELECT {expression}{tail}")
            found.append(answer if isinstance(answer, str) else answer[0])
        return found

    def _type(self, oid: int, modifier: int) -> SqlType:
        key = (oid, modifier)
        if key not in self._named:
            row = self._connection.execute("SELECT format_type(%s, %s)", key).fetchone()
            assert row is not None
            kind = parse_type(row[0])
            self._named[key] = kind or SqlType(f"?{row[0]}")
        return self._named[key]


def probes() -> tuple[Probe, ...]:
    """Gives all arguments that are asked about. Numbers that a query says have types like any other."""
    columns = tuple(
        Probe(kind=typed(text), column=f"c{index}", constant=constant)
        for index, (text, constant) in enumerate(_TYPES)
    )
    texts = tuple(
        Probe(kind=SqlType(STRING_LITERAL, labels=(text,)), column=f"'{text}'", constant=f"'{text}'")
        for text in TEXTS
    )
    return (*columns, *texts, Probe(kind=NULL, column="NULL", constant="NULL"))


def columns() -> tuple[tuple[str, str], ...]:
    """Gives the columns of the table that is asked about."""
    return tuple((f"c{index}", text) for index, (text, _) in enumerate(_TYPES))


def shapes(engine: Postgres) -> list[Shape]:
    """Gives the functions of the engine's catalogue that a query may call."""
    overloads: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    rows = engine.rows(
        "SELECT p.proname, p.prokind, array(SELECT format_type(a, NULL) FROM unnest(p.proargtypes) a), "
        "p.pronargdefaults FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace "
        "AND p.prokind IN ('f', 'a') AND NOT p.proretset AND p.pronargs <= 4 "
        "AND (p.oid NOT IN (SELECT oprcode FROM pg_operator) OR p.proname IN "
        "('array_append', 'array_prepend', 'array_cat', 'starts_with', 'mod', 'power', "
        "'abs', 'sqrt', 'timezone', 'overlaps')) "
        "AND p.prorettype::regtype::text NOT IN ('internal', 'trigger', 'event_trigger', 'void', 'cstring')"
    )
    for name, kind, parameters, defaults in rows:
        if not _NAME.fullmatch(name) or (kind == "f" and _LEFT_OUT.fullmatch(name)):
            continue
        if {"internal", "cstring"} & set(parameters):
            continue
        known = tuple(_parameter(parameter) for parameter in parameters)
        for less in range(defaults + 1):
            overloads[name].add(known[: len(known) - less])
    found = {
        name: Shape(name=name, call=plain_call(f'"{name}"'), overloads=tuple(sorted(some)))
        for name, some in overloads.items()
    }
    for name, forms in FORMS.items():
        found[name] = Shape(name=name, call=plain_call(name), overloads=forms)
    for name in WORDS:
        found[name] = Shape(name=name, call=_word(name), overloads=((),))
    for name in ("percentile_cont", "percentile_disc"):
        forms = (("DOUBLE PRECISION", "DOUBLE PRECISION"), ("DOUBLE PRECISION", "ANY"))
        found[name] = Shape(name=name, call=within_group(name), overloads=forms)
    found["mode"] = Shape(name="mode", call=_mode, overloads=(("ANY",),))
    rows = [(), ("ANY",), ("ANY", "INTEGER"), ("ANY", "INTEGER", "ANY"), ("INTEGER",)]
    for name in (*_WINDOW_ONLY, *_WINDOW_VALUES):
        found[name] = Shape(name=name, call=_over(name), overloads=tuple(rows))
    return sorted(found.values(), key=lambda shape: shape.name)


def _parameter(name: str) -> str:
    if name in ("anyarray", "anycompatiblearray"):
        return "ANY[]"
    return "ANY" if name.startswith("any") or name == '"any"' else name.upper()


def _mode(arguments: Sequence[str]) -> str:
    return f"mode() WITHIN GROUP (ORDER BY {arguments[0]})"


def _word(name: str) -> Any:
    return lambda arguments: name


def _over(name: str) -> Any:
    return lambda arguments: f"{name}({', '.join(arguments)}) OVER ()"


def base(engine: Postgres) -> dict[str, Any]:
    """Gives the data that holds no rules yet."""
    return {
        "accepts": {},
        "common": {},
        "digits": {},
        "fields": [],
        "functions": {},
        "huge": "NUMERIC",
        "integers": [],
        "keyed": {},
        "literals": {
            "decimal": None,
            "decimal_type": "NUMERIC",
            "exponent": "NUMERIC",
            "integers": [
                ["INTEGER", str(2**31 - 1)],
                ["BIGINT", str(2**63 - 1)],
                ["NUMERIC", "1" + "0" * 999],
            ],
            "adapts": False,
            "long_decimal": "NUMERIC",
            "radix": [],
        },
        "names": _names(engine),
        "null": "TEXT",
        "operators": {},
        "sets": {},
        "text": "TEXT",
        "waits": True,
    }


def _names(engine: Postgres) -> dict[str, str]:
    """Asks what the names of types mean, alone and with arguments."""
    found: dict[str, str] = {}
    for name in _NAMES:
        plain = engine.types([f"CAST(NULL AS {name})"])[0]
        if isinstance(plain, SqlType):
            found[name.upper()] = str(plain)
        if _cast(engine, f"{name}(9,3)") == SqlType("NUMERIC", (9, 3)):
            found[f"{name.upper()}(p)"] = found[f"{name.upper()}(p,n)"] = "NUMERIC(p,n,1000)"
            continue
        answers = {number: _cast(engine, f"{name}({number})") for number in range(65)}
        taken = {answer for answer in answers.values() if answer is not None}
        if taken and all(answer.numbers for answer in taken) and len(taken) > 20:
            found[f"{name.upper()}(p)"] = f"{next(iter(taken)).name}(p)"
            continue
        for number, answer in answers.items():
            if answer is not None:
                found[f"{name.upper()}({number})"] = str(answer)
    return dict(sorted(found.items()))


def _cast(engine: Postgres, text: str) -> SqlType | None:
    answer = engine.types([f"CAST(NULL AS {text})"])[0]
    return answer if isinstance(answer, SqlType) and parse_type(text) is not None else None
