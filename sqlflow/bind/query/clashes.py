"""Tells of types that don't go together: in comparisons, as alternatives, as arguments.

Only what the engine is known to refuse, or what its casts are known not to do, is told: a type that is not
known clashes with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.values import Value
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.core.schema import SqlType

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.dialect.rules import TypeRules

_EQUALITY = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In)
_COMPARISONS = (*_EQUALITY, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_MATCHES: Mapping[type[exp.Expr], str] = {exp.Like: "LIKE", exp.ILike: "ILIKE"}
# Texts and NULL fit themselves to what they meet.
_FITTING = frozenset({"STRING_LITERAL", "NULL"})
_NUMBER = SqlType("INTEGER")
_CAST = "cast one of them"


def check_operands(node: exp.Expr, parts: Sequence[Value], binder: Expressions) -> None:
    """Looks at the operands of a comparison or a LIKE; the first one is compared with each of the others."""
    if isinstance(node, _COMPARISONS):
        if any(isinstance(part, (exp.Any, exp.All)) for part in node.iter_expressions()):
            # What is compared with is in a list, or in a query's column.
            return
        # What a subquery gives is not cast to be found among.
        equal = isinstance(node, _EQUALITY) and not node.args.get("query")
        for other in parts[1:]:
            compare(parts[0], other, node, binder, equal=equal)
    elif type(node) in _MATCHES and len(parts) == 2:
        check_arguments("operators", _MATCHES[type(node)], parts, node, binder)


def compare(left: Value, right: Value, node: exp.Expr, binder: Expressions, *, equal: bool) -> None:
    """Tells of two values that the engine doesn't compare, or compares after a cast that may fail."""
    rules, one, other = binder.rules, left.type, right.type
    if rules is None or one is None or other is None or _fits(one, other):
        return
    if rules.comparable(one, other, "<") is not False:
        return
    if isinstance(node, exp.In) and other.parts and not one.parts:
        # `x IN (list)` looks into the list.
        return
    a, b = rules.settle(one), rules.settle(other)
    if equal and rules.comparable(one, other, "=") is True and _convertible(rules, a, b):
        binder.report(
            Code.TYPE_CLASH,
            f"{a} is compared with {b}: a value that can't be cast fails when it runs",
            node,
            f"{_cast_help(a, b)}, or try_cast it",
            Severity.WARNING,
        )
    else:
        binder.report(Code.TYPE_CLASH, f"{a} can't be compared with {b}", node, _CAST)


def _fits(one: SqlType, other: SqlType) -> bool:
    """Whether one of two values may fit itself to the other; a list of numbers may be made of literals, and
    then it does, whatever the other is."""
    lists = [kind.item == _NUMBER for kind in (one, other) if kind.name == "LIST"]
    return bool({one.name, other.name} & _FITTING) or (len(lists) == 1 and lists[0])


def _convertible(rules: TypeRules, one: SqlType, other: SqlType) -> bool:
    """Whether a cast may lead from one type to the other."""
    return not (rules.refuses("casts", "cast", (one, other)) and rules.refuses("casts", "cast", (other, one)))


def _cast_help(one: SqlType, other: SqlType) -> str:
    return f"cast one of them: `CAST(... AS {other})` or `CAST(... AS {one})`"


def check_alternatives(what: str, values: Sequence[Value], node: exp.Expr, binder: Expressions) -> None:
    """Tells of values of a CASE, a COALESCE or a list that the engine finds no common type for."""
    rules = binder.rules
    types = [value.type for value in values if value.type is not None]
    if rules is None or len(types) < max(2, len(values)):
        return
    found = types[0]
    for kind in types[1:]:
        both = rules.common([found, kind])
        if both is None:
            pair = (rules.settle(found), rules.settle(kind))
            if not _fits(found, kind) and _refused(rules, found, kind):
                message = f"{what} mixes {pair[0]} and {pair[1]}, which have no common type"
                binder.report(Code.NO_COMMON_TYPE, message, node, _CAST)
            return
        found = both


def _refused(rules: TypeRules, one: SqlType, other: SqlType) -> bool:
    return rules.refuses("common", "expression", (one, other)) and rules.refuses(
        "common", "expression", (other, one)
    )


def check_arms(
    place: int, left: Value, right: Value, found: SqlType | None, node: exp.Expr, binder: Expressions
) -> None:
    """Tells of columns of a set operation's arms whose types don't go together; `place` counts from 1."""
    rules, one, other = binder.rules, left.type, right.type
    if rules is None or one is None or other is None or _fits(one, other):
        return
    if not _refused(rules, one, other):
        return
    a, b = rules.settle(one), rules.settle(other)
    what = f"column {place} of the {node.key.upper()} is {a} on one side and {b} on the other"
    reachable = found is not None and all(
        kind == found or not rules.refuses("casts", "cast", (kind, found)) for kind in (a, b)
    )
    if reachable:
        binder.report(
            Code.NO_COMMON_TYPE, f"{what}: it becomes {found}", node.expression, _CAST, Severity.WARNING
        )
    else:
        binder.report(Code.NO_COMMON_TYPE, what, node.expression, _CAST)


def check_arguments(
    section: str, name: str, values: Sequence[Value], node: exp.Expr, binder: Expressions
) -> None:
    """Tells of a function or an operator that the engine knows, and that takes no such arguments."""
    rules = binder.rules
    types = [value.type for value in values if value.type is not None]
    if rules is None or len(types) < len(values) or not rules.refuses(section, name, types):
        return
    given = " and ".join(str(rules.settle(kind)) for kind in types)
    binder.report(Code.ARGUMENT_TYPE, f"`{name}` takes no {given}", node, "cast what it is given")
