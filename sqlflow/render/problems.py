"""What stops a template, as exceptions inside a rendering."""

from __future__ import annotations

from jinja2.exceptions import UndefinedError

from sqlflow.core.codes import Code


class Problem(Exception):
    """A mistake with a code of its own; the place is added where the rendering is caught.

    `function` and `argument` say which call made it, so that the place can be that of the call.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        label: str = "",
        help: str = "",
        function: str = "",
        argument: str = "",
    ) -> None:
        super().__init__(message)
        self.function = function
        self.argument = argument
        self.code = code
        self.message = message
        self.label = label
        self.help = help


class UndefinedName(UndefinedError):
    """A name, or an attribute of `owner`, that is not there; `name` is None where there was none."""

    def __init__(self, message: str, name: object, owner: object, is_attribute: bool) -> None:
        super().__init__(message)
        self.name = name if isinstance(name, str) else None
        self.owner = owner
        self.is_attribute = is_attribute


class AlreadyReported(Exception):
    """Stops a template that needs a macro of a file whose own mistake is reported once, at the file."""


class ReturnValue(BaseException):
    """Carries the value of `return(value)` to the call of the macro.

    It is no Exception, so that no filter that tolerates errors swallows it.
    """

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value
