"""Names what a query is made of, by its kind and the types that it works on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from sqlglot import exp

from sqlflow.bind.query.notes import Notes
from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules import INTEGER_LITERAL, STRING_LITERAL, TypeRules

# What says the same in every dialect, and holds what is looked at for itself.
_PLAIN = (
    exp.Identifier, exp.Column, exp.Alias, exp.Paren, exp.Literal, exp.From, exp.Where, exp.Having,
    exp.CTE, exp.Null, exp.Boolean, exp.DataType, exp.Var, exp.Tuple, exp.Order, exp.Limit, exp.Offset,
    exp.WindowSpec, exp.If, exp.TableAlias, exp.Distinct, exp.Qualify, exp.DataTypeParam,
)  # fmt: skip
_CLAUSES: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(["expressions", "from_", "where", "group", "having", "order", "joins", "with_"]),
    exp.Group: frozenset(["expressions"]),
    exp.Table: frozenset(["this", "db", "catalog", "alias", "joins"]),
    exp.Subquery: frozenset(["this", "alias", "joins", "with_", "order", "limit", "offset"]),
    exp.With: frozenset(["expressions"]),
    exp.Star: frozenset(),
}
# What holds whatever it is given.
_BY_NAME = (
    exp.Values, exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.GroupingSets, exp.Rollup, exp.Cube,
    exp.Lateral,
)  # fmt: skip
# Arguments that decide what a function does: their text belongs to its name.
_CONSTANTS = frozenset(["unit", "format", "flags", "modifiers", "parameters", "part"])
_PATTERNS = (exp.RegexpLike, exp.RegexpILike, exp.RegexpReplace, exp.RegexpExtract, exp.RegexpFullMatch)
_SIMPLE = re.compile(
    r"\^?(?:[A-Za-z0-9 _-]|(?:\[[A-Za-z0-9]-[A-Za-z0-9]\]|\[[A-Za-z0-9_]+\]|\.)[+*]?|[A-Za-z0-9][+*])*\$?"
)
UNKNOWN = "?"


class Construct(NamedTuple):
    """A part of a query.

    `keys` are its names, the closest first: a number that is written in the query has a name of its own.
    `arguments` are what it works on, in the order of the name.
    """

    node: exp.Expr
    keys: tuple[str, ...]
    arguments: tuple[exp.Expr, ...] = ()


def constructs(tree: exp.Expr, notes: Notes, rules: TypeRules | None) -> Iterator[Construct]:
    """Gives all of a tree but what is plain in every dialect, what is inside before what is around it."""
    found = list(tree.walk())
    for node in reversed(found):
        if isinstance(node, exp.Column) and id(node) in notes.fields:
            yield Construct(node, ("a field of a struct",))
        elif type(node) in _CLAUSES:
            for key in _clauses(node):
                yield Construct(node, (key,))
        elif isinstance(node, exp.Join):
            yield Construct(node, (_join(node),))
        elif isinstance(node, exp.SetOperation):
            yield Construct(node, (_set_operation(node),))
        elif isinstance(node, exp.Ordered):
            if _decides(node):
                yield _Reader(notes, rules).construct(node)
        elif isinstance(node, exp.Window):
            yield Construct(node, (_window(node),))
        elif isinstance(node, _BY_NAME):
            yield Construct(node, (type(node).__name__,))
        elif isinstance(node, exp.WithinGroup):
            yield _Reader(notes, rules).within(node)
        elif not isinstance(node, _PLAIN):
            yield _Reader(notes, rules).construct(node)


def _clauses(node: exp.Expr) -> Iterator[str]:
    plain = _CLAUSES[type(node)]
    name = type(node).__name__
    for key, value in node.args.items():
        if value and key not in plain:
            on = " on" if key == "distinct" and value.args.get("on") is not None else ""
            yield f"{name}.{key.rstrip('_')}{on}"
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        yield "Table.function"


def _join(node: exp.Join) -> str:
    words = [str(node.args[key]).upper() for key in ("method", "side", "kind") if node.args.get(key)]
    words += [key for key in ("on", "using") if node.args.get(key)]
    rest = sorted(
        key
        for key, value in node.args.items()
        if value and key not in ("this", "method", "side", "kind", "on", "using")
    )
    return f"Join({' '.join([*words, *rest])})"


def _set_operation(node: exp.SetOperation) -> str:
    words = ["distinct" if node.args.get("distinct") else "all"]
    words += sorted(
        key
        for key, value in node.args.items()
        if value and key not in ("this", "expression", "distinct", "with_", "order", "limit", "offset")
    )
    return f"{type(node).__name__}({' '.join(words)})"


def _decides(node: exp.Ordered) -> bool:
    """Whether an order decides values or rows: the order of a whole result does not."""
    order = node.parent
    around = order.parent if order is not None else None
    if not isinstance(around, exp.Query):
        return True
    return any(around.args.get(key) for key in ("limit", "offset", "fetch", "distinct"))


def _meant(node: exp.Ordered) -> exp.Expr:
    """What is ordered by, where that is a column of the result by its name or its place."""
    key, order = node.this, node.parent
    query = order.parent if order is not None else None
    if not isinstance(query, exp.Query):
        return key
    items = query.selects
    if isinstance(key, exp.Literal) and not key.is_string and str(key.this).isdigit():
        place = int(str(key.this)) - 1
        return items[place].unalias() if 0 <= place < len(items) else key
    if isinstance(key, exp.Column) and not key.args.get("table"):
        found = [item for item in items if item.alias_or_name.lower() == key.name.lower()]
        return found[0].unalias() if found else key
    return key


def _window(node: exp.Window) -> str:
    spec = node.args.get("spec")
    words: list[str] = []
    if isinstance(spec, exp.WindowSpec):
        for key in ("kind", "start", "start_side", "end", "end_side", "exclude"):
            value = spec.args.get(key)
            if isinstance(value, exp.Literal):
                words.append("n")
            elif isinstance(value, exp.Expr):
                words.append(UNKNOWN if not isinstance(value, exp.Var) else value.name)
            elif value:
                words.append(str(value))
    if node.args.get("alias"):
        words.append("named")
    if node.args.get("first") is not None:
        words.append("first")
    return f"Window({' '.join(words)})"


class _Reader:
    """Names one expression."""

    def __init__(self, notes: Notes, rules: TypeRules | None) -> None:
        self._notes = notes
        self._rules = rules
        self._arguments: list[exp.Expr] = []

    def construct(self, node: exp.Expr) -> Construct:
        """Gives the expression's names."""
        name = type(node).__name__
        if isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)):
            name = f"{str(node.this).lower()}()"
        if isinstance(node, exp.Cast):
            parts = [self._words(node, "this", node.this), (f"as {self._cast(node)}",)]
        elif isinstance(node, exp.Case):
            parts = [self._case(node)]
        elif isinstance(node, exp.Ordered):
            parts = [(self._words(node, "this", _meant(node))[-1],)]
            parts += [(f"nulls_first={node.args['nulls_first']}",)] if node.args.get("nulls_first") else []
        else:
            parts = [
                self._argument(node, key, node.args[key])
                for key in node.arg_types
                if node.args.get(key) not in (None, False, []) and not self._is_name(node, key)
            ]
        if isinstance(node, exp.Extract):
            # Engines call it by two names, and give them two types.
            parts.append((f"as {self._cast(node)}",))
        keys = tuple(f"{name}({', '.join(chosen)})" for chosen in product(*parts))
        return Construct(node, keys, tuple(self._arguments))

    def within(self, node: exp.WithinGroup) -> Construct:
        """Names an aggregate over rows in an order: that it looks at is no argument of its call."""
        order = [self._words(node, "order", part.this)[-1] for part in node.expression.expressions]
        return Construct(node, (f"WithinGroup({type(node.this).__name__}, {', '.join(order)})",))

    @staticmethod
    def _is_name(node: exp.Expr, key: str) -> bool:
        return isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)) and key == "this"

    def _argument(self, node: exp.Expr, key: str, value: object) -> tuple[str, ...]:
        before = "" if key in ("this", "expression", "expressions") else f"{key}="
        if isinstance(value, list):
            words = dict.fromkeys(self._words(node, key, part)[-1] for part in value)
            return (f"{before}{'|'.join(words)}*",)
        if isinstance(value, exp.Expr):
            return tuple(before + word for word in self._words(node, key, value))
        return (f"{before}{value}",)

    def _words(self, node: exp.Expr, key: str, value: exp.Expr) -> tuple[str, ...]:
        """What an argument is called: by its type, or by what it says where that decides."""
        while isinstance(value, (exp.Paren, exp.Alias)):
            value = value.this
        match value:
            case exp.Star():
                return ("*",)
            case exp.Var() | exp.Identifier():
                return (value.name.upper(),)
            case exp.DataType():
                return (value.sql(),)
            case exp.Distinct():
                words = [self._words(node, key, part)[-1] for part in value.expressions]
                return (f"DISTINCT {', '.join(words)}",)
            case exp.Order():
                return (f"{self._words(node, key, value.this)[-1]} ORDER",)
            case exp.Literal() if value.is_string and (
                key in _CONSTANTS or (isinstance(node, _PATTERNS) and key == "expression")
            ):
                text = str(value.this)
                is_simple = isinstance(node, _PATTERNS) and _SIMPLE.fullmatch(text)
                return ("a plain pattern",) if is_simple else (f"'{text}'",)
            case exp.Query() | exp.Subquery() if key in ("query", "this") and isinstance(
                node, (exp.In, exp.Exists)
            ):
                return ("QUERY",)
            case _:
                pass
        self._arguments.append(value)
        kind = self._notes.types.get(id(value))
        if kind is None:
            return (UNKNOWN,)
        plain = "text" if kind.name == STRING_LITERAL else self._settled(kind)
        if isinstance(value, exp.Literal) and not value.is_string and str(value.this).strip("0").isdigit():
            return ("+", plain)
        if isinstance(value, exp.Nullif) and value.expression.is_number and value.expression.name == "0":
            return (f"{plain} but 0", plain)
        return (plain,)

    def _settled(self, kind: SqlType) -> str:
        if kind.name != INTEGER_LITERAL:
            return kind.name
        return self._rules.settle(kind).name if self._rules is not None else UNKNOWN

    def _cast(self, node: exp.Expr) -> str:
        kind = self._notes.types.get(id(node))
        if kind is not None:
            return str(kind)
        return node.to.sql() if isinstance(node, exp.Cast) else UNKNOWN

    def _case(self, node: exp.Case) -> tuple[str, ...]:
        given = [branch.args["true"] for branch in node.args["ifs"]]
        if node.args.get("default") is not None:
            given.append(node.args["default"])
        results = dict.fromkeys(self._words(node, "true", part)[-1] for part in given)
        base = node.args.get("this")
        if base is None:
            return ("|".join(results),)
        whens = dict.fromkeys(self._words(node, "when", branch.this)[-1] for branch in node.args["ifs"])
        return (f"{self._words(node, 'this', base)[-1]} when {'|'.join(whens)} then {'|'.join(results)}",)
