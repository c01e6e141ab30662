"""Whole projects that are written down in a test, compiled in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlflow.bind.types import BoundModel, Program
from sqlflow.compiler import Compilation, compile_project
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.link.types import Graph
from sqlflow.project.catalog import CATALOG_FILE
from sqlflow.system.memory import MemorySystem

# Sources have no columns here, and what a query gives no name has none.
_QUIET = "diagnostics: {SF0304: ignore, SF0310: ignore}\n"
DUCKDB = "name: shop\ntargets: {dev: {type: duckdb}}\n" + _QUIET
POSTGRES = (
    "name: shop\ntargets: {dev: {type: postgres, host: h, user: u, dbname: d, schema: public}}\n" + _QUIET
)


@dataclass(frozen=True)
class Compiled:
    """A compiled project and short ways to look at it."""

    files: Mapping[str, str]
    compilation: Compilation

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.compilation.diagnostics

    @property
    def program(self) -> Program:
        assert self.compilation.program is not None, self.diagnostics
        return self.compilation.program

    @property
    def graph(self) -> Graph:
        assert self.compilation.graph is not None, self.diagnostics
        return self.compilation.graph

    def only(self) -> Diagnostic:
        assert len(self.diagnostics) == 1, self.diagnostics
        return self.diagnostics[0]

    def clean(self) -> Compiled:
        """The same, which must have nothing to say."""
        assert self.diagnostics == ()
        return self

    def at(self, span: Span | None) -> tuple[str, str]:
        """The file and the text that a place covers."""
        assert span is not None
        text = self.files[span.path]
        assert 0 <= span.start <= span.end <= len(text), span
        return span.path, text[span.start : span.end]

    def shown(self) -> list[tuple[str, str, str]]:
        """Each diagnostic's message, file and text."""
        return [(d.message, *self.at(d.span)) for d in self.diagnostics]

    def model(self, name: str = "q") -> BoundModel:
        return self.model_of(f"model.shop.{name}")

    def model_of(self, id: str) -> BoundModel:
        return self.program.models[NodeId(id)]

    def sql(self, name: str = "q") -> str:
        full = self.model(name).full
        assert full is not None
        return full.sql

    def parents(self, node: str) -> list[str]:
        return sorted(self.graph.parents[NodeId(node)])


def compiled(
    files: Mapping[str, str],
    *,
    settings: str = DUCKDB,
    vars: Mapping[str, Value] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Compiled:
    """Compiles a project of these files; a name without a folder is a model's, or the catalog's."""
    whole = {"sqlflow.yml": settings}
    for path, text in files.items():
        whole[path if "/" in path or path == CATALOG_FILE else f"models/{path}"] = text
    system = MemorySystem(whole, environment=environment)
    return Compiled(whole, compile_project(system, vars=vars))


def names(nodes: Sequence[NodeId] | frozenset[NodeId]) -> list[str]:
    """The last parts of ids, sorted."""
    return sorted(node.split(".", 2)[2] for node in nodes)
