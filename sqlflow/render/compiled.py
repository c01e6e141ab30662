"""Templates compiled to functions."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.span import Span
from sqlflow.render.environment import ReturningMacro, TemplateEnvironment
from sqlflow.render.generator import TracingGenerator
from sqlflow.render.narrow import find_name
from sqlflow.render.places import Places
from sqlflow.render.trace import printed

Root = Callable[[Context], Iterator[str]]
Output = Callable[[Span, object], object]
_TAGS = ("set", "if", "elif", "else", "for", "macro", "call", "filter", "do", "raw", "with", "block", "break")

# How Jinja names the signs in its messages, and what the user wrote.
_SIGNS = (
    ("'end of print statement'", "`}}`"),
    ("'begin of print statement'", "`{{`"),
    ("'end of statement block'", "`%}`"),
    ("'begin of statement block'", "`{%`"),
    ("end of print statement", "`}}`"),
    ("end of statement block", "`%}`"),
)


class _Parser(Parser):
    """Parses, and knows where the statements that are open began."""

    def __init__(self, environment: TemplateEnvironment, stream: TokenStream, path: str) -> None:
        super().__init__(environment, "", path)
        self.stream = stream
        self.opened: list[int] = []
        self.macros: list[tuple[int, str]] = []

    def parse_macro(self) -> nodes.Macro:
        """Parses a macro, and notes where it is."""
        macro = super().parse_macro()
        self.macros.append((macro.lineno, macro.name))
        return macro

    def parse_statement(self) -> nodes.Node | list[nodes.Node]:
        """Parses one statement; where that fails, it stays among the open ones."""
        self.opened.append(self.stream.current.lineno)
        parsed = super().parse_statement()
        self.opened.pop()
        return parsed


@dataclass(frozen=True, slots=True)
class Parsed:
    """A template's tree, the places of its tokens, and its macros by the offset of their definitions."""

    tree: nodes.Template
    places: Places
    offsets_of_macros: tuple[tuple[int, str], ...]

    def macros(self) -> Iterator[tuple[str, Span]]:
        """Gives the macros that the file defines, each with the place of its opening tag."""
        for node in self.tree.body:
            if isinstance(node, nodes.Macro):
                yield node.name, self.places.tag(node.lineno)

    def calls(self) -> Mapping[str, frozenset[str]]:
        """Gives for each macro of the file the other names of macros of the file that it uses.

        What stands outside of macros belongs to each of them.
        """
        names = {name for name, _ in self.macros()}
        used: dict[str, set[str]] = {name: set() for name in names}
        for node in self.tree.body:
            found = {name.name for name in node.find_all(nodes.Name) if name.ctx == "load"} & names
            for name in (node.name,) if isinstance(node, nodes.Macro) else names:
                used[name] |= found
        return {name: frozenset(found) for name, found in used.items()}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template as a function, and the way back from its lines of code to the file."""

    path: str
    root: Root
    blocks: Mapping[str, Root]
    places: Places
    code_lines: tuple[int, ...]
    offsets: tuple[int, ...]
    macros: tuple[tuple[int, str], ...]

    def span_at(self, code_line: int) -> Span:
        """Gives the place of the tag that a line of the generated code was made from."""
        index = bisect_right(self.code_lines, code_line) - 1
        return self.places.tag(self.offsets[max(0, index)]) if self.offsets else self.places.tag(0)

    def macro_at(self, offset: int) -> str | None:
        """Names the macro that an offset of the file lies in; one that was closed before counts, too."""
        index = bisect_right(self.macros, offset, key=lambda entry: entry[0]) - 1
        return self.macros[index][1] if index >= 0 else None


def code_name(path: str) -> str:
    """Gives the file name that the code of a template runs under: by it, its frames are told."""
    return f"<template {path}>"


def frame_line(frame: FrameType, line: int | None) -> int:
    """Gives a frame's line, also where Python has none for the instruction."""
    return line if line is not None else frame.f_code.co_firstlineno


def parse(environment: TemplateEnvironment, path: str, text: str) -> Parsed | Diagnostic:
    """Parses a template; never raises."""
    places = Places(path, text)
    parser: _Parser | None = None
    try:
        parser = _Parser(environment, environment.stream(places), path)
        tree = parser.parse()
        return Parsed(tree, places, tuple(sorted(parser.macros)))
    except Exception as error:
        return _syntax(error, places, parser.opened if parser is not None else [], environment)


def template_of(
    environment: TemplateEnvironment, path: str, text: str, place: Span | None = None
) -> Compiled | Diagnostic:
    """Parses and compiles a template; where all of it was written in one `place`, what is wrong is there."""
    parsed = parse(environment, path, text)
    found = parsed if isinstance(parsed, Diagnostic) else compile_template(environment, parsed)
    if isinstance(found, Diagnostic) and place is not None:
        return Diagnostic(code=found.code, message=found.message, span=place, help=found.help)
    return found


def compile_template(
    environment: TemplateEnvironment, parsed: Parsed, output: Output = printed
) -> Compiled | Diagnostic:
    """Compiles a parsed template; never raises. `output` makes what an expression prints."""
    places = parsed.places
    lines: list[tuple[int, int]] = []
    try:
        generator = TracingGenerator(environment, places)
        generator.visit(parsed.tree)
        lines = generator.debug_info
        with warnings.catch_warnings():
            # Python warns of expressions like `1[0]` on the standard error stream.
            warnings.simplefilter("ignore")
            code = compile(generator.code.getvalue(), code_name(places.path), "exec")
        namespace: dict[str, Any] = {"environment": environment}
        exec(code, namespace)  # noqa: S102  (the code that Jinja generated for its sandbox)
    except Exception as error:
        if isinstance(error, SyntaxError) and error.lineno is not None:
            offset = max((o for o, line in lines if line <= error.lineno), default=0)
            error = TemplateSyntaxError(str(error.msg), offset)
        return _syntax(error, places, [], environment)
    namespace |= {
        "Macro": ReturningMacro,
        "literals": tuple(generator.literals),
        "spans": tuple(generator.spans),
        "printed": output,
    }
    return Compiled(
        path=places.path,
        root=cast("Root", namespace["root"]),
        blocks=cast("Mapping[str, Root]", namespace["blocks"]),
        places=places,
        code_lines=tuple(line for _, line in lines),
        offsets=tuple(offset for offset, _ in lines),
        macros=parsed.offsets_of_macros,
    )


def _syntax(
    error: Exception, places: Places, opened: list[int], environment: TemplateEnvironment
) -> Diagnostic:
    message = "the template is nested too deeply" if isinstance(error, RecursionError) else str(error)
    span = places.word(0)
    labels: tuple[Label, ...] = ()
    hint = ""
    if isinstance(error, TemplateSyntaxError):
        message = str(error.message)
        span = places.word(error.lineno)
        if opened and message.startswith(("Unexpected end of template", "unexpected end of template")):
            labels = (Label(places.tag(opened[-1]), "this is not closed"),)
        word = places.text[span.start : span.end]
        if message.startswith("Encountered unknown tag"):
            hint = did_you_mean(word, _TAGS)
        elif message.startswith(("No filter named", "No test named")):
            name = message.split("'")[1]
            span = find_name(places.text, places.tag(error.lineno), name)
            hint = did_you_mean(name, environment.filters if "filter" in message else environment.tests)
    for words, sign in _SIGNS:
        message = message.replace(words, sign)
    return Diagnostic(
        code=Code.TEMPLATE_SYNTAX, message=message.rstrip("."), span=span, labels=labels, help=hint
    )
