"""The moments that a batch begins and ends at, as templates name them: `start`, `end`, `model.batch`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.config import IncrementalStrategy
from sqlflow.core.diagnostic import did_you_mean
from sqlflow.project.incremental_config import MICROBATCH
from sqlflow.project.types import ConfigLayer
from sqlflow.render.problems import Problem, UndefinedName
from sqlflow.render.types import BATCH_END, BATCH_START, MOMENT_NAMES

_OF_A_BATCH: Mapping[str, str] = MappingProxyType(
    {"event_time_start": BATCH_START, "event_time_end": BATCH_END}
)


class Moment:
    """What `start` and `end` give: printed, it is what is replaced when a batch is built.

    A template looks names up before it runs, and its configuration is known only then: so whether the name
    is there at all is found out when it is used.
    """

    __slots__ = ("_config", "_name", "_text")

    def __init__(self, name: str, text: str, config: Callable[[], ConfigLayer]) -> None:
        self._name = name
        self._text = text
        self._config = config

    def __str__(self) -> str:
        self._check()
        return self._text

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._unknown()

    def _check(self) -> None:
        if not _is_by_time(self._config()):
            raise UndefinedName(f"'{self._name}' is undefined", self._name, None, False)

    def _unknown(self, *_: object) -> bool:
        self._check()
        raise Problem(
            Code.TEMPLATE_ERROR,
            "the moments of a batch are not known while the template is rendered",
            help="compare them in SQL, and compute with them there: the same text is used for each batch",
        )

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _unknown
    __add__ = __radd__ = __sub__ = __rsub__ = _unknown
    __hash__ = object.__hash__


class Model:
    """What `model` gives: of all that dbt tells there, the batch; None for a model that has no batches."""

    __slots__ = ("_config",)

    def __init__(self, config: Callable[[], ConfigLayer]) -> None:
        self._config = config

    @property
    def batch(self) -> Batch | None:
        """The batch that the template is rendered for, whichever that is."""
        return Batch(self._config) if _is_by_time(self._config()) else None

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Problem(
            Code.UNDEFINED_NAME,
            f"`model` has no `{name}`",
            help="it has `batch`; `this` is the model's table, `config.get` gives its settings",
        )


class Batch:
    """What `model.batch` gives: the batch's moments, as placeholders."""

    __slots__ = ("_config",)

    def __init__(self, config: Callable[[], ConfigLayer]) -> None:
        self._config = config

    def __getattr__(self, name: str) -> object:
        text = _OF_A_BATCH.get(name)
        if text is not None:
            return Moment(f"model.batch.{name}", text, self._config)
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "id":
            raise Problem(
                Code.TEMPLATE_ERROR,
                "the id of a batch is not known while the template is rendered",
                help="make it in SQL, of `event_time_start`: the same text is used for each batch",
            )
        listed = ", ".join(f"`{known}`" for known in _OF_A_BATCH)
        hint = did_you_mean(name, _OF_A_BATCH) or f"it has {listed}"
        raise Problem(Code.UNDEFINED_NAME, f"`model.batch` has no `{name}`", help=hint)


def _is_by_time(config: ConfigLayer) -> bool:
    entry = config.get("incremental_strategy")
    return entry is not None and entry.value in (IncrementalStrategy.TIME_RANGE, MICROBATCH)


def find_moment(name: str, config: Callable[[], ConfigLayer]) -> Moment | Model | None:
    """Gives what `start`, `end` or `model` means, where `config` tells the configuration; else None."""
    if name == "model":
        return Model(config)
    text = MOMENT_NAMES.get(name)
    return Moment(name, text, config) if text is not None else None
