"""Random expressions over the columns that are in scope."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tests.judge.tree import Tree, items, optional, seq
from tests.judge.world import (
    AGGREGATES,
    FRAMES,
    GENERAL,
    LITERALS,
    NUMBERS,
    PLAIN,
    SCALARS,
    TIED_AGGREGATES,
    TIED_WINDOWS,
    WHOLE_FRAMES,
    WINDOWS,
)

_SLOT = re.compile(r"<(\w+)>")


class Column(NamedTuple):
    """A column in scope: how it is written, its name, its kind."""

    text: str
    name: str
    kind: str


Scope: TypeAlias = Sequence[Column]
# Makes a subquery of one column of a kind that may read the columns given.
Subquery: TypeAlias = Callable[[str, Scope, int], Tree]


class Expressions:
    """Makes expressions. `exact` leaves out what depends on the order of rows that compare as equal."""

    def __init__(self, rng: random.Random, subquery: Subquery, *, exact: bool) -> None:
        self._rng = rng
        self._subquery = subquery
        self._exact = exact

    def chance(self, share: float) -> bool:
        """Says yes with a probability."""
        return self._rng.random() < share

    def scalar(self, kind: str, scope: Scope, depth: int) -> Tree:
        """Makes an expression of a kind over a scope."""
        fitting = [column for column in scope if column.kind == kind]
        if fitting and (depth <= 0 or self.chance(0.3)):
            return seq(self._rng.choice(fitting).text, sort="expr")
        if depth <= 0 or (not self._exact and self.chance(0.08)):
            return seq(self._constant(kind, scope), sort="expr")
        if self.chance(0.04):
            return seq("(", self._subquery(kind, scope, depth - 1), ")", sort="expr")
        if kind == "bool" and self.chance(0.08):
            return self._membership(scope, depth)
        general = self.chance(0.2)
        template = self._rng.choice(GENERAL if general else SCALARS[kind])
        return self._fill(template, kind, lambda slot: self.scalar(slot, scope, depth - 1))

    def _constant(self, kind: str, scope: Scope) -> str:
        """Makes a literal; where sources are to matter, no condition that always holds or never."""
        if self._exact and kind == "bool" and scope:
            column = self._rng.choice(scope)
            if column.kind in NUMBERS:
                return f"({column.text} > 1)"
            return f"({column.text} {'< ' + repr('b') if column.kind == 'str' else 'IS NOT NULL'})"
        return self._rng.choice(LITERALS[kind])

    def _membership(self, scope: Scope, depth: int) -> Tree:
        if self.chance(0.5):
            negated = self._rng.choice(("", "NOT "))
            return seq(f"({negated}EXISTS (", self._subquery("int", scope, depth - 1), "))", sort="expr")
        kind = self._rng.choice(("int", "str", "date"))
        operator = self._rng.choice((" IN (", " NOT IN (", " = ANY (", " > ALL ("))
        inner = self._subquery(kind, scope, depth - 1)
        return seq("(", self.scalar(kind, scope, depth - 1), operator, inner, "))", sort="expr")

    def aggregate(self, kind: str, scope: Scope, depth: int) -> Tree:
        """Makes an aggregate, sometimes with FILTER, sometimes inside another expression."""
        if kind not in AGGREGATES:
            return seq("any_value(NULL)" if not self._exact else "max(NULL)", sort="expr")
        if depth > 0 and self.chance(0.2) and kind in NUMBERS:
            template = self._rng.choice(("(<T> + <T>)", "coalesce(<T>, 0)", "round(<T>, 1)", "(<T> * 2)"))
            return self._fill(template, kind, lambda slot: self.aggregate(slot, scope, depth - 1))
        template = self._pick(AGGREGATES, TIED_AGGREGATES, kind)
        call = self._fill(template, kind, lambda slot: self.scalar(slot, scope, depth - 1))
        if not self.chance(0.15):
            return call
        filtered = optional(" FILTER (WHERE ", self.scalar("bool", scope, depth - 1), ")")
        return seq(call, filtered, sort="expr")

    def window(self, kind: str, scope: Scope, depth: int, named: str | None) -> Tree:
        """Makes a window function over a window of its own or one that has a name."""
        template = self._pick(WINDOWS, TIED_WINDOWS, kind)

        def fill(slot: str) -> Tree:
            if slot != "w":
                return self.scalar(slot, scope, depth - 1)
            if named is not None and self.chance(0.5):
                return seq(named)
            return seq("(", self.over(scope, depth - 1), ")")

        return self._fill(template, kind, fill)

    def over(self, scope: Scope, depth: int) -> Tree:
        """Makes the inside of a window's brackets."""
        parts: list[Tree] = []
        if self.chance(0.6):
            kind = self._rng.choice(("int", "str", "bool", "date"))
            parts.append(optional("PARTITION BY ", self.scalar(kind, scope, min(depth, 1)), " "))
        order = self.ordering(scope, min(depth, 1))
        frames = WHOLE_FRAMES if self._exact else (*FRAMES, *WHOLE_FRAMES)
        frame = f" {self._rng.choice(frames)}" if self.chance(0.3) else ""
        parts.append(optional("ORDER BY ", order, optional(frame)))
        return items(parts, joint="", least=0)

    def ordering(self, scope: Scope, depth: int) -> Tree:
        """Makes the keys of an ORDER BY."""
        keys: list[Tree] = []
        for _ in range(self._rng.randint(1, 2)):
            kind = self._rng.choice(("int", "str", "date", "dec", "dbl"))
            direction = self._rng.choice(("", " DESC", " ASC", " NULLS FIRST", " DESC NULLS LAST"))
            keys.append(seq(self.scalar(kind, scope, depth), optional(direction)))
        return items(keys)

    def has_window(self, kind: str) -> bool:
        """Says whether there are window functions of a kind."""
        return kind in WINDOWS

    def _pick(
        self, sound: Mapping[str, tuple[str, ...]], tied: Mapping[str, tuple[str, ...]], kind: str
    ) -> str:
        return self._rng.choice(sound[kind] if self._exact else (*sound[kind], *tied.get(kind, ())))

    def _fill(self, template: str, kind: str, fill: Callable[[str], Tree]) -> Tree:
        parts: list[str | Tree] = []
        filled: list[Tree] = []
        end = 0
        for match in _SLOT.finditer(template):
            parts.append(template[end : match.start()])
            slot = match[1]
            if slot.isdigit():
                parts.append(filled[int(slot) - 1])
            else:
                choice = {"T": (kind,), "num": NUMBERS, "any": PLAIN}.get(slot, (slot,))
                filled.append(fill(self._rng.choice(choice)))
                parts.append(filled[-1])
            end = match.end()
        return seq(*parts, template[end:], sort="expr")
