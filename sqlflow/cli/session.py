"""What one command works with: its options, the terminal, the project once it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sqlflow.cli.options import Given
from sqlflow.cli.terminal import Terminal, terminal
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.span import LineIndex
from sqlflow.dialect.environments import PROD

if TYPE_CHECKING:
    from sqlflow.api import LoadedProject
    from sqlflow.core.source import SourceTree
    from sqlflow.plan.deferral import Defer

# The path that an inline query has in diagnostics.
INLINE = "<inline>"


class Session:
    """One run of one command."""

    def __init__(self, *, command: str, given: Given) -> None:
        self.command = command
        # The dialect that is compiled for, if not the target's.
        self.dialect: str | None = None
        self.given = given
        self.terminal: Terminal = terminal(given.format)
        # Whether the functions of ibis models are called, to compile them.
        self.python = True
        # What is to be read from prod, if that is asked for.
        self.defer: Defer | None = None
        # A run promises a last line in JSON, however it ends: these say whether it is still owed.
        self.owes_run_finished = False
        self.inline: str | None = None
        self._tree: SourceTree | None = None
        self._indexes: dict[str, LineIndex | None] = {}

    @cached_property
    def folder(self) -> str:
        """The project's folder as it was given."""
        return self.given.project or "."

    def open(self) -> LoadedProject:
        """Loads the project whatever its state; raises ProjectError where there is none."""
        from sqlflow import api

        project = api.load(
            self.folder,
            target=self.given.target,
            dialect=self.dialect,
            environment=self.given.env or PROD,
            vars=self.given.vars,
            python=self.python,
            defer=self.defer,
            on_wait=self._waits,
        )
        self._tree = project.tree
        self._indexes.clear()
        return project

    def load(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> LoadedProject:
        """Loads the project and tells its warnings, and those about a selection.

        Raises ProjectError where the project or the selection has errors.
        """
        project = self.open()
        if not project.ok:
            raise ProjectError(project.diagnostics)
        self.report((*project.diagnostics, *project.selection_warnings(select, exclude)))
        return project

    def lines(self, path: str) -> LineIndex | None:
        """Gives the text of a file of the project, by lines."""
        if path not in self._indexes:
            if path == INLINE and self.inline is not None:
                self._indexes[path] = LineIndex(self.inline)
            else:
                self._indexes[path] = self._tree.lines(path) if self._tree is not None else None
        return self._indexes[path]

    def _waits(self, message: str) -> None:
        if self.terminal.is_json:
            self.terminal.record({"event": "waiting", "message": message})
        else:
            self.terminal.tell(message)

    def report(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Tells diagnostics, ordered by place, and counts them if there are several."""
        found = tuple(diagnostics)
        if not found:
            return
        from sqlflow.cli.views.diagnostics import in_order, render, tally

        ordered = in_order(found)
        if self.terminal.is_json:
            from sqlflow.cli.views.json import diagnostic_record

            for diagnostic in ordered:
                self.terminal.record(diagnostic_record(diagnostic, self.lines))
            return
        for diagnostic in ordered:
            self.terminal.tell(
                render(diagnostic, self.lines, paint=self.terminal.paint, width=self.terminal.width) + "\n"
            )
        if len(ordered) > 1:
            self.terminal.tell(tally(ordered))
