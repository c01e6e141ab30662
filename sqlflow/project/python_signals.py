"""Reading of the signals that a Python file defines, from its text alone."""

from __future__ import annotations

import ast

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.project.python_source import PythonSource
from sqlflow.project.types import SignalDecl


def read_signals(text: str, path: str) -> tuple[tuple[SignalDecl, ...], tuple[Diagnostic, ...]]:
    """Finds the signals of a file: its public top-level functions.

    One with a mistake is among them, so that a model that waits for it is not told of on top of that.
    """
    source = PythonSource(path, text)
    module, broken = source.parse()
    if module is None:
        return (), broken
    found: list[SignalDecl] = []
    diagnostics: list[Diagnostic] = []
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and not statement.name.startswith(
            "_"
        ):
            diagnostics.extend(_mistakes(statement, source))
            found.append(_signal(statement, source))
    return tuple(found), tuple(diagnostics)


def _signal(function: ast.FunctionDef | ast.AsyncFunctionDef, source: PythonSource) -> SignalDecl:
    arguments = function.args
    names = tuple(argument.arg for argument in (*arguments.args, *arguments.kwonlyargs))
    optional = {argument.arg for argument in arguments.args[len(arguments.args) - len(arguments.defaults) :]}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            optional.add(argument.arg)
    return SignalDecl(
        name=function.name,
        path=source.path,
        parameters=names,
        required=tuple(name for name in names if name not in optional),
        span=source.name_span(function),
    )


def _mistakes(function: ast.FunctionDef | ast.AsyncFunctionDef, source: PythonSource) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    if isinstance(function, ast.AsyncFunctionDef):
        found.append(
            Diagnostic(
                code=Code.PYTHON_CONFIG,
                message=f"the signal `{function.name}` is an async function",
                span=source.name_span(function),
                help="write `def`, or begin the name with `_` where it is a helper",
            )
        )
    arguments = function.args
    for argument, sign in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
        if argument is not None:
            found.append(
                _parameter(f"`{sign}{argument.arg}` takes nothing that a model gives", argument, source)
            )
    for argument in arguments.posonlyargs:
        found.append(_parameter(f"the parameter `{argument.arg}` is positional only", argument, source))
    return found


def _parameter(message: str, argument: ast.arg, source: PythonSource) -> Diagnostic:
    return Diagnostic(
        code=Code.PYTHON_PARAMETER,
        message=message,
        span=source.span(argument),
        help="a signal's arguments are passed by name: write a parameter for each",
    )
