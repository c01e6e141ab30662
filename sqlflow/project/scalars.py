"""The values that plain YAML scalars stand for."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlflow.core.value import Scalar


class BadScalarError(ValueError):
    """Raised for a scalar that looks like a value of its type and is none, such as 2024-02-31."""


def read_scalar(text: str, tag: str | None = None) -> Scalar:
    """Gives the value of a scalar by YAML 1.1; `tag` ("int", "str") is given, or found from the text.

    Raises BadScalarError.
    """
    if tag == "str":
        return text
    tag = tag or _resolve(text)
    if tag == "str":
        return text
    try:
        value = _construct(text, tag)
    except (ValueError, KeyError, OverflowError, IndexError, AttributeError):
        raise BadScalarError(f"`{text[:40]}` is not {_ARTICLES[tag]}") from None
    if isinstance(value, (bool, int, float, date, datetime)) or value is None:
        return value
    raise BadScalarError(f"`{text[:40]}` is not {_ARTICLES[tag]}")


_ARTICLES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "timestamp": "a date or time",
}


@cache
def _rules() -> dict[str, list[tuple[str, Any]]]:
    """The patterns of YAML 1.1 by first character, those for `<<` and `=` left out."""
    import yaml

    rules = cast("dict[str, list[tuple[str, Any]]]", yaml.SafeLoader.yaml_implicit_resolvers)
    kept: dict[str, list[tuple[str, Any]]] = {}
    for first, patterns in rules.items():
        named = ((tag.rpartition(":")[2], pattern) for tag, pattern in patterns)
        kept[first] = [(tag, pattern) for tag, pattern in named if tag in _ARTICLES]
    return kept


def _resolve(text: str) -> str:
    for tag, pattern in _rules().get(text[:1], ()):
        if pattern.match(text):
            return tag
    return "str"


def _construct(text: str, tag: str) -> object:
    import yaml

    maker = yaml.constructor.SafeConstructor()
    method = cast("Callable[[yaml.ScalarNode], object]", getattr(maker, f"construct_yaml_{tag}"))
    return method(yaml.ScalarNode(f"tag:yaml.org,2002:{tag}", text))
