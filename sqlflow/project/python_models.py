"""Reading of the models that a Python file defines, from its text alone."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.ids import NodeKind
from sqlflow.core.span import Span
from sqlflow.core.value import EMPTY, Value, freeze, type_name
from sqlflow.project.config import KEYS, keys_of
from sqlflow.project.python_source import PythonSource, imports, origin
from sqlflow.project.references import parse_reference
from sqlflow.project.types import (
    ColumnDecl,
    ConfigEntry,
    ConfigLayer,
    FrameKind,
    MomentParameter,
    Parameter,
    PythonFunction,
    RefTarget,
)

# What an annotation may name: the public name, and the module that the class really is in.
_FRAMES: Mapping[str, FrameKind] = {
    **{kind.value: kind for kind in FrameKind},
    "pandas.core.frame.DataFrame": FrameKind.PANDAS,
    "polars.dataframe.DataFrame": FrameKind.POLARS,
    "pyarrow.lib.Table": FrameKind.ARROW,
    "ibis.expr.types.Table": FrameKind.IBIS,
    "ibis.expr.types.relations.Table": FrameKind.IBIS,
}
_ACCEPTED = "annotate it with one of " + ", ".join(f"`{kind}`" for kind in FrameKind)
_DECORATORS = ("sqlflow.model", "sqlflow.project.decorator.model")
# The parameters that get the moments of a batch, and what their annotations may be.
_MOMENTS = {"start": "beginning", "end": "end"}
_MOMENT_TYPES = (
    "datetime.datetime",
    "datetime.date",
    "ibis.Value",
    "ibis.Scalar",
    "ibis.expr.types.Value",
    "ibis.expr.types.Scalar",
)
_ANNOTATED = ("typing.Annotated", "typing_extensions.Annotated")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonModel:
    """A model that a Python file defines; `span` is the function's name."""

    function: PythonFunction
    config: ConfigLayer
    description: str
    columns: tuple[ColumnDecl, ...]
    span: Span


def read_python_models(text: str, path: str) -> tuple[tuple[PythonModel, ...], tuple[Diagnostic, ...]]:
    """Finds the models of a file: its public top-level functions, with their decorators' configuration.

    A model with a mistake is among them, so that a reference to it is not unknown on top of that.
    """
    source = PythonSource(path, text)
    module, broken = source.parse()
    if module is None:
        return (), broken
    reader = _Reader(source, imports(module))
    models: list[PythonModel] = []
    for statement in module.body:
        if isinstance(statement, ast.AsyncFunctionDef) and not statement.name.startswith("_"):
            reader.report(
                Code.PYTHON_CONFIG,
                f"the model `{statement.name}` is an async function",
                source.name_span(statement),
                "write `def`, or begin the name with `_` where it is a helper",
            )
        elif isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_"):
            models.append(reader.model(statement))
    return tuple(models), tuple(reader.diagnostics)


class _Reader:
    """Reads the functions of one file."""

    def __init__(self, source: PythonSource, names: Mapping[str, str]) -> None:
        self.source = source
        self.names = names
        self.diagnostics: list[Diagnostic] = []

    def report(self, code: Code, message: str, span: Span, help_: str = "") -> None:
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, help=help_))

    def model(self, function: ast.FunctionDef) -> PythonModel:
        config: dict[str, ConfigEntry] = {}
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if origin(call.func if call is not None else decorator, self.names) not in _DECORATORS:
                continue
            if call is None:
                self.report(
                    Code.PYTHON_CONFIG,
                    "`model` is not called",
                    self.source.span(decorator),
                    "write `@model()`, or leave it out",
                )
                continue
            config.update(self._keywords(call))
        description = config.pop("description", None)
        columns = config.pop("columns", None)
        return PythonModel(
            function=PythonFunction(
                name=function.name,
                parameters=self._parameters(function),
                moments=self._moments(function),
            ),
            config=MappingProxyType(config),
            description=self._description(description, function),
            columns=self._columns(columns),
            span=self.source.name_span(function),
        )

    def _keywords(self, call: ast.Call) -> dict[str, ConfigEntry]:
        for argument in call.args:
            self.report(
                Code.PYTHON_CONFIG,
                "`model` takes keywords only",
                self.source.span(argument),
                "write `key=value`",
            )
        found: dict[str, ConfigEntry] = {}
        for keyword in call.keywords:
            entry = self._keyword(keyword)
            if entry is not None and keyword.arg is not None:
                found[keyword.arg] = entry
        return found

    def _keyword(self, keyword: ast.keyword) -> ConfigEntry | None:
        whole = self.source.span(keyword)
        span = self.source.span(keyword.value)
        if keyword.arg is None:
            self.report(Code.PYTHON_CONFIG, "`**` hides the configuration", whole, "write each `key=value`")
            return None
        key = Span(whole.path, whole.start, whole.start + len(keyword.arg))
        if keyword.arg == "name":
            help_ = "rename the function, or set `alias` for the name in the warehouse"
            self.report(Code.PYTHON_CONFIG, "a Python model is named by its function", key, help_)
            return None
        if keyword.arg not in (*keys_of(NodeKind.MODEL), "description", "columns"):
            self._unknown(keyword.arg, key)
            return None
        try:
            value = freeze(ast.literal_eval(keyword.value))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            self.report(
                Code.PYTHON_CONFIG,
                f"`{keyword.arg}` is not a literal",
                span,
                "write the value itself: the file is read and not run to compile",
            )
            return None
        return ConfigEntry(value, span, key)

    def _unknown(self, name: str, key: Span) -> None:
        known = (*keys_of(NodeKind.MODEL), "description", "columns")
        other = (
            "a setting of " + " and ".join(f"{kind}s" for kind in NodeKind if kind in KEYS[name].kinds)
            if name in KEYS
            else ""
        )
        help_ = did_you_mean(name, known) or other or "known: " + ", ".join(f"`{k}`" for k in known)
        self.report(Code.UNKNOWN_KEY, f"unknown key `{name}` in the config of a model", key, help_)

    def _description(self, entry: ConfigEntry | None, function: ast.FunctionDef) -> str:
        if entry is None or entry.value is None:
            found = ast.get_docstring(function) or ""
            # What no text of a file can hold, an escape can give.
            return found.replace("\0", "").encode(errors="ignore").decode()
        if not isinstance(entry.value, str):
            message = f"`description` must be text, not {type_name(entry.value)}"
            self.report(Code.WRONG_TYPE, message, entry.span)
            return ""
        if "\0" in entry.value or entry.value.encode(errors="ignore").decode() != entry.value:
            message = "`description` holds a character that no text in a warehouse can hold"
            self.report(Code.INVALID_VALUE, message, entry.span, "take the `\\0`, or half of a pair, out")
            return ""
        return entry.value

    def _columns(self, entry: ConfigEntry | None) -> tuple[ColumnDecl, ...]:
        if entry is None or entry.value is None:
            return ()
        value: Value = entry.value
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
            message = "`columns` must be a mapping of names to types"
            self.report(Code.WRONG_TYPE, message, entry.span, 'write `columns={"day": "date"}`')
            return ()
        return tuple(
            ColumnDecl(name=name, data_type=str(data_type), meta=EMPTY, span=entry.span)
            for name, data_type in value.items()
        )

    def _parameters(self, function: ast.FunctionDef) -> tuple[Parameter, ...]:
        arguments = function.args
        for argument, sign in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
            if argument is not None:
                message = f"`{sign}{argument.arg}` names no upstream model"
                help_ = "write one parameter for each upstream model"
                self.report(Code.PYTHON_PARAMETER, message, self.source.span(argument), help_)
        for argument in arguments.posonlyargs:
            message = f"the parameter `{argument.arg}` is positional only"
            help_ = "take the `/` out: parameters are passed by name"
            self.report(Code.PYTHON_PARAMETER, message, self.source.span(argument), help_)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                help_ = "take it out: every parameter is an upstream model"
                message = "a parameter of a model has no default"
                self.report(Code.PYTHON_PARAMETER, message, self.source.span(default), help_)
        named = (*arguments.args, *arguments.kwonlyargs)
        read = (self._parameter(argument) for argument in named if argument.arg not in _MOMENTS)
        found = tuple(parameter for parameter in read if parameter is not None)
        frames = {parameter.frame is FrameKind.IBIS for parameter in found}
        if len(frames) > 1:
            other = next(one for one in found if one.frame is not FrameKind.IBIS)
            message = f"`{other.name}` arrives as rows, and another parameter as an expression"
            help_ = "annotate all with `ibis.Table`, or none: an ibis model is compiled and sees no rows"
            self.report(Code.PYTHON_PARAMETER, message, other.span, help_)
        return found

    def _moments(self, function: ast.FunctionDef) -> tuple[MomentParameter, ...]:
        """Reads the parameters that get the moments of a batch."""
        found: list[MomentParameter] = []
        for argument in (*function.args.args, *function.args.kwonlyargs):
            if argument.arg not in _MOMENTS:
                continue
            span = self.source.span(argument)
            named = Span(span.path, span.start, span.start + len(argument.arg))
            annotation = _unquoted(argument.annotation) if argument.annotation is not None else None
            if annotation is not None and origin(annotation, self.names) not in _MOMENT_TYPES:
                name = argument.arg
                message = f"the parameter `{name}` is the {_MOMENTS[name]} of a batch, and no upstream model"
                help_ = f"annotate it with `datetime.datetime`; to read a model `{name}`, name the parameter "
                help_ += f"otherwise and annotate it with `Annotated[T, ref('{name}')]`"
                self.report(Code.PYTHON_PARAMETER, message, self.source.span(annotation), help_)
            found.append(MomentParameter(argument.arg, named))
        return tuple(found)

    def _parameter(self, argument: ast.arg) -> Parameter | None:
        span = self.source.span(argument)
        named = Span(span.path, span.start, span.start + len(argument.arg))
        if argument.annotation is None:
            message = f"the parameter `{argument.arg}` has no annotation"
            self.report(Code.PYTHON_PARAMETER, message, named, _ACCEPTED)
            return None
        place = self.source.span(argument.annotation)
        annotation = _unquoted(argument.annotation)
        reference = RefTarget("name", (argument.arg,))
        if isinstance(annotation, ast.Subscript) and origin(annotation.value, self.names) in _ANNOTATED:
            inner, given = self._annotated(annotation, place)
            if given is None:
                return None
            annotation, reference = inner, given
        frame = _FRAMES.get(origin(annotation, self.names) or "")
        if frame is None:
            message = f"the annotation of `{argument.arg}` says nothing about how its rows arrive"
            self.report(Code.PYTHON_PARAMETER, message, place, _ACCEPTED)
            return None
        return Parameter(name=argument.arg, reference=reference, frame=frame, span=named)

    def _annotated(self, node: ast.Subscript, place: Span) -> tuple[ast.expr, RefTarget | None]:
        """Takes `Annotated[T, ref('x')]` apart; the first thing in it that is a reference counts."""
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        inner = _unquoted(items[0]) if items else node
        for item in items[1:]:
            written = item.value if isinstance(item, ast.Constant) else self._call(item)
            reference = parse_reference(written) if isinstance(written, str) else None
            if reference is not None and reference.kind != "name":
                return inner, reference
        message = "`Annotated` names no upstream model"
        self.report(
            Code.PYTHON_PARAMETER, message, place, "write Annotated[T, ref('model')] or source('a', 'b')"
        )
        return inner, None

    def _call(self, node: ast.expr) -> str | None:
        """Gives a call of `ref` or `source` as text, however the file imports it."""
        if not isinstance(node, ast.Call) or node.keywords:
            return None
        called = origin(node.func, self.names) or (node.func.id if isinstance(node.func, ast.Name) else "")
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if len(texts) != len(node.args):
            return None
        return f"{called.rpartition('.')[2]}({', '.join(repr(text) for text in texts)})"


def _unquoted(node: ast.expr) -> ast.expr:
    """Gives the expression inside of an annotation that is written as text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return node
    return node
