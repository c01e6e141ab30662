"""Renders the statements of `on-run-start` and `on-run-end`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.project.types import Project, Template
from sqlflow.render.compiled import template_of
from sqlflow.render.execute import render_query
from sqlflow.render.scope import Scope
from sqlflow.render.surroundings import Surroundings, surroundings
from sqlflow.render.types import RenderedQuery


def render_run_hooks(
    project: Project,
    key: str,
    names: Mapping[str, Any] | None,
    *,
    environment: Mapping[str, str],
    now: datetime,
) -> tuple[tuple[RenderedQuery, ...], tuple[Diagnostic, ...]]:
    """Renders the statements under one key, with the names of a run that they see besides the usual ones.

    Without these nothing is rendered: only what is no template at all is told of. What is wrong with the
    macros was told of when the project was rendered.
    """
    hooks = project.settings.run_hooks.get(key, ())
    if not hooks:
        return (), ()
    around, _ = surroundings(project, environment=environment, now=now)
    queries: list[RenderedQuery] = []
    diagnostics: list[Diagnostic] = []
    for number, hook in enumerate(hooks):
        query, found = _render(around, f"{key} {number}", hook, names)
        diagnostics += found
        if query is not None and query.text.strip():
            queries.append(query)
    return tuple(queries), tuple(diagnostics)


def _render(
    around: Surroundings, name: str, hook: Template, names: Mapping[str, Any] | None
) -> tuple[RenderedQuery | None, tuple[Diagnostic, ...]]:
    place = hook.place or Span(around.settings.path, 0, 0)
    template = template_of(around.macros.environment, name, hook.text, place)
    if isinstance(template, Diagnostic):
        return None, (template,)
    if names is None:
        return None, ()
    return render_query(around, template, Scope(around, name, fixed=place, names=names), place)
