"""What a rule gives: a type made from the types of the arguments.

A template is one of
- a type by its text: `VARCHAR`, `STRUCT(a INTEGER)`;
- `$1`, the first argument's type, `$1.item`, `$1.key`, `$1.value`, a part of it;
- `common($1.item, $2)`, the common type of some, `common(*)` of all arguments, `items(*)` of all
  as items of a list;
- `fields($1, $2)`, the struct with the fields of both;
- `MAP($1, UBIGINT)`, `STRUCT(key $1.key)`;
- `DECIMAL(min(p1 + p2, 38), s1 + s2)`: `p1` and `s1` are the digits and the scale of the first argument, as
  a decimal or as the integer that it is, `n1` its value where that is an integer that the query says;
- any of them followed by `[]`;
- one `when` a comparison of such numbers holds `otherwise` another.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlflow.core.schema import SqlType, decimal_of, list_of, map_of, parse_type, struct_of

Template = Callable[["Arguments"], SqlType | None]
Expression = Callable[[Mapping[str, int]], int]
_CHOICE = re.compile(r"(.*) when (.*) otherwise (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What a template is filled from: the settled types, and the values of those that are constants."""

    types: Sequence[SqlType]
    constants: Sequence[object | None]
    digits: Mapping[str, int]
    common: Callable[[Sequence[SqlType]], SqlType | None]
    items: Callable[[Sequence[SqlType]], SqlType | None]
    settle: Callable[[SqlType], SqlType]
    raw: Sequence[SqlType]

    def numbers(self) -> dict[str, int]:
        """Gives what the expressions of a DECIMAL can name."""
        found: dict[str, int] = {}
        for index, kind in enumerate(self.types, 1):
            if kind.name == "DECIMAL" and len(kind.numbers) == 2:
                found[f"p{index}"], found[f"s{index}"] = kind.numbers
            elif kind.name in self.digits:
                found[f"p{index}"], found[f"s{index}"] = self.digits[kind.name], 0
        for index, value in enumerate(self.constants, 1):
            if isinstance(value, int) and not isinstance(value, bool):
                found[f"n{index}"] = value
        return found


def template(text: str) -> Template:
    """Reads a template; raises ValueError where the text is none."""
    text = text.strip()
    parts = _CHOICE.fullmatch(text)
    if parts is not None:
        return _choice(template(parts[1]), _expression(parts[2]), template(parts[3]))
    if text.endswith("[]") and ("$" in text or "(" in text):
        inner = template(text[:-2])
        return lambda arguments: _listed(inner(arguments), arguments)
    if text.startswith("$"):
        return _argument(text)
    head, _, rest = text.partition("(")
    if head == "DECIMAL" and any(sign in rest for sign in "psn"):
        precision, scale = (_expression(part) for part in _split(rest[:-1]))
        return lambda arguments: _decimal(arguments, precision, scale)
    if text == "items(*)":
        return lambda arguments: arguments.items(arguments.raw)
    if head == "common":
        return _common(rest[:-1])
    if head == "fields":
        return _fields(rest[:-1])
    if head == "MAP" and "$" in rest:
        key, value = (template(part) for part in _split(rest[:-1]))
        return lambda arguments: _map(key(arguments), value(arguments))
    if head == "STRUCT" and "$" in rest:
        return _struct(rest[:-1])
    kind = parse_type(text)
    if kind is None:
        raise ValueError(f"no type: {text}")
    return lambda arguments: kind


def _choice(yes: Template, test: Expression, no: Template) -> Template:
    def fill(arguments: Arguments) -> SqlType | None:
        try:
            chosen = test(arguments.numbers())
        except KeyError:
            return None
        return yes(arguments) if chosen else no(arguments)

    return fill


def _listed(item: SqlType | None, arguments: Arguments) -> SqlType | None:
    return None if item is None else list_of(arguments.settle(item))


def _map(key: SqlType | None, value: SqlType | None) -> SqlType | None:
    return None if key is None or value is None else map_of(key, value)


def _split(text: str) -> list[str]:
    """Splits at the commas that are in no parentheses."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _argument(text: str) -> Template:
    number, *path = text[1:].split(".")
    index = int(number) - 1

    def fill(arguments: Arguments) -> SqlType | None:
        kind: SqlType | None = arguments.types[index] if index < len(arguments.types) else None
        for part in path:
            kind = kind.part(part) if kind is not None else None
        return kind

    return fill


def _common(text: str) -> Template:
    if text.strip() == "*":
        return lambda arguments: arguments.common(arguments.raw)
    inner = [_raw(part) for part in _split(text)]

    def fill(arguments: Arguments) -> SqlType | None:
        kinds = [part(arguments) for part in inner]
        known = [kind for kind in kinds if kind is not None]
        return arguments.common(known) if len(known) == len(kinds) else None

    return fill


def _raw(text: str) -> Template:
    """Reads a template for `common`, which knows what to do with a literal's type as it is."""
    text = text.strip()
    if text.startswith("$") and text[1:].isdigit():
        index = int(text[1:]) - 1
        return lambda arguments: arguments.raw[index] if index < len(arguments.raw) else None
    return template(text)


def _fields(text: str) -> Template:
    left, right = (template(part) for part in _split(text))

    def fill(arguments: Arguments) -> SqlType | None:
        one, other = left(arguments), right(arguments)
        if one is None or other is None:
            return None
        fields: list[tuple[str, SqlType]] = []
        for name, kind in one.parts:
            match = other.part(name)
            both = kind if match is None else arguments.common((kind, match))
            if both is None:
                return None
            fields.append((name, both))
        fields += [(name, kind) for name, kind in other.parts if one.part(name) is None]
        return struct_of(fields)

    return fill


def _struct(text: str) -> Template:
    named = [part.strip().split(" ", 1) for part in _split(text)]
    fields = [(name, template(kind)) for name, kind in named]

    def fill(arguments: Arguments) -> SqlType | None:
        kinds = [(name, kind(arguments)) for name, kind in fields]
        known = [(name, kind) for name, kind in kinds if kind is not None]
        return struct_of(known) if len(known) == len(kinds) else None

    return fill


def _decimal(arguments: Arguments, precision: Expression, scale: Expression) -> SqlType | None:
    numbers = arguments.numbers()
    try:
        digits, after = precision(numbers), scale(numbers)
    except KeyError:
        return None
    return decimal_of(digits, after) if 0 <= after <= digits and digits > 0 else None


def _expression(text: str) -> Expression:
    """Reads a sum of numbers, names, `min`, `max` and `x if y else z`; raises ValueError for others."""
    return _node(ast.parse(text.strip(), mode="eval").body)


def _node(node: ast.expr) -> Expression:
    match node:
        case ast.Constant(value=int() as value):
            return lambda numbers: value
        case ast.Name(id=name):
            return lambda numbers: numbers[name]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            one, other = _node(left), _node(right)
            sign = 1 if isinstance(op, ast.Add) else -1
            return lambda numbers: one(numbers) + sign * other(numbers)
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[first, *others], keywords=[]):
            parts = [_node(part) for part in (first, *others)]
            pick = min if name == "min" else max
            return lambda numbers: pick(part(numbers) for part in parts)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yes, no, chosen = _node(body), _node(orelse), _node(test)
            return lambda numbers: yes(numbers) if chosen(numbers) else no(numbers)
        case ast.Compare(left=left, ops=[ast.LtE() | ast.Gt() as op], comparators=[right]):
            one, other = _node(left), _node(right)
            if isinstance(op, ast.LtE):
                return lambda numbers: int(one(numbers) <= other(numbers))
            return lambda numbers: int(one(numbers) > other(numbers))
        case _:
            raise ValueError(f"no expression of a decimal: {ast.unparse(node)}")
