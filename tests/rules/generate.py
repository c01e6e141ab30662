"""Writes rules from what engines say: `python -m tests.rules.generate [DIALECT [FUNCTION ...]]`."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules import INTEGER_LITERAL, STRING_LITERAL, Context, TypeRules
from sqlflow.dialect.rules.templates import Arguments
from tests.rules import facts
from tests.rules.compress import DECIMAL_COMMON, DECIMAL_LIMITED, Compressor, Rule, name_sets
from tests.rules.explore import Key, Shape, explore, plain_call
from tests.rules.probes import Probe
from tests.rules.subject import Engine, Subject
from tests.rules.subjects import subjects

_ARITIES = 4
Answers = dict[Key, SqlType]
LITERALS = (INTEGER_LITERAL, STRING_LITERAL)
# What two types come to is made from them alone.
COMMON = (
    "$1",
    "$2",
    "common($1.item, $2.item)[]",
    "common($1.item, $2)[]",
    "common($1, $2.item)[]",
    "MAP(common($1.key, $2.key), common($1.value, $2.value))",
    "fields($1, $2)",
    DECIMAL_COMMON,
    DECIMAL_LIMITED,
)


def with_common(rules: TypeRules, some: Sequence[Probe]) -> Compressor:
    """Makes a compressor whose templates know the common types that the rules have."""

    def fill(types: Sequence[SqlType]) -> Arguments:
        values = [kind.numbers[0] if kind.name == "INTEGER_LITERAL" else None for kind in types]
        return rules.arguments(types, values)

    return Compressor(fill, [probe.kind for probe in some])


def pairs(engine: Engine, text: str, some: Sequence[Probe]) -> Answers:
    """Asks about a form with two arguments `{0}` and `{1}`, for all pairs."""
    calls = [(one, other) for one in some for other in some]
    answers = engine.types([text.format(one.column, other.column) for one, other in calls])
    return {
        (one.kind, other.kind): answer
        for (one, other), answer in zip(calls, answers, strict=True)
        if not isinstance(answer, str)
    }


def unions(engine: Engine, some: Sequence[Probe]) -> Answers:
    """Asks for the types of a set operation's columns."""
    found: Answers = {}
    for one in some:
        for other in some:
            answer = engine.query(f"SELECT {one.column} FROM t UNION ALL SELECT {other.column} FROM t")
            if not isinstance(answer, str):
                found[(one.kind, other.kind)] = answer[0]
            engine.asked += 1
    return found


def narrow(answers: Answers) -> Answers:
    """Leaves out what has parts: their rules are made of those for the parts."""
    return {key: kind for key, kind in answers.items() if not any(part.parts for part in key)}


def different(answers: Answers) -> Answers:
    """Leaves out pairs of one type: they come to that type, digits and all."""
    return {key: kind for key, kind in answers.items() if key[0] != key[1] or key[0].name in LITERALS}


def common_rules(engine: Engine, base: dict[str, Any], some: Sequence[Probe]) -> dict[str, Answers]:
    """Finds the rules for common types, and gives the answers that they come from."""
    settled = [probe for probe in some if probe.kind.name not in LITERALS]
    if base["waits"]:
        settled = list(some)
    else:
        some = [probe for probe in some if probe.kind.name != "STRING_LITERAL" or probe.kind.labels == ("a",)]
    asked = {
        "expression": different(pairs(engine, "coalesce({0}, {1})", some)),
        "union": different(unions(engine, settled)),
    }
    asked_of = {"expression": some, "union": settled}
    for context, answers in asked.items():
        base["common"][context] = {
            "2": with_common(TypeRules(base), asked_of[context]).rules(narrow(answers), COMMON)
        }
    for context, answers in asked.items():
        compressor = within(TypeRules(base), Context(context), asked_of[context])
        base["common"][context] = {"2": compressor.rules(answers, COMMON)}
    return asked


def within(rules: TypeRules, context: Context, some: Sequence[Probe]) -> Compressor:
    """Makes a compressor for rules about common types in a context."""
    return Compressor(lambda types: rules.arguments(types, (), context), [probe.kind for probe in some])


def operator_rules(
    subject: Subject, engine: Engine, base: dict[str, Any], some: Sequence[Probe]
) -> dict[str, dict[str, Answers]]:
    """Finds the rules for operators."""
    found: dict[str, dict[str, Answers]] = {}
    few = [probe for probe in some if probe.kind.name != "STRING_LITERAL" or probe.kind.labels == ("a",)]
    for symbol in subject.arithmetic:
        found[symbol] = {
            "2": pairs(
                engine,
                subject.operation(symbol, "{0}", "{1}"),
                some if ">" in symbol or "[" in symbol else few,
            )
        }
    for symbol in subject.unary:
        answers = engine.types([f"{symbol} {probe.column}" for probe in some])
        found.setdefault(symbol, {})["1"] = {
            (probe.kind,): answer
            for probe, answer in zip(some, answers, strict=True)
            # A minus before a literal is a part of it.
            if not isinstance(answer, str) and not (symbol == "-" and probe.kind.name == "INTEGER_LITERAL")
        }
    for symbol in subject.postfix:
        answers = engine.types([f"{probe.column} {symbol}" for probe in some])
        found[symbol] = {
            "1": {
                (probe.kind,): answer
                for probe, answer in zip(some, answers, strict=True)
                if not isinstance(answer, str)
            }
        }
    for symbol in subject.arrows:
        found |= keyed_arrows(subject, engine, symbol, some)
    compressor = with_common(TypeRules(base), some)
    for symbol, tables in found.items():
        base["operators"][symbol] = {arity: compressor.rules(answers) for arity, answers in tables.items()}
    for symbol in subject.truths:
        base["operators"].setdefault(symbol, {})["2"] = [["BOOLEAN", "*", "*"]]
        found.setdefault(symbol, {})["2"] = truths(subject, engine, symbol, some)
    return found


def keyed_arrows(
    subject: Subject, engine: Engine, symbol: str, some: Sequence[Probe]
) -> dict[str, dict[str, Answers]]:
    """Asks about an operator with paths that are constants, by whether they can mean several values."""
    text = next(probe for probe in some if probe.kind.labels == ("a",))
    found: dict[str, dict[str, Answers]] = {}
    for path in subject.keys[symbol]:
        name = f"{symbol} '{'*' if '*' in path else ''}'"
        answers = engine.types([f"{probe.column} {symbol} '{path}'" for probe in some])
        table = found.setdefault(name, {"2": {}})["2"]
        for probe, answer in zip(some, answers, strict=True):
            if not isinstance(answer, str):
                # What differs between paths of one kind is told by none of them.
                table[(probe.kind, SqlType(text.kind.name, labels=(path,)))] = answer
    return found


def truths(subject: Subject, engine: Engine, symbol: str, some: Sequence[Probe]) -> Answers:
    """Asks about a part of the pairs: what is taken gives a truth."""
    chance = random.Random(symbol)
    calls = [(one, chance.choice(some)) for one in some for _ in range(6)]
    calls += [(one, one) for one in some]
    answers = engine.types([subject.operation(symbol, one.column, other.column) for one, other in calls])
    return {
        (one.kind, other.kind): answer
        for (one, other), answer in zip(calls, answers, strict=True)
        if not isinstance(answer, str)
    }


def function_answers(engine: Engine, shape: Shape, some: Sequence[Probe]) -> dict[str, Answers]:
    """Asks about one function, and gives the answers by number of arguments."""
    found: dict[str, Answers] = {}
    arities = sorted({len(overload) for overload in shape.overloads if len(overload) <= _ARITIES})
    for arity in arities:
        answers = explore(engine, shape, arity, some)
        if answers:
            found[str(arity)] = answers
    return found


def function_rules(
    engine: Engine, shape: Shape, some: Sequence[Probe], compressor: Compressor
) -> dict[str, list[Rule]]:
    """Gives the rules of one function that no constant decides about."""
    answers = function_answers(engine, shape, some)
    return rules_of(answers, compressor)


def rules_of(answers: Mapping[str, Answers], compressor: Compressor) -> dict[str, list[Rule]]:
    """Gives the rules of one function by its number of arguments, where there are any."""
    found = {arity: compressor.rules(table) for arity, table in answers.items()}
    return {arity: rules for arity, rules in found.items() if rules}


def written_rules(subject: Subject, name: str) -> dict[str, list[Rule]]:
    """Gives the rules of a function as the dialect's file has them."""
    data = json.loads(subject.file.read_text(encoding="utf-8"))
    sets = {f"@{one}": text for one, text in data["sets"].items()}
    return {
        arity: [[rule[0], *(sets.get(part, part) for part in rule[1:])] for rule in rules]
        for arity, rules in data["functions"][name].items()
    }


def keyed_shapes(subject: Subject, shape: Shape) -> list[tuple[str, Shape, int]]:
    """Gives a function for each constant that decides about its type."""
    if shape.name not in subject.keyed:
        return []
    place, marks = subject.keyed[shape.name]
    found: list[tuple[str, Shape, int]] = []
    for key in subject.keys[shape.name]:
        mark = key if not marks else next((mark for mark in marks if mark in key), "")
        call = plain_call(f'"{shape.name}"')

        def with_key(arguments: Sequence[str], key: str = key, call: Any = call) -> str:
            texts = list(arguments)
            texts[place - 1] = f"'{key}'"
            return call(texts)

        found.append(
            (
                f"{shape.name} '{mark}'",
                Shape(name=shape.name, call=with_key, overloads=shape.overloads),
                place,
            )
        )
    return found


def keyed_answers(
    subject: Subject, engine: Engine, shape: Shape, some: Sequence[Probe]
) -> dict[str, dict[str, Answers]]:
    """Asks about a function whose type a constant decides about, with each of the constants."""
    text = [probe for probe in some if probe.kind.labels == ("a",)]
    found: dict[str, dict[str, Answers]] = {}
    broken: set[str] = set()
    for name, keyed, place in keyed_shapes(subject, shape):
        calls = [(one, text[0]) if place == 2 else (text[0], one) for one in some]
        answers = engine.types([keyed.call([probe.column for probe in call]) for call in calls])
        table = {
            tuple(probe.kind for probe in call): answer
            for call, answer in zip(calls, answers, strict=True)
            if not isinstance(answer, str)
        }
        earlier = found.setdefault(name, {}).setdefault("2", table)
        if any(earlier.get(key, kind) != kind for key, kind in table.items()):
            broken.add(name)
        earlier.update(table)
    return {name: tables for name, tables in found.items() if name not in broken}


def write(data: Mapping[str, Any], file: Path) -> None:
    """Writes the rules: a line for each."""
    tables = [
        rules
        for part in ("functions", "operators", "common")
        for one in data[part].values()
        for rules in one.values()
    ] + list(map(list, data["accepts"].values()))
    names = name_sets(tables)
    by_text = {text: f"@{name}" for name, text in names.items()}

    def short(rules: Sequence[Rule]) -> list[Rule]:
        return [[rule[0], *(by_text.get(part, part) for part in rule[1:])] for rule in rules]

    whole = dict(data)
    whole["sets"] = names
    for part in ("functions", "operators", "common"):
        whole[part] = {
            name: {arity: short(rules) for arity, rules in sorted(one.items())}
            for name, one in sorted(data[part].items())
        }
    whole["accepts"] = {name: short(rules) for name, rules in data["accepts"].items()}
    lines: list[str] = []
    for part, value in sorted(whole.items()):
        if isinstance(value, dict) and part in (
            "functions",
            "operators",
            "common",
            "sets",
            "accepts",
            "names",
        ):
            inner = ",\n".join(
                f"  {json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in value.items()
            )
            lines.append(f" {json.dumps(part)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(part)}: {json.dumps(value)}")
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def generate(subject: Subject, names: Sequence[str] = ()) -> None:
    """Asks about everything, or about some functions only, and writes the file."""
    began = time.monotonic()
    engine, some = subject.start(), subject.probes
    data: dict[str, Any] = subject.base(engine)
    common = common_rules(engine, data, some)
    operators = operator_rules(subject, engine, data, some)
    facts.accepts(subject, engine, data, some)
    print(f"common and operators: {engine.asked} asked, {time.monotonic() - began:.0f} s", flush=True)
    answers: dict[str, dict[str, Answers]] = {}
    shapes = subject.shapes(engine)
    for shape in shapes:
        if names and shape.name not in names:
            continue
        if shape.name in subject.keyed:
            answers |= keyed_answers(subject, engine, shape, some)
        else:
            answers[shape.name] = function_answers(engine, shape, some)
        if len(answers) % 50 == 0:
            print(f"  {len(answers)} functions, {time.monotonic() - began:.0f} s", flush=True)
    print(f"functions: {engine.asked} asked, {time.monotonic() - began:.0f} s", flush=True)
    compressor = with_common(TypeRules(data), some)
    if names:
        written = json.loads(subject.file.read_text(encoding="utf-8"))["functions"]
        data["functions"] |= {name: written_rules(subject, name) for name in written}
    for name, tables in answers.items():
        rules = rules_of(tables, compressor)
        if rules:
            data["functions"][name] = rules
    facts.forms(subject, engine, data, shapes)
    facts.grouped(engine, data, some)
    data["sets"] = {}
    report(
        data,
        {"functions": answers, "operators": operators, "common": {c: {"2": t} for c, t in common.items()}},
    )
    write(data, subject.file)
    print(f"{subject.file}: {subject.file.stat().st_size // 1024} KiB, {time.monotonic() - began:.0f} s")


def report(data: dict[str, Any], asked: Mapping[str, Mapping[str, Mapping[str, Answers]]]) -> None:
    """Applies every rule to all that was asked, takes out what is wrong, and says so."""
    for part, tables in asked.items():
        right = unknown = removed = 0
        for name, by_arity in tables.items():
            for arity, answers in by_arity.items():
                here = [0, len(answers)]
                while name in data[part]:
                    rules = TypeRules(data)
                    wrong: list[tuple[Key, SqlType]] = []
                    here = [0, 0]
                    for key, kind in answers.items():
                        given = apply(rules, part, name, key)
                        given = None if given is None else rules.settle(given)
                        here[0] += given == kind
                        here[1] += given is None
                        if given is not None and given != kind:
                            wrong.append((key, kind))
                    if not wrong:
                        break
                    removed += 1
                    remove(data[part][name], arity, rules, part, name, wrong)
                right, unknown = right + here[0], unknown + here[1]
        count = sum(len(rules) for one in data[part].values() for rules in one.values())
        print(
            f"{part}: {count} rules, {right + unknown} answers, {unknown} without a rule, {removed} removed"
        )


def apply(rules: TypeRules, part: str, name: str, key: Key) -> SqlType | None:
    """Applies the rules of one name to arguments as they were asked about."""
    values = [kind.numbers[0] if kind.name == "INTEGER_LITERAL" else None for kind in key]
    if part == "common":
        return rules.apply(part, name, key, (), Context(name))
    return rules.apply(part, name, key, values)


def remove(
    table: dict[str, list[Rule]], arity: str, rules: TypeRules, part: str, name: str, wrong: Sequence[Any]
) -> None:
    """Takes out the rules that answered wrongly."""
    for key, kind in wrong[:3]:
        print(f"wrong: {name}({', '.join(map(str, key))}) is {kind}, not {apply(rules, part, name, key)}")
    bad = {rules.which(part, name, key) for key, _ in wrong}
    if None in bad:
        # A rule for any number of arguments.
        table.pop("*", None)
    table[arity] = [rule for index, rule in enumerate(table.get(arity, ())) if index not in bad]


def main(arguments: Sequence[str]) -> None:
    """Generates the rules of one dialect or of all."""
    wanted = arguments[:1] or ("duckdb", "postgres")
    with subjects(wanted) as some:
        for subject in some:
            generate(subject, arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
