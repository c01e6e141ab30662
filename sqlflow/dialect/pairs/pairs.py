"""The verified constructs of a pair of dialects, read from the package's data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """From one dialect to another.

    `verified` has the constructs that gave equal values on both engines, by the names that
    `sqlflow.bind.translate.constructs` gives them, and how each is written: `{}` is what the generator makes
    of it, `{0}` and on are its arguments. `types` has the type of the first dialect that holds what one of
    the second's does, by its name without numbers; `{}` stands for the numbers.
    """

    source: str
    target: str
    verified: Mapping[str, str]
    types: Mapping[str, str]

    @property
    def is_known(self) -> bool:
        """Whether anything was verified."""
        return bool(self.verified)

    def type_of(self, written: str) -> str | None:
        """Gives the first dialect's type for one of the second's; None where that is not known."""
        name, bracket, numbers = written.upper().partition("(")
        found = self.types.get(written.upper()) or self.types.get(name.strip())
        if found is None or ("{}" in found and not numbers):
            return None
        return found.replace("{}", bracket + numbers)


def load_pair(source: str, target: str) -> Pair:
    """Reads what is known of a pair; an unknown pair has nothing verified."""
    data: dict[str, Any] = {}
    file = resources.files("sqlflow.dialect.pairs").joinpath(f"{source}.{target}.json")
    if file.is_file():
        data = json.loads(file.read_text(encoding="utf-8"))
    return Pair(
        source=source,
        target=target,
        verified=MappingProxyType(data.get("verified", {})),
        types=MappingProxyType(data.get("types", {})),
    )
