"""Asks the warehouse for the columns of sources, and writes them down for the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.severities import adjusted
from sqlflow.link.selection import select as select_nodes
from sqlflow.project.catalog import CATALOG_FILE, catalog_text
from sqlflow.workspace import Workspace

if TYPE_CHECKING:
    from sqlflow.apply.pull import PulledSources


def pull_sources(
    work: Workspace, select: Sequence[str], exclude: Sequence[str], *, write: bool
) -> PulledSources:
    """Gives what the warehouse has of the selected sources; writes the file where that is not in it."""
    from sqlflow.apply.pull import PulledSources, compared, pull_tables

    compiled = work.compiled
    broken = [d for d in work.diagnostics if d.is_error and _is_in_a_declaration(d)]
    project, program, catalog = compiled.project, compiled.program, compiled.catalog
    if broken or project is None or program is None or catalog is None:
        raise ProjectError(broken or work.diagnostics)
    chosen, warnings = select_nodes(program.graph, select, exclude)
    tables = {id: source for id, source in project.sources.items() if source.location is None}
    asked = [
        (source.source, source.name, program.sources[id]) for id, source in tables.items() if id in chosen
    ]
    found, diagnostics = pull_tables(work.open(reads=True), work.adapter(), asked) if asked else ({}, ())
    dialect = program.spec.name
    before = catalog.tables(dialect)
    touched = {(source, table) for source, table, _ in asked}
    if not select and not exclude:
        touched |= before.keys() - {(source.source, source.name) for source in tables.values()}
    after = {**{key: columns for key, columns in before.items() if key not in touched}, **found}
    shown = compared(before, found, touched)
    is_current = not any(table.is_changed for table in shown) and not any(
        d.span is not None and d.span.path == CATALOG_FILE for d in work.diagnostics if d.is_error
    )
    written = write and not is_current
    if written:
        work.write(CATALOG_FILE, catalog_text(catalog.replacing(dialect, after)))
    levels = compiled.settings.severities if compiled.settings is not None else {}
    told = adjusted(diagnostics, levels, compiled.tree)
    return PulledSources(
        tables=shown,
        diagnostics=(*warnings, *(d for d in told if d.code is Code.SOURCE_MISSING)),
        path=CATALOG_FILE,
        is_current=is_current,
        written=written,
    )


def _is_in_a_declaration(diagnostic: Diagnostic) -> bool:
    """Whether something is wrong with what the project declares, the file that is written anew left out."""
    span = diagnostic.span
    return diagnostic.code.startswith("SF00") and (span is None or span.path != CATALOG_FILE)
