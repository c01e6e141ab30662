"""Asks DuckDB what is no call: names of types, integers, casts, forms with any number of arguments."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.rules import TypeRules
from sqlflow.dialect.rules.tokens import tokens
from tests.rules import catalog
from tests.rules.compress import Rule, boxes, cells_of, families_of
from tests.rules.explore import Key, Shape, plain_call
from tests.rules.probes import Probe
from tests.rules.subject import Engine, Subject

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_WORDS = """
bigint binary bignum bit bitstring blob bool boolean bpchar bytea char character character_varying date
datetime dec decimal double double_precision float float4 float8 geometry guid hugeint int int1 int128
int16 int2 int32 int4 int64 int8 integer integral interval json logical long numeric nvarchar oid real
short signed smallint string text time time_ns time_with_time_zone time_without_time_zone timestamp
timestamp_ms timestamp_ns timestamp_s timestamp_us timestamp_with_time_zone timestamp_without_time_zone
timestamptz timestamptz_ns timetz tinyint ubigint uhugeint uint128 uint16 uint32 uint64 uint8 uinteger
usmallint utinyint uuid varbinary varchar variant varint char_varying
"""
# Names of types that have an underscore of their own; in the others it stands for a space.
_WHOLE = frozenset(
    {"time_ns", "timestamp_ms", "timestamp_ns", "timestamp_s", "timestamp_us", "timestamptz_ns"}
)
_TRIALS = 4000


def base(engine: Engine) -> dict[str, Any]:
    """Gives the data that holds no rules yet."""
    return {
        "accepts": {},
        "common": {},
        "digits": _digits(engine),
        "fields": ["array_extract", "struct_extract", "union_extract"],
        "functions": {},
        "huge": "HUGEINT",
        # -2147483648 is a minus before a BIGINT, which adapts to an INTEGER in some places.
        "integers": [["INTEGER", str(1 - 2**31), str(2**31 - 1)], ["BIGINT", str(-(2**63)), str(2**63 - 1)]],
        "keyed": {name: [place, *marks] for name, (place, marks) in catalog.KEYED.items()},
        "literals": {
            "decimal": 38,
            "exponent": "DOUBLE",
            "integers": [["HUGEINT", str(2**127 - 1)], ["UHUGEINT", str(2**128 - 1)]],
            "adapts": True,
            "decimal_type": "DECIMAL",
            "long_decimal": "DOUBLE",
            "radix": [],
        },
        "names": _names(engine),
        "operators": {},
        "sets": {},
        "null": "NULL",
        "text": "VARCHAR",
        "waits": False,
    }


def _digits(engine: Engine) -> dict[str, int]:
    """Asks how many digits an integer has where it meets a decimal."""
    found: dict[str, int] = {}
    for name in (*_INTEGERS, *_UNSIGNED):
        answer = engine.types([f"coalesce(NULL::DECIMAL(1,0), NULL::{name})"])[0]
        assert isinstance(answer, SqlType) and answer.name == "DECIMAL"
        found[name] = answer.numbers[0]
    return found


def _names(engine: Engine) -> dict[str, str]:
    """Asks what the names of types mean, alone and with arguments."""
    found: dict[str, str] = {"ENUM": "ENUM"}
    for name in _WORDS.split():
        text = name if name in _WHOLE else name.replace("_", " ")
        plain = _cast(engine, text)
        if plain is not None:
            found[text.upper()] = str(plain)
        one, two = _cast(engine, f"{text}(5)"), _cast(engine, f"{text}(5,2)")
        if one == SqlType("DECIMAL", (5, 0)) and two == SqlType("DECIMAL", (5, 2)):
            found[f"{text.upper()}(p)"] = found[f"{text.upper()}(p,n)"] = "DECIMAL(p,n,38)"
            continue
        answers = {number: _cast(engine, f"{text}({number})") for number in range(54)}
        taken = {str(answer) for answer in answers.values() if answer is not None}
        if len(taken) == 1 and None not in list(answers.values())[1:]:
            found[f"{text.upper()}(p)"] = taken.pop()
        else:
            for number, answer in answers.items():
                if answer is not None:
                    found[f"{text.upper()}({number})"] = str(answer)
    return dict(sorted(found.items()))


def _cast(engine: Engine, text: str) -> SqlType | None:
    if parse_type(text) is None:
        return None
    answer = engine.types([f"CAST(NULL AS {text})"])[0]
    return answer if isinstance(answer, SqlType) else None


def accepts(subject: Subject, engine: Engine, data: dict[str, Any], some: Sequence[Probe]) -> None:
    """Asks what the engine compares and casts."""
    # One text literal is enough: whether it is taken does not depend on what it says.
    some = [probe for probe in some if not probe.kind.labels or probe.kind.labels[0] in ("a", "b")]
    for section, text in subject.accepts.items():
        calls = [
            (one, other)
            for one in some
            for other in some
            if section != "explicit" or other.column.startswith("c")
        ]
        answers = engine.types(
            [
                text.format(one.column, other.column if section != "explicit" else str(other.kind))
                for one, other in calls
            ]
        )
        cells: dict[Key, str] = {
            (one.kind, other.kind): "no" if isinstance(answer, str) else "yes"
            for (one, other), answer in zip(calls, answers, strict=True)
        }
        data["accepts"][section] = _yes_and_no(cells)
    if subject.name == "duckdb":
        data["accepts"]["implicit"] = _implicit(engine, some)


def _implicit(engine: Engine, some: Sequence[Probe]) -> list[Rule]:
    """Asks which values the engine casts by itself."""
    cells: dict[Key, str] = {}
    for other in some:
        if not other.column.startswith("c"):
            continue
        calls = ", ".join(f"can_cast_implicitly({one.column}, {other.column})" for one in some)
        row = engine.rows(f"SELECT {calls} FROM (SELECT 1) LEFT JOIN t ON true")[0]
        engine.asked += len(some)
        cells |= {
            (one.kind, other.kind): "yes" if says else "no" for one, says in zip(some, row, strict=True)
        }
    return _yes_and_no(cells)


def _yes_and_no(answers: Mapping[Key, str]) -> list[Rule]:
    """Makes rules of what is taken, where arguments that no token tells apart agree."""
    found: dict[tuple[str, ...], str | None] = {}
    for key, says in answers.items():
        group = tuple(tokens(kind)[0] for kind in key)
        found[group] = says if found.get(group, says) == says else None
    agreed = {group: says for group, says in found.items() if says is not None}
    return boxes(cells_of(agreed, families_of(kind for key in answers for kind in key)))


def forms(subject: Subject, engine: Engine, data: dict[str, Any], shapes: Sequence[Shape]) -> None:
    """Asks about forms that take anything, and adds their rules where all answers agree."""
    some = subject.probes
    plain = "|".join(sorted({tokens(probe.kind)[-1] for probe in some if not probe.kind.parts}))
    calls = {shape.name: shape.call for shape in shapes} | {"coalesce": plain_call("coalesce")}
    lists = [probe for probe in some if tokens(probe.kind)[-1] in ("LIST", "NULL")]
    for name, text in subject.variadic.items():
        takes = "LIST|NULL" if name in subject.lists else plain if name in subject.plain else "*"
        rules = {"*": [[text, takes]]}
        asked = Asked(call=calls[name], probes=lists if name in subject.lists else some, arities=(1, 2, 3, 4))
        if _holds(engine, {**data, "functions": {name: rules}}, name, asked):
            data["functions"].setdefault(name, {}).update(rules)
    for name, (arity, text) in subject.anything.items():
        rules = {str(arity): [[text, *("*",) * arity]]}
        asked = Asked(call=calls[name], probes=some, arities=(arity,))
        if _holds(engine, {**data, "functions": {name: rules}}, name, asked):
            data["functions"].setdefault(name, {}).update(rules)


def grouped(engine: Engine, data: dict[str, Any], some: Sequence[Probe]) -> None:
    """Asks about count(*), and about GROUPING, which takes keys of the GROUP BY alone."""
    counted = engine.types(["count(*)"])[0]
    if not isinstance(counted, str):
        data["functions"]["count_star"] = {"0": [[str(counted)]]}
    keys = [probe.column for probe in some if probe.column.startswith("c")]
    lists = [", ".join(some) for some in (*([key] for key in keys), keys[:2], keys[:3])]
    answers = [engine.query(f"SELECT GROUPING({some}) FROM t GROUP BY {some}") for some in lists]
    found = {answer[0] for answer in answers if not isinstance(answer, str)}
    if len(found) == 1:
        data["functions"]["grouping"] = {"*": [[str(found.pop()), "*"]]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A function with the arguments that it is asked about."""

    call: Callable[[Sequence[str]], str]
    probes: Sequence[Probe]
    arities: Sequence[int]


def _holds(engine: Engine, data: Mapping[str, Any], name: str, asked: Asked) -> bool:
    """Says whether a rule for anything agrees with what the engine says to random calls."""
    chance, trial = random.Random(name), TypeRules(data)
    made = [
        [chance.choice(asked.probes) for _ in range(chance.choice(asked.arities))] for _ in range(_TRIALS)
    ]
    answers = engine.types([asked.call([probe.column for probe in one]) for one in made])
    for one, answer in zip(made, answers, strict=True):
        given = trial.function(name, [probe.kind for probe in one])
        if not isinstance(answer, str) and given is not None and trial.settle(given) != answer:
            print(f"wrong: {name}({', '.join(str(probe.kind) for probe in one)}) is {answer}, not {given}")
            return False
    return True
