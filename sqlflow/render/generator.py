"""Python code of templates whose output is traced."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

from sqlflow.core.span import Span
from sqlflow.render.places import Places
from sqlflow.render.trace import Traced, literal

if TYPE_CHECKING:
    from jinja2 import Environment


class TracingGenerator(CodeGenerator):
    """Generates what Jinja generates, but for output: literals and expressions carry their places.

    The code uses three names of its module that are put there by whoever runs it: `literals` and `spans`,
    made here, and `printed`. The line numbers of the nodes are offsets in the file.
    """

    def __init__(self, environment: Environment, places: Places) -> None:
        self.code = StringIO()
        super().__init__(environment, places.path, places.path, self.code)
        self.places = places
        self.literals: list[Traced] = []
        self.spans: list[Span] = []
        self._wrapped: list[bool] = []

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: object) -> str:
        raise nodes.Impossible

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: object) -> None:
        if isinstance(node, nodes.TemplateData):
            return
        self._open(node)
        if frame.eval_ctx.volatile:
            self.write("(escape if context.eval_ctx.autoescape else identity)(")
        elif frame.eval_ctx.autoescape:
            self.write("escape(")
        else:
            self.write("(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: object) -> None:
        if not isinstance(node, nodes.TemplateData):
            self.write("))")

    def visit_TemplateData(self, node: nodes.TemplateData, frame: Frame) -> None:
        """Writes a literal as a look-up of its traced text."""
        start = node.lineno
        end = self.places.literals[start]
        span = Span(self.places.path, start, end)
        self.write(f"literals[{len(self.literals)}]")
        self.literals.append(literal(node.data, span, self.places.text[start:end]))

    def start_write(self, frame: Frame, node: nodes.Node | None = None) -> None:
        """Begins an output; that of a call block or a filter block has the place of its opening tag."""
        super().start_write(frame, node)
        if isinstance(node, (nodes.CallBlock, nodes.FilterBlock)):
            self._wrapped.append(True)
            self._open(node)
        else:
            self._wrapped.append(False)

    def end_write(self, frame: Frame) -> None:
        """Ends an output."""
        if self._wrapped.pop():
            self.write(")")
        super().end_write(frame)

    def _open(self, node: nodes.Node) -> None:
        self.write(f"printed(spans[{len(self.spans)}], ")
        self.spans.append(self.places.tag(node.lineno))
