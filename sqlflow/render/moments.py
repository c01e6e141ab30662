"""The names `start` and `end`, which stand for the moments that a batch begins and ends at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.config import IncrementalStrategy
from sqlflow.project.incremental_config import MICROBATCH
from sqlflow.project.types import ConfigLayer
from sqlflow.render.problems import Problem, UndefinedName
from sqlflow.render.types import END, START

_TEXTS: Mapping[str, str] = MappingProxyType({"start": START, "end": END})


class Moment:
    """What `start` and `end` give: printed, it is what is replaced when a batch is built.

    A template looks names up before it runs, and its configuration is known only then: so whether the name
    is there at all is found out when it is used.
    """

    __slots__ = ("_config", "_name")

    def __init__(self, name: str, config: Callable[[], ConfigLayer]) -> None:
        self._name = name
        self._config = config

    def __str__(self) -> str:
        self._check()
        return _TEXTS[self._name]

    def _check(self) -> None:
        entry = self._config().get("incremental_strategy")
        if entry is None or entry.value not in (IncrementalStrategy.TIME_RANGE, MICROBATCH):
            raise UndefinedName(f"'{self._name}' is undefined", self._name, None, False)

    def _unknown(self, *_: object) -> bool:
        self._check()
        raise Problem(
            Code.TEMPLATE_ERROR,
            "the moments of a batch are not known while the template is rendered",
            help="compare them in SQL: the same text is used for each batch",
        )

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _unknown
    __hash__ = object.__hash__


def find_moment(name: str, config: Callable[[], ConfigLayer]) -> Moment | None:
    """Gives what `start` or `end` means, where `config` tells the configuration; None for any other name."""
    return Moment(name, config) if name in _TEXTS else None
