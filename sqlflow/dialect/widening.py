"""Tells which type of a dialect holds all the values of another."""

from __future__ import annotations

from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.spec import DialectSpec


def holds(spec: DialectSpec, wide: str, narrow: str) -> bool:
    """Whether a column of one type takes every value of another as it is; where in doubt, it does not."""
    left, right = parse_type(wide), parse_type(narrow)
    if left is None or right is None:
        return wide == narrow
    if left.name == right.name:
        return left == right or _is_larger(left, right)
    order = next((order for order in spec.widenings if left.name in order and right.name in order), ())
    # A type that is narrowed by a number might hold less than one that comes before it.
    return bool(order) and not left.numbers and order.index(left.name) > order.index(right.name)


def _is_larger(left: SqlType, right: SqlType) -> bool:
    """Whether the first holds more by its numbers: a length, or the digits of a decimal."""
    if left.parts or left.labels or right.parts or right.labels:
        return False
    if not left.numbers or not right.numbers:
        return not left.numbers
    if len(left.numbers) != len(right.numbers):
        return False
    if len(left.numbers) == 2:
        whole = left.numbers[0] - left.numbers[1] >= right.numbers[0] - right.numbers[1]
        return whole and left.numbers[1] >= right.numbers[1]
    return left.numbers[0] >= right.numbers[0]
