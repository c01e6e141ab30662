"""An engine as it is asked about its types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlflow.core.schema import SqlType
from tests.rules.explore import Shape
from tests.rules.probes import Probe

_FOLDER = Path("sqlflow/dialect/rules")


class Engine(Protocol):
    """A connection with one empty table `t`, which says the types of expressions and runs none."""

    asked: int

    def rows(self, query: str) -> list[Any]:
        """Runs a query."""
        ...

    def run(self, query: str) -> str:
        """Runs a query; gives the engine's complaint, or nothing."""
        ...

    def query(self, query: str) -> tuple[SqlType, ...] | str:
        """Gives the types of a query's columns, or the engine's complaint."""
        ...

    def types(self, expressions: Sequence[str], tail: str = " FROM t") -> list[SqlType | str]:
        """Gives each expression's type, or the engine's complaint."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is asked, and of whom. `connect` makes the table `t` with the columns that it is given.

    - `keyed`: functions where a constant decides: the argument's place, and the marks in it that do;
      without marks its whole text does; `keys` are the constants.
    - `variadic`: functions of any number of arguments; `anything`: functions whose arguments can be
      anything, with their number; of both what they give. `plain` ones take nothing with parts, those of
      `lists` take lists alone.
    """

    name: str
    connect: Callable[[Sequence[tuple[str, str]]], Engine]
    columns: Sequence[tuple[str, str]]
    probes: Sequence[Probe]
    shapes: Callable[[Any], list[Shape]]
    base: Callable[[Any], dict[str, Any]]
    arithmetic: Sequence[str]
    truths: Sequence[str]
    unary: Sequence[str]
    postfix: Sequence[str]
    written: Mapping[str, str]
    accepts: Mapping[str, str]
    variadic: Mapping[str, str]
    words: Sequence[str]
    anything: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    keyed: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    arrows: Sequence[str] = ()
    lambdas: Sequence[str] = ()

    def start(self) -> Engine:
        """Connects."""
        return self.connect(self.columns)

    @property
    def file(self) -> Path:
        """Where its rules are written."""
        return _FOLDER / f"{self.name}.json"

    def operation(self, symbol: str, left: str, right: str) -> str:
        """Writes an operator with its operands."""
        return self.written.get(symbol, "{0} " + symbol + " {1}").format(left, right)
