"""dbt's functions that say where a hook runs: `before_begin`, `in_transaction`, `after_commit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from sqlflow.render.calls import bind, text_of

_IN_TRANSACTION: Mapping[str, bool] = MappingProxyType(
    {"before_begin": False, "in_transaction": True, "after_commit": False}
)
HOOK_MAKERS = tuple(_IN_TRANSACTION)


def find_hook_maker(name: str) -> Callable[..., Mapping[str, object]] | None:
    """Gives the function of that name, whose result is a value of `pre_hook` or `post_hook`."""
    return partial(_hook, name) if name in _IN_TRANSACTION else None


def _hook(name: str, *args: object, **kwargs: object) -> Mapping[str, object]:
    (sql,) = bind(name, ("sql",), 1, args, kwargs)
    return {"sql": text_of(name, "sql", sql), "transaction": _IN_TRANSACTION[name]}
