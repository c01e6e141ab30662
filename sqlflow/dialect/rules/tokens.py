"""What a rule calls the type of an argument."""

from __future__ import annotations

from sqlflow.core.schema import SqlType

INTEGER_LITERAL = "INTEGER_LITERAL"
STRING_LITERAL = "STRING_LITERAL"
_DEEPEST = 3
# A literal of a range fits the same integer types as the one that names the range: (lowest, highest, name).
_RANGES = (
    (0, 127, "1"),
    (128, 255, "200"),
    (256, 32767, "300"),
    (32768, 65535, "40000"),
    (65536, 2147483647, "100000"),
    (2147483648, 4294967295, "3000000000"),
    (4294967296, 9223372036854775807, "5000000000"),
    (-128, -1, "-1"),
    (-32768, -129, "-200"),
    (-2147483648, -32769, "-40000"),
    (-9223372036854775808, -2147483649, "-3000000000"),
)


def integer_literal(value: int) -> SqlType:
    """Gives the type of an integer that is written in the query: engines fit it to what it meets."""
    return SqlType(INTEGER_LITERAL, (value,))


STRING = SqlType(STRING_LITERAL)
NULL = SqlType("NULL")


def literal_range(value: int) -> str | None:
    """Names the range that an integer literal lies in by one of its numbers."""
    return next((name for low, high, name in _RANGES if low <= value <= high), None)


def tokens(kind: SqlType, depth: int = 0) -> tuple[str, ...]:
    """Gives the words by which a rule can mean a type, the closest first: LIST(DECIMAL), LIST."""
    if kind.name in ("LIST", "ARRAY") and kind.parts:
        if depth == _DEEPEST:
            return (kind.name,)
        return (*(f"{kind.name}({item})" for item in tokens(kind.parts[0][1], depth + 1)), kind.name)
    if kind.name == INTEGER_LITERAL:
        name = literal_range(kind.numbers[0]) if kind.numbers else None
        return (name, INTEGER_LITERAL) if name else ()
    return (kind.name,)
