"""Compares rules and engines on random calls: `python -m tests.rules.check [COUNT [SEED [DIALECT]]]`."""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlflow.core.schema import SqlType, array_of, decimal_of, list_of, map_of, parse_type, struct_of
from sqlflow.dialect.rules import NULL, STRING, Context, TypeRules, load_rules
from sqlflow.dialect.rules.table import read_set
from sqlflow.dialect.rules.tokens import tokens
from sqlflow.dialect.specs import DUCKDB, POSTGRES
from tests.rules.explore import Shape
from tests.rules.subject import Engine, Subject
from tests.rules.subjects import subjects

_OFTEN = ("INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN")
_COLUMN = re.compile(r"\bk[0-9]+\b")
_CONSTANT = re.compile(r"date_?part")
_TEXTS = (
    "year",
    "second",
    "UTC",
    "%H",
    "a",
    "1",
    "2020-01-01",
    "day",
    "month",
    "epoch",
    "%Y-%m-%d",
    "$.a",
    "x,y",
)
_NUMBERS = (0, 1, 2, 3, 7, 10, 100, 127, 128, 255, 256, 1000, 32768, 70000, 2147483648, 9999999999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A random expression with the type that the rules give it."""

    text: str
    kind: SqlType | None
    constant: object | None = None


@dataclass(slots=True)
class Tally:
    """What came of the comparison, by kind of expression."""

    asked: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Maker:
    """Makes random expressions over the columns of a table."""

    def __init__(
        self, subject: Subject, rules: TypeRules, shapes: Sequence[Shape], chance: random.Random
    ) -> None:
        known = set(rules.function_names())
        self._subject = subject
        self._plain = [text for _, text in subject.columns if "(" not in text and "[" not in text]
        self._often = [text for text in _OFTEN if text in self._plain] or self._plain[:6]
        self._rules = rules
        self._calls = {shape.name: shape.call for shape in shapes if shape.name in known}
        self._names = sorted(self._calls)
        self._takes = _takes(subject, self._names)
        self._chance = chance
        self.columns = [(f"k{index}", self._type(0)) for index in range(60)]

    def _type(self, depth: int) -> SqlType:
        chance = self._chance
        draw = chance.random()
        if draw < 0.35:
            return _known(chance.choice(self._often))
        if draw < 0.6 or depth == 2:
            return _known(chance.choice(self._plain))
        if self._subject.name == "postgres":
            item = chance.choice([text for _, text in self._subject.columns if "(" in text or "[" in text])
            return _known(item)
        if draw < 0.78:
            precision = chance.randint(1, 38)
            return decimal_of(precision, chance.randint(0, precision))
        if draw < 0.88:
            return list_of(self._type(depth + 1))
        if draw < 0.91:
            return array_of(self._type(depth + 1), chance.randint(1, 3))
        if draw < 0.96:
            fields = chance.sample(("a", "b", "c", "Total sum"), chance.randint(1, 3))
            return struct_of([(name, self._type(depth + 1)) for name in fields])
        return map_of(_known(chance.choice(self._often)), self._type(depth + 1))

    def leaf(self) -> Expression:
        """A column, or a literal."""
        chance = self._chance
        draw = chance.random()
        if draw < 0.72:
            name, kind = chance.choice(self.columns)
            return Expression(text=name, kind=kind)
        if draw < 0.87:
            value = chance.choice(_NUMBERS) * chance.choice((1, 1, 1, -1))
            kind = self._rules.literal(str(value), "number")
            return Expression(text=f"({value})", kind=kind, constant=value)
        if draw < 0.93:
            text = chance.choice(_TEXTS)
            return Expression(text=f"'{text}'", kind=STRING, constant=text)
        if draw < 0.95:
            return Expression(text="NULL", kind=NULL)
        text = f"{chance.randint(0, 999)}.{chance.randint(0, 999)}"
        return Expression(text=text, kind=self._rules.literal(text, "number"))

    def operand(self, depth: int) -> Expression:
        """A leaf, or an expression whose type is known."""
        if depth > 0 and self._chance.random() < 0.4:
            for _ in range(5):
                _, found = self.expression(depth - 1)
                if found.kind is not None:
                    return found
        return self.leaf()

    def expression(self, depth: int = 1) -> tuple[str, Expression]:
        """An expression, and what kind of one it is."""
        chance, rules = self._chance, self._rules
        draw = chance.random()
        if draw < 0.3:
            symbol = chance.choice((*self._subject.arithmetic, "+", "-", "*", "/", "=", "AND", "LIKE", "<"))
            # `x -> (y ->> z)` is read as if it were `(x -> y) ->> z`.
            one, other = self.operand(depth), self.operand(0 if symbol == "->" else depth)
            kind = None
            if one.kind is not None and other.kind is not None:
                kind = rules.operator(symbol, one.kind, other.kind, other.constant)
            return "operator", Expression(
                text=f"({self._subject.operation(symbol, one.text, other.text)})", kind=kind
            )
        if draw < 0.35:
            symbol = chance.choice(self._subject.unary)
            one = self.operand(depth)
            # The engine computes a minus before what is constant, and widens its type where it must.
            one = self.leaf() if _COLUMN.search(one.text) is None else one
            kind = None if one.kind is None else rules.unary(symbol, one.kind)
            return "operator", Expression(text=f"({symbol} {one.text})", kind=kind)
        if draw < 0.5:
            some = [self.operand(depth) for _ in range(chance.randint(2, 4))]
            return "common", self._together(some)
        if draw < 0.55:
            one, (_, kind) = self.operand(depth), chance.choice(self.columns)
            return "cast", Expression(text=f"CAST({one.text} AS {kind})", kind=rules.cast(str(kind)))
        return "function", self._function(depth)

    def _function(self, depth: int) -> Expression:
        """A call, more often than not with arguments that one of the function's rules takes."""
        chance = self._chance
        name = chance.choice(self._names)
        takes = chance.choice(self._takes[name])
        some = [self._argument(allowed, depth) for allowed in takes]
        if "*" not in takes and chance.random() < 0.1:
            some = [self.operand(depth) for _ in range(chance.randint(1, 4))]
        if name in self._subject.lambdas and len(some) != 2:
            some = [self.operand(0), self.operand(0)]
        if name in self._subject.words:
            some = []
        if _CONSTANT.fullmatch(name) and not _COLUMN.search(some[-1].text):
            # A NULL that it computes has another type.
            some[-1] = Expression(text=self.columns[0][0], kind=self.columns[0][1])
        text = self._calls[name]([one.text for one in some])
        kinds = [one.kind for one in some if one.kind is not None]
        if len(kinds) < len(some):
            return Expression(text=text, kind=None)
        kind = self._rules.function(name, kinds, [one.constant for one in some])
        return Expression(text=text, kind=kind)

    def _argument(self, allowed: frozenset[str] | None, depth: int) -> Expression:
        for _ in range(25):
            found = self.operand(depth)
            if allowed is None or (found.kind is not None and not allowed.isdisjoint(tokens(found.kind))):
                return found
        return self.leaf()

    def _together(self, some: Sequence[Expression]) -> Expression:
        texts = [one.text for one in some]
        kinds = [one.kind for one in some if one.kind is not None]
        if self._chance.random() < 0.5:
            text = f"COALESCE({', '.join(texts)})"
        else:
            arms = " ".join(f"WHEN random() > 0.5 THEN {text}" for text in texts[1:])
            text = f"CASE {arms} ELSE {texts[0]} END"
        kind = self._rules.common(kinds) if len(kinds) == len(some) else None
        return Expression(text=f"({text})", kind=kind)


def _takes(subject: Subject, names: Iterable[str]) -> dict[str, list[tuple[frozenset[str] | None, ...]]]:
    """Gives what the rules of each function take."""
    data = json.loads(subject.file.read_text(encoding="utf-8"))
    found: dict[str, list[tuple[frozenset[str] | None, ...]]] = {name: [] for name in names}
    for name, by_arity in data["functions"].items():
        for arity, rules in by_arity.items():
            for rule in rules:
                takes = tuple(read_set(part, data["sets"]) for part in rule[1:])
                if name.partition(" ")[0] in found:
                    found[name.partition(" ")[0]] += (
                        [takes] if arity != "*" else [takes, takes * 2, takes * 3]
                    )
    return found


def _known(text: str) -> SqlType:
    kind = parse_type(text)
    assert kind is not None
    return kind


def compare(subject: Subject, rules: TypeRules, count: int, seed: int) -> Tally:
    """Makes so many random expressions, and compares their types with the engine's."""
    tally = Tally()
    shapes = subject.shapes(subject.start())
    for round_ in range(max(1, count // 2000)):
        chance = random.Random(seed * 1000 + round_)
        maker = Maker(subject, rules, shapes, chance)
        engine = subject.connect([(name, column_text(kind)) for name, kind in maker.columns])
        made = [maker.expression() for _ in range(min(count, 2000))]
        answers = engine.types([expression.text for _, expression in made])
        for (kind, expression), answer in zip(made, answers, strict=True):
            _count(tally, rules, kind, expression, answer)
        _unions(tally, rules, engine, maker, chance, min(count, 2000) // 10)
    return tally


def _count(tally: Tally, rules: TypeRules, kind: str, expression: Expression, answer: SqlType | str) -> None:
    tally.asked[kind] += 1
    if isinstance(answer, str):
        return
    tally.taken[kind] += 1
    if expression.kind is None:
        tally.unknown[kind] += 1
    elif rules.settle(expression.kind) != answer:
        tally.wrong.append(f"{expression.text}: {answer}, the rules say {expression.kind}")


def _unions(
    tally: Tally, rules: TypeRules, engine: Engine, maker: Maker, chance: random.Random, count: int
) -> None:
    for _ in range(count):
        some = [maker.leaf() for _ in range(chance.randint(2, 3))]
        answer = engine.query(" UNION ALL ".join(f"SELECT {one.text} FROM t" for one in some))
        kinds = [one.kind for one in some if one.kind is not None]
        kind = rules.common(kinds, Context.UNION) if len(kinds) == len(some) else None
        text = " UNION ".join(f"{one.text} {one.kind}" for one in some)
        _count(
            tally,
            rules,
            "union",
            Expression(text=text, kind=kind),
            answer if isinstance(answer, str) else answer[0],
        )


def column_text(kind: SqlType) -> str:
    """Writes a type for a table; PostgreSQL wants the digits of a time before the words on its zone."""
    return re.sub(r"( WITH(?:OUT)? TIME ZONE)(\([0-9]+\))", r"\2\1", str(kind))


def main(arguments: Sequence[str]) -> int:
    """Prints the figures; 1 where an answer of the rules was wrong."""
    count = int(arguments[0]) if arguments else 20000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    wrong = 0
    with subjects(arguments[2:] or ("duckdb", "postgres")) as some:
        for subject in some:
            wrong += _report(subject, count, seed)
    return 1 if wrong else 0


def _report(subject: Subject, count: int, seed: int) -> int:
    rules = load_rules({"duckdb": DUCKDB, "postgres": POSTGRES}[subject.name])
    assert rules is not None
    tally = compare(subject, rules, count, seed)
    for kind in sorted(tally.asked):
        taken, unknown = tally.taken[kind], tally.unknown[kind]
        share = 100 * unknown / max(1, taken)
        figures = f"{tally.asked[kind]} asked, {taken} taken, {unknown} unknown ({share:.1f}%)"
        print(f"{subject.name} {kind}: {figures}")
    print(f"{subject.name} wrong: {len(tally.wrong)}")
    for line in tally.wrong[:40]:
        print("  " + line)
    return len(tally.wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
