"""Which calls an engine refuses for the types of their arguments.

Having no rule means that a type is unknown; to be refused means that the engine, asked with NULLs of those
types, said that nothing takes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules.table import Sets, accepts, read_set
from sqlflow.dialect.rules.tokens import tokens
from sqlflow.dialect.spec import DialectSpec


class Refusals:
    """The refused calls of one dialect, by section (`functions`, `operators`, `common`) and name."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._read: dict[tuple[str, str, int], tuple[Sets, ...]] = {}

    def refuses(self, section: str, name: str, types: Sequence[SqlType]) -> bool:
        """Says whether the engine refuses arguments of these types."""
        key = (section, name, len(types))
        if key not in self._read:
            named = self._data.get(section, {}).get(name.lower(), {})
            rules = named.get(str(len(types)), ())
            sets = self._data["sets"]
            self._read[key] = tuple(tuple(read_set(text, sets) for text in rule) for rule in rules)
        given = [tokens(kind) for kind in types]
        return any(accepts(rule, given) for rule in self._read[key])


def load_refusals(spec: DialectSpec) -> Refusals | None:
    """Reads the refusals of a dialect from the package's data; None where it has none."""
    file = resources.files("sqlflow.dialect.rules").joinpath(f"{spec.name}.refusals.json")
    try:
        return Refusals(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
