"""Syntax trees of Python files: places in characters, names resolved through imports."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span

_LINE_END = re.compile(r"\r\n|\r|\n")


class PythonSource:
    """The text of a Python file, which is never run or imported."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        # Python ends a line at a lone carriage return too.
        self._starts = (0, *(match.end() for match in _LINE_END.finditer(text)))

    def parse(self) -> tuple[ast.Module | None, tuple[Diagnostic, ...]]:
        """Parses the file; a mistake of syntax is a PYTHON_SYNTAX at its place."""
        null = self.text.find("\0")
        if null >= 0:
            return None, (self._syntax("a null byte", null),)
        try:
            with warnings.catch_warnings():
                # An odd escape in a text is the user's business, and would be printed.
                warnings.simplefilter("ignore")
                return ast.parse(self.text), ()
        except SyntaxError as error:
            line, column = error.lineno or 1, max(0, (error.offset or 1) - 1)
            start = min(self._line_start(line) + column, len(self.text))
            return None, (self._syntax(error.msg or "invalid syntax", start),)
        except (ValueError, RecursionError, MemoryError) as error:
            reason = "text that is not Unicode" if isinstance(error, ValueError) else "nested too deeply"
            return None, (self._syntax(reason, 0),)

    def _syntax(self, reason: str, start: int) -> Diagnostic:
        while start > 0 and (start >= len(self.text) or self.text[start] in "\r\n"):
            start -= 1
        return Diagnostic(
            code=Code.PYTHON_SYNTAX,
            message=f"{self.path} is not Python: {reason}",
            span=Span(self.path, start, min(start + 1, len(self.text))),
            label="here",
        )

    def _line_start(self, line: int) -> int:
        return self._starts[max(0, min(line - 1, len(self._starts) - 1))]

    def _offset(self, line: int, column: int) -> int:
        start = self._line_start(line)
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        head = self.text[start:end].encode("utf-8", "surrogatepass")[:column]
        return start + len(head.decode("utf-8", "ignore"))

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> Span:
        """Gives the span of a node in characters."""
        start = self._offset(node.lineno, node.col_offset)
        line, column = node.end_lineno or node.lineno, node.end_col_offset
        end = self._offset(line, column) if column is not None else start + 1
        return Span(self.path, start, max(start, end))

    def name_span(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Span:
        """Gives the span of a function's name."""
        start = self._offset(function.lineno, function.col_offset)
        found = re.compile(r"(?:async\s+)?def\s+").match(self.text, start)
        begin = found.end() if found is not None else start
        return Span(self.path, begin, begin + len(function.name))


def imports(module: ast.Module) -> Mapping[str, str]:
    """Gives what the file's imported names stand for: `pd` for `import pandas as pd` is `pandas`.

    Imports inside of a top-level `if` or `try` count, for `if TYPE_CHECKING:` is where they often stand.
    """
    names: dict[str, str] = {}
    for statement in _top_level(module.body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                first = alias.name.split(".", 1)[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(statement, ast.ImportFrom) and not statement.level and statement.module:
            for alias in statement.names:
                names[alias.asname or alias.name] = f"{statement.module}.{alias.name}"
    return names


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            yield from (inner for inner in (*statement.body, *statement.orelse))
        elif isinstance(statement, ast.Try):
            yield from (inner for inner in statement.body)
            yield from (inner for handler in statement.handlers for inner in handler.body)


def origin(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """Gives the full name of a dotted expression: `pd.DataFrame` is `pandas.DataFrame`.

    None where it is not a dotted name that begins with an import.
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join((names[node.id], *reversed(parts)))
