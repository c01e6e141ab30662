"""Runs of compiled templates that never raise."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TypeVar

from jinja2.exceptions import SecurityError

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.span import Span
from sqlflow.core.textmap import Segment, TextMap
from sqlflow.render.compiled import Compiled, code_name
from sqlflow.render.hooks import HOOK_MAKERS
from sqlflow.render.narrow import find_call, find_name
from sqlflow.render.problems import AlreadyReported, Problem, ReturnValue, UndefinedName
from sqlflow.render.scope import Scope
from sqlflow.render.surroundings import Surroundings
from sqlflow.render.trace import text_map
from sqlflow.render.types import RenderedQuery

T = TypeVar("T")
MAX_LABELS = 8
# Names of dbt whose values come from the warehouse.
_FROM_THE_DATABASE = frozenset(
    {"adapter", "run_query", "graph", "statement", "load_result", "store_result", "api", "load_relation"}
)


def render_query(
    around: Surroundings, template: Compiled, scope: Scope, place: Span | None = None
) -> tuple[RenderedQuery | None, tuple[Diagnostic, ...]]:
    """Renders a template; all of the text of a hook has one `place`: that of the setting."""
    text, failure = attempt(lambda: scope.run(template), around, scope, template, place)
    if text is None:
        return None, (*scope.warnings, *failure)
    mapped = text_map(text)
    if place is not None:
        mapped = TextMap((Segment(0, (place,), False),) if text else (), len(text))
    query = RenderedQuery(text=str(text), map=mapped, references=tuple(scope.references), reads=scope.reads())
    return query, tuple(scope.warnings)


def attempt(
    call: Callable[[], T],
    around: Surroundings,
    scope: Scope,
    template: Compiled | None,
    place: Span | None,
) -> tuple[T | None, tuple[Diagnostic, ...]]:
    """Calls something that runs template code; whatever it raises becomes a diagnostic."""
    try:
        return call(), ()
    except AlreadyReported:
        return None, ()
    except (Exception, ReturnValue) as error:
        return None, (_explain(error, around.macros.templates(), scope, template, place),)


def _explain(
    error: BaseException,
    macros: Mapping[str, Compiled],
    scope: Scope,
    template: Compiled | None,
    place: Span | None,
) -> Diagnostic:
    code, message, label, hint = _describe(error, scope)
    known = {code_name(path): compiled for path, compiled in macros.items()}
    if template is not None and place is None:
        known[code_name(template.path)] = template
    ran = [
        (found, found.span_at(line))
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (found := known.get(frame.f_code.co_filename)) is not None
    ]
    if ran:
        innermost, tag = ran[-1]
        ran[-1] = (innermost, _narrow(error, innermost.places.text, tag))
    span = place if place is not None or not ran else ran.pop(0)[1]
    labels: dict[Span, Label] = {}
    for found, at in ran:
        name = found.macro_at(at.end)
        if at != span and len(labels) < MAX_LABELS:
            labels.setdefault(at, Label(at, f"in macro `{name}`" if name else "here"))
    return Diagnostic(
        code=code, message=message, span=span, label=label, labels=tuple(labels.values()), help=hint
    )


def _narrow(error: BaseException, text: str, tag: Span) -> Span:
    """Gives the place of what is wrong within a tag, as far as the error names it."""
    match error:
        case Problem(function=str(function), argument=str(argument)) if function:
            return find_call(text, tag, function, argument)
        case UndefinedName(name=str(name), is_attribute=False):
            return find_name(text, tag, name)
        case _:
            return tag


def _describe(error: BaseException, scope: Scope) -> tuple[Code, str, str, str]:
    """Gives the code, the message, the label and the help of what was raised."""
    match error:
        case Problem():
            return error.code, error.message, error.label, error.help
        case ReturnValue():
            return Code.BAD_CALL, "`return` outside of a macro", "", "it gives back the value of a macro"
        case SecurityError():
            return Code.UNSAFE_TEMPLATE, _text(error).rstrip("."), "", "templates run in a sandbox"
        case UndefinedName():
            return Code.UNDEFINED_NAME, *_undefined(error, scope)
        case RecursionError():
            return Code.TEMPLATE_ERROR, "the template calls itself without end", "", ""
        case MemoryError():
            return Code.TEMPLATE_ERROR, "the template needs more memory than there is", "", ""
        case _:
            return Code.TEMPLATE_ERROR, _text(error), type(error).__name__, ""


def _text(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def _undefined(error: UndefinedName, scope: Scope) -> tuple[str, str, str]:
    name = error.name
    if error.is_attribute or name is None:
        owner = error.owner
        candidates = [key for key in owner if isinstance(key, str)] if isinstance(owner, Mapping) else []
        hint = did_you_mean(name, candidates) if name is not None else ""
        if type(owner).__name__ == "Table":
            hint = "the names of tables are known only after all templates are rendered"
        return _text(error), "", hint
    if name in _FROM_THE_DATABASE:
        return (
            f"`{name}` is not defined",
            "",
            "templates don't ask the database: they are rendered without one",
        )
    if name in HOOK_MAKERS:
        hint = f"`{name}` is for `config(...)`; in YAML, write `{{sql: ..., transaction: false}}`"
        return f"`{name}` is not defined in a hook", "", hint
    return f"`{name}` is not defined", "not defined", did_you_mean(name, scope.known_names())
