"""The types of expressions in one dialect, by rules that its engine has confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from importlib import resources
from typing import Any

from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules.literals import literal_type
from sqlflow.dialect.rules.names import resolve
from sqlflow.dialect.rules.refusals import Refusals, load_refusals
from sqlflow.dialect.rules.table import Rules, Sets, accepts, read_rules, read_set
from sqlflow.dialect.rules.templates import Arguments
from sqlflow.dialect.rules.tokens import (
    INTEGER_LITERAL,
    NULL,
    STRING,
    STRING_LITERAL,
    integer_literal,
    tokens,
)
from sqlflow.dialect.spec import DialectSpec

_WITH_FIELDS = frozenset({"STRUCT", "UNION", "TUPLE"})


class Context(StrEnum):
    """Where values of several types meet: within an expression, as the items of a list, or as columns of a
    set operation's arms."""

    EXPRESSION = "expression"
    LIST = "list"
    UNION = "union"


def load_rules(spec: DialectSpec) -> TypeRules | None:
    """Reads the rules of a dialect from the package's data; None where it has none."""
    file = resources.files("sqlflow.dialect.rules").joinpath(f"{spec.name}.json")
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return TypeRules(json.loads(text), load_refusals(spec))


class TypeRules:
    """Says which type an expression has; None is always "no rule that the engine has confirmed".

    Literals keep a type of their own until they meet something, since engines fit them to it: an integer
    is an INTEGER_LITERAL with its value, a text a STRING_LITERAL, NULL is NULL; `settle` gives what each
    becomes as a column. A result is never a literal's type but where a minus stands before a literal.
    """

    def __init__(self, data: Mapping[str, Any], refusals: Refusals | None = None) -> None:
        self._data = data
        self._refusals = refusals
        self._sets: Mapping[str, str] = data["sets"]
        self._digits: Mapping[str, int] = data["digits"]
        # What was read or found already; it says nothing that the data does not.
        self._tables: dict[tuple[str, str], Rules | None] = {}
        self._pairs: dict[tuple[SqlType, SqlType, Context], SqlType | None] = {}
        self._accepts: dict[str, tuple[tuple[bool, Sets], ...]] = {}

    def _table(self, section: str, name: str) -> Rules | None:
        key = (section, name)
        if key not in self._tables:
            found = self._data[section].get(name)
            self._tables[key] = None if found is None else read_rules(found, self._sets)
        return self._tables[key]

    def arguments(
        self,
        types: Sequence[SqlType],
        constants: Sequence[object | None] = (),
        context: Context = Context.EXPRESSION,
    ) -> Arguments:
        """Gives what templates are filled from."""
        return Arguments(
            types=tuple(self.settle(kind) for kind in types),
            raw=tuple(types),
            constants=tuple(constants),
            digits=self._digits,
            common=lambda kinds: self.common(kinds, context),
            items=lambda kinds: self.common(kinds, Context.LIST),
            settle=self.settle,
        )

    def apply(
        self,
        section: str,
        name: str,
        types: Sequence[SqlType],
        constants: Sequence[object | None] = (),
        context: Context = Context.EXPRESSION,
    ) -> SqlType | None:
        """Applies the rules of one name in one section of the data."""
        rules = self._table(section, name)
        return None if rules is None else rules.result(self.arguments(types, constants, context))

    def which(self, section: str, name: str, types: Sequence[SqlType]) -> int | None:
        """Gives the place of the rule that decides about such arguments among those of their number."""
        rules = self._table(section, name)
        return None if rules is None else rules.find(types)

    def settle(self, kind: SqlType) -> SqlType:
        """Gives the type that a literal's type becomes as a column; any other stays as it is."""
        if kind.name == STRING_LITERAL:
            return SqlType(self._data["text"])
        if kind == NULL:
            return SqlType(self._data["null"])
        if kind.name != INTEGER_LITERAL:
            return kind
        value = kind.numbers[0]
        for name, low, high in self._data["integers"]:
            if int(low) <= value <= int(high):
                return SqlType(name)
        return SqlType(self._data["huge"])

    def function(
        self, name: str, arguments: Sequence[SqlType], constants: Sequence[object | None] = ()
    ) -> SqlType | None:
        """Gives the type of a call of a scalar, aggregate or window function by the engine's own name.

        `constants` are the values of the arguments that the query says as literals, None for the others:
        some functions' types depend on them (`date_part('epoch', ...)`).
        """
        name = name.lower()
        for index, kind in enumerate(arguments):
            # What a query says as a number stands in the type as well.
            if kind.name == INTEGER_LITERAL and (index >= len(constants) or constants[index] is None):
                constants = [*constants, *[None] * (len(arguments) - len(constants))]
                constants[index] = kind.numbers[0]
        if name in self._data["fields"] and len(arguments) == 2 and arguments[0].name in _WITH_FIELDS:
            return self.field(arguments[0], constants[1] if len(constants) > 1 else None)
        name = self._keyed(name, len(arguments), constants)
        return self.apply("functions", name, arguments, constants)

    def _keyed(self, name: str, count: int, constants: Sequence[object | None]) -> str:
        """Names the rules for a constant, where one decides: by its text, or by the first mark in it."""
        keyed = self._data["keyed"].get(name)
        if keyed is None:
            return name
        place, *marks = keyed
        value = constants[place - 1] if place <= min(count, len(constants)) else None
        if value is None:
            return name
        text = str(value).lower() if not marks else next((mark for mark in marks if mark in str(value)), "")
        return f"{name} '{text}'"

    def function_names(self) -> tuple[str, ...]:
        """Gives the functions that there are rules for."""
        return tuple(sorted({name.partition(" ")[0] for name in self._data["functions"]}))

    def has_function(self, name: str) -> bool:
        """Says whether there are rules for a function."""
        return name in self._data["functions"] or name in self._data["keyed"]

    def operator(
        self, symbol: str, left: SqlType, right: SqlType, constant: object | None = None
    ) -> SqlType | None:
        """Gives the type of a binary operator; words are in upper case: `AND`, `NOT LIKE`, `IN`.

        `[]` is a subscript, `[:]` a slice. `constant` is the right side's value where the query says it.
        """
        symbol = symbol.upper()
        if symbol == "[]" and left.name in _WITH_FIELDS:
            return self.field(left, right.numbers[0] if right.numbers else constant)
        symbol = self._keyed(symbol, 2, (None, constant)) if right.name == STRING_LITERAL else symbol
        return self.apply("operators", symbol, (left, right))

    @staticmethod
    def field(kind: SqlType, name: object) -> SqlType | None:
        """Gives a field of a struct or union by its name, of a tuple by its number; None where it has none.

        Names that are equal but for case are not told apart here.
        """
        return kind.part(str(name)) if isinstance(name, str | int) and kind.name in _WITH_FIELDS else None

    def unary(self, symbol: str, operand: SqlType) -> SqlType | None:
        """Gives the type of `-`, `+`, `~`, `NOT`, `IS NULL` with one operand."""
        if symbol == "-" and operand.name == INTEGER_LITERAL:
            return self._sure(integer_literal(-operand.numbers[0]))
        return self.apply("operators", symbol.upper(), (operand,))

    def common(self, types: Sequence[SqlType], context: Context = Context.EXPRESSION) -> SqlType | None:
        """Gives the type that several come to, in the order in which the engine meets them.

        CASE begins with its ELSE, which is NULL where there is none; COALESCE, lists, VALUES and the arms of
        a set operation go from first to last. One type alone is itself; in a list, so are literals that are
        the same number.
        """
        if not types:
            return None
        # Where a text or NULL waits for another to have a type, it does so in a set operation too, for one
        # arm; elsewhere it is a column before it meets the others.
        waits = bool(self._data["waits"])
        settled = context is Context.UNION and not waits
        found: SqlType | None = self.settle(types[0]) if settled else types[0]
        for kind in types[1:]:
            if found is None:
                return None
            other = self.settle(kind) if settled else kind
            if found == other and (
                context is Context.LIST or found.name not in (INTEGER_LITERAL, STRING_LITERAL)
            ):
                continue
            if context is Context.LIST and found.name == INTEGER_LITERAL and other == NULL:
                # The number goes on to adapt to what comes next; after a NULL it does not.
                continue
            if waits and {found.name, other.name} <= {NULL.name, STRING_LITERAL}:
                found = self.settle(STRING) if context is Context.UNION else STRING
            else:
                found = self._pair(found, other, context)
        return found

    def _pair(self, left: SqlType, right: SqlType, context: Context) -> SqlType | None:
        key = (left, right, context)
        if key not in self._pairs:
            table = Context.UNION if context is Context.UNION else Context.EXPRESSION
            self._pairs[key] = self.apply("common", table.value, (left, right), (), table)
        return self._pairs[key]

    def cast(self, text: str) -> SqlType | None:
        """Gives the type that a CAST or a declaration names, aliases resolved; None where it is unknown."""
        return resolve(text, self._names)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return self._data["names"]

    def literal(self, text: str, kind: str) -> SqlType | None:
        """Gives the type of a literal by its text: `number`, `string`, `boolean`, `null`, or the type that
        stands before it in upper case (`DATE`, `INTERVAL`)."""
        found = literal_type(text, kind, self._data["literals"], self.cast)
        return found if found is None else self._sure(found)

    def _sure(self, kind: SqlType) -> SqlType | None:
        """Leaves out the number that fits into a type only with its minus: it is of that type or of the next,
        by what stands around it."""
        if kind.name != INTEGER_LITERAL:
            return kind
        return None if any(kind.numbers[0] == int(low) - 1 for _, low, _ in self._data["integers"]) else kind

    def comparable(self, left: SqlType, right: SqlType, symbol: str = "=") -> bool | None:
        """Says whether the engine compares the two without a cast; `<` may want more than `=`."""
        return self._says("ordered" if symbol[0] in "<>" and symbol != "<>" else "comparable", left, right)

    def refuses(self, section: str, name: str, types: Sequence[SqlType]) -> bool:
        """Says whether the engine refuses arguments of these types: to a function, an operator, or as
        values of one expression (`common`, `expression`). False says nothing."""
        return self._refusals is not None and self._refusals.refuses(section, name, types)

    def castable(self, left: SqlType, right: SqlType, implicit: bool = True) -> bool | None:
        """Says whether the engine casts the first to the second: by itself, or where asked to."""
        return self._says("implicit" if implicit else "explicit", left, right)

    def _says(self, section: str, left: SqlType, right: SqlType) -> bool | None:
        if section not in self._accepts:
            self._accepts[section] = tuple(
                (says == "yes", tuple(read_set(text, self._sets) for text in sets))
                for says, *sets in self._data["accepts"].get(section, ())
            )
        given = (tokens(left), tokens(right))
        return next((says for says, sets in self._accepts[section] if accepts(sets, given)), None)
