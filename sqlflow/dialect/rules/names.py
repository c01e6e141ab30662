"""The names of types that users write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sqlflow.core.schema import SqlType, parse_type

_NESTED = frozenset({"LIST", "ARRAY", "STRUCT", "TUPLE", "MAP", "UNION"})
_LIMITED = re.compile(r"([A-Z]+)\(p,n,([0-9]+)\)")


def resolve(text: str, names: Mapping[str, str]) -> SqlType | None:
    """Gives the type that a text names. `names` has what a name means, alone and with arguments.

    `INT4` to `INTEGER`, `DECIMAL` to `DECIMAL(18,3)`; `DECIMAL(p,n)` to `DECIMAL(p,n,38)`, with the most
    digits; `VARCHAR(p)` to `VARCHAR`; `TIMESTAMP(3)` to `TIMESTAMP_MS`. A name that takes no arguments has
    no such entry.
    """
    kind = parse_type(text)
    return None if kind is None else _resolved(kind, names)


def _resolved(kind: SqlType, names: Mapping[str, str]) -> SqlType | None:
    if kind.name in _NESTED and kind.parts:
        parts: list[tuple[str, SqlType]] = []
        for name, part in kind.parts:
            resolved = _resolved(part, names)
            if resolved is None:
                return None
            parts.append((name, resolved))
        return replace(kind, parts=tuple(parts))
    if kind.name == "ENUM":
        return kind if kind.labels and "ENUM" in names else None
    written = kind.name
    if kind.numbers:
        exact = f"{written}({','.join(map(str, kind.numbers))})"
        pattern = f"{written}({','.join('pn'[: len(kind.numbers)])})" if len(kind.numbers) < 3 else ""
        written = exact if exact in names else pattern
    meaning = names.get(written)
    if meaning is None:
        return None
    limited = _LIMITED.fullmatch(meaning)
    if limited is not None:
        precision, scale = (*kind.numbers, 0)[:2]
        fits = 0 < precision <= int(limited[2]) and 0 <= scale <= precision
        return SqlType(limited[1], (precision, scale)) if fits else None
    return parse_type(meaning.replace("(p)", f"({kind.numbers[0]})") if kind.numbers else meaning)
