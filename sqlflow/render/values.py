"""Templates in the values of YAML files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast

from jinja2 import Undefined
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.span import Span
from sqlflow.core.value import Value, freeze, thaw
from sqlflow.project.types import RenderValue
from sqlflow.render.calls import SECRET_PREFIXES, bind, environment_value, text_of
from sqlflow.render.compiled import Compiled, compile_template, parse
from sqlflow.render.environment import TemplateEnvironment, safe_range
from sqlflow.render.problems import Problem, UndefinedName

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class ValueEnvironment(TemplateEnvironment):
    """Templates that give values: one that is a single expression gives what the expression gives."""

    @staticmethod
    def concat(values: Iterable[Any]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        """Gives the one output as it is, or all outputs as one text."""
        found = list(values)
        if len(found) == 1:
            return found[0]
        return "".join(str(value) for value in found)

    def __init__(self) -> None:
        super().__init__()
        for name, function in _FILTERS.items():
            self.filters[name] = function


def make_render_value(
    environment: Mapping[str, str],
    variables: Mapping[str, Value],
    *,
    allow_secrets: bool,
) -> RenderValue:
    """Makes the function that evaluates a YAML text with a template in it.

    Templates see `env_var` and `var`. What `env_var` gives stays text unless a filter says what it is:
    `as_number`, `as_bool`, `as_native`. No message has the value of an environment variable in it.
    """
    jinja = ValueEnvironment()
    known: dict[str, Compiled | Diagnostic] = {}

    def evaluate(text: str, span: Span) -> tuple[Value, tuple[Diagnostic, ...]]:
        read: set[str] = set()
        names: dict[str, Any] = {
            "range": safe_range,
            "env_var": _env_var(environment, allow_secrets, read),
            "var": _var(variables),
        }
        try:
            if text not in known:
                known[text] = _compile(jinja, text)
            return _evaluate(jinja, known[text], names), ()
        except _Failed as failed:
            diagnostic = failed.diagnostic
            code, message, hint = diagnostic.code, diagnostic.message, diagnostic.help
        except Exception as error:
            code, message, hint = _describe(error, names)
        if any((value in message or value in hint) and value not in text for value in read):
            message, hint = "the template failed on the value of an environment variable", ""
        return None, (Diagnostic(code=code, message=message, span=span, help=hint),)

    return evaluate


class _Failed(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _compile(jinja: ValueEnvironment, text: str) -> Compiled | Diagnostic:
    parsed = parse(jinja, "value", text)
    if isinstance(parsed, Diagnostic):
        return parsed
    return compile_template(jinja, parsed, lambda span, value: value)


def _evaluate(jinja: ValueEnvironment, compiled: Compiled | Diagnostic, names: dict[str, Any]) -> Value:
    if isinstance(compiled, Diagnostic):
        raise _Failed(compiled)
    context = jinja.context_class(jinja, names, "value", dict(compiled.blocks))
    value = jinja.concat(compiled.root(context))
    if isinstance(value, Undefined):
        str(value)  # A name that is not there says so itself.
    try:
        return freeze(str(value) if isinstance(value, str) else value)
    except TypeError as error:
        raise Problem(Code.TEMPLATE_ERROR, str(error)) from None


def _env_var(environment: Mapping[str, str], allow_secrets: bool, read: set[str]) -> Callable[..., object]:
    def env_var(*args: object, **kwargs: object) -> object:
        name, default = bind("env_var", ("name", "default"), 1, args, kwargs)
        name = text_of("env_var", "name", name)
        if allow_secrets or not name.startswith(SECRET_PREFIXES):
            value = environment.get(name)
            if value:
                read.add(value)
        return environment_value(environment, name, default, allow_secrets=allow_secrets)

    return env_var


def _var(variables: Mapping[str, Value]) -> Callable[..., object]:
    def var(*args: object, **kwargs: object) -> object:
        name, default = bind("var", ("name", "default"), 1, args, kwargs)
        name = text_of("var", "name", name)
        if name in variables:
            return thaw(variables[name])
        if default is not missing:
            return default
        raise Problem(
            Code.MISSING_VAR,
            f"variable `{name}` has no value",
            help=did_you_mean(name, variables) or "set it with --vars, or give a default",
        )

    return var


def _describe(error: Exception, names: Mapping[str, object]) -> tuple[Code, str, str]:
    match error:
        case Problem():
            return error.code, error.message, error.help
        case SecurityError():
            return Code.UNSAFE_TEMPLATE, str(error).rstrip("."), "templates run in a sandbox"
        case UndefinedName(name=str(name), is_attribute=False):
            hint = did_you_mean(name, names) or "settings know `env_var` and `var`"
            return Code.UNDEFINED_NAME, f"`{name}` is not defined", hint
        case UndefinedName():
            return Code.UNDEFINED_NAME, str(error), ""
        case _:
            try:
                message = str(error) or type(error).__name__
            except Exception:
                message = type(error).__name__
            return Code.TEMPLATE_ERROR, message, ""


def _as_number(value: object) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    for read in (int, float):
        try:
            return read(str(value))
        except ValueError:
            continue
    raise Problem(Code.TEMPLATE_ERROR, "`as_number`: the value is not a number")


def _as_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Problem(Code.TEMPLATE_ERROR, "`as_bool`: the value is neither true nor false")


def _as_native(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return cast("object", ast.literal_eval(value.strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return str(value)


_FILTERS: Mapping[str, Callable[[object], object]] = MappingProxyType(
    {"as_number": _as_number, "as_bool": _as_bool, "as_native": _as_native, "as_text": str}
)
