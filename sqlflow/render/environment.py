"""The sandbox that templates run in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NoReturn, cast

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError, TemplateRuntimeError, UndefinedError
from jinja2.lexer import TokenStream
from jinja2.runtime import Context, Macro
from jinja2.sandbox import MAX_RANGE, SandboxedEnvironment
from jinja2.utils import missing

from sqlflow.render.generator import TracingGenerator
from sqlflow.render.places import Places, RawToken
from sqlflow.render.problems import ReturnValue, UndefinedName
from sqlflow.render.trace import joined

# The parent of every context holds the rendering's names under this key, which no template can spell.
NAMES = "*names*"
# What one operation may make: beyond this a slip of a template would take the machine's memory.
MAX_TEXT = 10_000_000
MAX_BITS = 100_000
_CLOCK = frozenset({"now", "utcnow", "today"})


class Undefined(StrictUndefined):
    """A name that is not there: any use of it but `is defined` and `default` stops the template."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        if exc is UndefinedError:
            found = obj is not missing

            def fail(message: str = "") -> UndefinedName:
                return UndefinedName(message, name, obj if found else None, found)

            exc = cast("type[TemplateRuntimeError]", fail)
        super().__init__(hint, obj, name, exc)


class NameContext(Context):
    """Finds names that a template has not set itself among the rendering's names, each when it is used."""

    def resolve_or_missing(self, key: str) -> Any:
        """Gives a name's value: the template's own first, then what the rendering offers."""
        if key in self.vars:
            return self.vars[key]
        names = self.parent.get(NAMES)
        if names is not None:
            found = names.find(key)
            if found is not missing:
                return found
        return self.parent.get(key, missing)


class ReturningMacro(Macro):
    """A macro that gives what `return(value)` in it was called with, or else its text."""

    def _invoke(self, arguments: list[Any], autoescape: bool) -> Any:
        try:
            return super()._invoke(arguments, autoescape)
        except ReturnValue as found:
            # The body of a call block has no name: a return in it is one of the macro around it.
            if cast("str | None", self.name) is None:
                raise
            return found.value


class TemplateEnvironment(SandboxedEnvironment):
    """Jinja with a sandbox, strict names, no loader, and text that remembers its places."""

    code_generator_class = TracingGenerator
    context_class = NameContext
    concat = staticmethod(joined)
    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(
            undefined=Undefined,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
            keep_trailing_newline=True,
            cache_size=0,
        )
        self.globals |= {"range": safe_range}
        # Rendering is a pure function: what gives another text each time is not offered.
        del self.globals["lipsum"]
        del self.filters["random"]

    def stream(self, places: Places) -> TokenStream:
        """Gives a template's tokens with their offsets in the place of line numbers."""

        def tokens(text: str) -> Iterator[RawToken]:
            return self.lexer.tokeniter(text, places.path)

        return TokenStream(self.lexer.wrap(places.numbered(tokens), places.path), places.path, None)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Says whether a template may read an attribute; one that reads the real clock it may not."""
        if attr in _CLOCK and (isinstance(obj, date) or (isinstance(obj, type) and issubclass(obj, date))):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiplies, or raises to a power, unless the result would be huge."""
        if operator == "**":
            if isinstance(left, int) and isinstance(right, int) and right > 0:
                _limit(left.bit_length() * right <= MAX_BITS, "a power")
        else:
            for sequence, times in ((left, right), (right, left)):
                if isinstance(sequence, (str, list, tuple)) and isinstance(times, int):
                    size = len(cast("str | list[object] | tuple[object, ...]", sequence))
                    _limit(size * times <= MAX_TEXT, "a repetition")
            if isinstance(left, int) and isinstance(right, int):
                _limit(left.bit_length() + right.bit_length() <= MAX_BITS, "a product")
        return super().call_binop(context, operator, left, right)

    def get_template(self, *args: object, **kwargs: object) -> NoReturn:
        """Refuses: templates are given by text and load nothing."""
        raise TemplateRuntimeError(
            "a template can't include, import or extend another file; the project's macros are there by name"
        )

    select_template = get_template
    get_or_select_template = get_template


def _limit(within: bool, what: str) -> None:
    if not within:
        raise SecurityError(f"{what} this large is not computed in a template")


def safe_range(*args: int) -> range:
    """Gives a range, but none longer than the sandbox's limit."""
    made = range(*args)
    try:
        small = len(made) <= MAX_RANGE
    except OverflowError:
        small = False
    if not small:
        raise SecurityError(f"a range of more than {MAX_RANGE} numbers is not made in a template")
    return made
