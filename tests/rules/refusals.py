"""Writes down which calls engines refuse for their types: `python -m tests.rules.refusals [DIALECT]`.

What has no rule is unknown, which is not the same as wrong. A call is wrong where the engine, asked with
NULLs of the types, says that nothing takes such arguments; only that is written down, so that the compiler
may say it before the engine does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlflow.dialect.rules.tokens import INTEGER_LITERAL, STRING_LITERAL, tokens
from tests.rules.compress import boxes, name_sets
from tests.rules.probes import Probe
from tests.rules.subject import Engine, Subject
from tests.rules.subjects import subjects

# How an engine says that nothing takes such arguments; any other complaint may be about something else.
_REFUSED = (
    "No function matches",
    "Cannot mix values of type",
    "Cannot combine types",
    "Cannot compare values",
    "No operator matches",
    "cannot be matched",
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "&", "|", "<<", ">>", "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE")
_NO_CAST = ("Unimplemented type for cast", "cannot cast type")
# What values of several types meet in.
COMMON = "CASE WHEN true THEN {0} ELSE {1} END"
_MOST = 2
_LISTS = ("INTEGER[]", "VARCHAR[]", "TEXT[]")
_LEFT_OUT = (
    *("NULL", "BIGNUM", "BIT", "TIME_NS", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ_NS"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UHUGEINT", "INET", "TSVECTOR", "INT4RANGE", "DATERANGE"),
)
Cells = dict[tuple[str, ...], bool]


def asked(subject: Subject) -> list[Probe]:
    """Gives the arguments to ask about: one for each type that projects use, and one literal of each kind.

    What is refused by such a literal is refused by all: engines say so before they look at its value.
    """
    found: dict[str, Probe] = {}
    for probe in subject.probes:
        kind = probe.kind
        simple = not kind.parts or str(kind) in _LISTS
        if simple and kind.name not in _LEFT_OUT:
            found.setdefault(tokens(kind)[0] if kind.parts else kind.name, probe)
    return list(found.values())


def cells(engine: Engine, call: Callable[[Sequence[str]], str], calls: Iterable[Sequence[Probe]]) -> Cells:
    """Says for each combination of tokens whether the engine refuses all calls of it for their types."""
    calls = list(calls)
    answers = engine.types([call([probe.column for probe in one]) for one in calls])
    found: Cells = {}
    for one, answer in zip(calls, answers, strict=True):
        key = tuple(_token(probe) for probe in one)
        refused = isinstance(answer, str) and any(words in answer for words in _REFUSED)
        found[key] = found.get(key, True) and refused
    return found


def casts(engine: Engine, pairs: Iterable[Sequence[Probe]]) -> Cells:
    """Says which casts no value survives: engines may describe one that they have no code for."""
    found: Cells = {}
    for one, other in pairs:
        if other.kind.name in (INTEGER_LITERAL, STRING_LITERAL):
            continue
        says = engine.run(f"SELECT CAST({one.constant} AS {other.kind})")
        key = (_token(one), _token(other))
        found[key] = found.get(key, True) and any(words in says for words in _NO_CAST)
    return found


def _token(probe: Probe) -> str:
    return probe.kind.name if probe.kind.name == INTEGER_LITERAL else tokens(probe.kind)[0]


def rules(found: Cells) -> list[list[str]]:
    """Gives the refused combinations as sets of tokens for each argument."""
    refused = {key: "" for key, says in found.items() if says}
    return [rule[1:] for rule in boxes(refused)] if refused else []


def generate(subject: Subject) -> dict[str, Any]:
    """Asks about operators, common types and all functions of one or two arguments that have rules."""
    engine, some = subject.start(), asked(subject)
    pairs = [(one, other) for one in some for other in some]
    data: dict[str, Any] = {"common": {}, "functions": {}, "operators": {}}
    for symbol in OPERATORS:
        data["operators"][symbol.lower()] = {
            "2": rules(cells(engine, lambda t, s=symbol: subject.operation(s, t[0], t[1]), pairs))
        }
    data["common"]["expression"] = {"2": rules(cells(engine, lambda t: COMMON.format(*t), pairs))}
    data["casts"] = {"cast": {"2": rules(casts(engine, pairs))}}
    known = json.loads(subject.file.read_text(encoding="utf-8"))["functions"]
    for shape in subject.shapes(engine):
        if shape.name not in known or shape.name in subject.keyed or shape.name in subject.variadic:
            continue
        for arity in sorted({len(overload) for overload in shape.overloads}):
            # A function that takes anything of some other number of arguments is asked about as well.
            if not 1 <= arity <= _MOST or str(arity) not in known[shape.name]:
                continue
            calls = [(one,) for one in some] if arity == 1 else pairs
            found = rules(cells(engine, shape.call, calls))
            if found:
                data["functions"].setdefault(shape.name, {})[str(arity)] = found
    return data


def file_of(subject: Subject) -> Path:
    """Where a dialect's refusals are written."""
    return subject.file.with_suffix(".refusals.json")


def write(data: Mapping[str, Any], file: Path) -> None:
    """Writes refusals: a line for each name."""
    tables = [rules for part in data.values() for one in part.values() for rules in one.values()]
    names = name_sets([["", *rule] for rule in rules] for rules in tables)
    short = {text: f"@{name}" for name, text in names.items()}
    lines = [_section("sets", names)]
    for part, table in sorted(data.items()):
        lines.append(
            _section(
                part,
                {
                    name: {
                        arity: [[short.get(text, text) for text in rule] for rule in rules]
                        for arity, rules in sorted(one.items())
                    }
                    for name, one in sorted(table.items())
                },
            )
        )
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _section(name: str, table: Mapping[str, Any]) -> str:
    inner = ",\n".join(f"  {json.dumps(key)}: {json.dumps(one)}" for key, one in table.items())
    return f" {json.dumps(name)}: {{\n{inner}\n }}"


def main(arguments: Sequence[str]) -> None:
    """Writes the refusals of one dialect or of all."""
    with subjects(arguments[:1] or ("duckdb", "postgres")) as some:
        for subject in some:
            began = time.monotonic()
            write(generate(subject), file_of(subject))
            size = file_of(subject).stat().st_size // 1024
            print(f"{file_of(subject)}: {size} KiB, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
