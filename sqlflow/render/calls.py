"""The functions of templates that depend on their arguments alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from jinja2 import Undefined
from jinja2.utils import missing

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import did_you_mean
from sqlflow.core.value import Value, freeze, type_name
from sqlflow.render.problems import Problem

SECRET_PREFIXES = ("SQLFLOW_SECRET_", "DBT_ENV_SECRET_")


def bind(
    function: str,
    parameters: Sequence[str],
    required: int,
    args: Sequence[object],
    kwargs: Mapping[str, object],
) -> list[Any]:
    """Gives the arguments in the order of the parameters, `missing` for one that was left out."""
    usage = f"write `{function}({', '.join(parameters)})`" if parameters else f"write `{function}()`"
    if len(args) > len(parameters):
        few = f"at most {len(parameters)}" if required < len(parameters) else f"{len(parameters) or 'no'}"
        raise _bad(
            function, f"takes {few} argument{'' if len(parameters) == 1 else 's'}, not {len(args)}", usage
        )
    bound: list[Any] = [*args, *(missing for _ in range(len(parameters) - len(args)))]
    for name, value in kwargs.items():
        if name not in parameters:
            raise _bad(function, f"has no parameter `{name}`", did_you_mean(name, parameters) or usage)
        index = parameters.index(name)
        if bound[index] is not missing:
            raise _bad(function, f"got `{name}` twice", usage)
        bound[index] = value
    for name, value in zip(parameters[:required], bound, strict=False):
        if value is missing:
            raise _bad(function, f"needs `{name}`", usage)
    return bound


def text_of(function: str, parameter: str, value: object) -> str:
    """Gives an argument that must be text."""
    if isinstance(value, Undefined):
        str(value)  # A strict name that is not there says so itself.
    if not isinstance(value, str) or not value:
        given = "empty text" if value == "" else type_name(value)
        raise _bad(function, f"needs text for `{parameter}`, not {given}", f"put the {parameter} in quotes")
    return str(value)


def _bad(function: str, what: str, usage: str) -> Problem:
    return Problem(Code.BAD_CALL, f"`{function}` {what}", help=usage, function=function)


def environment_value(
    environment: Mapping[str, str], name: str, default: object, *, allow_secrets: bool
) -> object:
    """Gives an environment variable, or the default."""
    if name.startswith(SECRET_PREFIXES) and not allow_secrets:
        raise Problem(
            Code.SECRET_IN_MODEL,
            f"the secret `{name}` can't be read here",
            help="secrets are for the target's settings, so that they never get into SQL text",
            function="env_var",
            argument=name,
        )
    if name in environment:
        return environment[name]
    if default is not missing:
        return default
    return_help = did_you_mean(
        name, (known for known in environment if not known.startswith(SECRET_PREFIXES))
    )
    raise Problem(
        Code.MISSING_ENV_VAR,
        f"environment variable `{name}` is not set",
        help=return_help or f"set it, or give a default: `env_var('{name}', 'value')`",
        function="env_var",
        argument=name,
    )


def parse_json(string: str, default: object = None) -> object:
    """Gives the value of a JSON text, or the default where it is none."""
    try:
        return json.loads(string)
    except (ValueError, TypeError):
        return default


def render_json(value: object, default: object = None, sort_keys: bool = False) -> object:
    """Gives a value as JSON text, or the default where it can't be that."""
    try:
        return json.dumps(value, sort_keys=sort_keys, default=_json_value)
    except (ValueError, TypeError):
        return default


def _json_value(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError


def zipped(*args: Iterable[object]) -> list[tuple[object, ...]]:
    """Gives a list of tuples with one item of each argument, as long as the shortest."""
    return list(zip(*args, strict=False))


def to_set(value: Iterable[object] = (), default: object = None) -> object:
    """Gives the set of the items, or the default where there are none to take."""
    try:
        return set(value)
    except TypeError:
        return default


def plain_value(value: object) -> Value:
    """Freezes a value of a template; texts lose what they know of their origin.

    Raises TypeError on what is no plain value.
    """
    return freeze(_untraced(value))


def _untraced(value: object) -> object:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {str(key): _untraced(item) for key, item in items.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_untraced(item) for item in cast("Sequence[object]", value)]
    return value
