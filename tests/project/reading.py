"""Short ways to read a project that is written down in a test."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.project.read import read_project
from sqlflow.project.settings import read_settings
from sqlflow.project.tree import read_tree
from sqlflow.project.types import Project, Settings
from sqlflow.system.memory import MemorySystem

SETTINGS = "name: shop\ntargets: {dev: {type: duckdb}}\n"
VALUES: dict[str, Value] = {
    "{{ one }}": 1,
    "{{ one_text }}": "1",
    "{{ true_text }}": "true",
    "{{ word }}": "word",
    "{{ list }}": ("a", "b"),
}


def render_value(text: str, span: Span) -> tuple[Value, tuple[Diagnostic, ...]]:
    """Knows a few templates; any other one fails."""
    if text in VALUES:
        return VALUES[text], ()
    return None, (Diagnostic(code=Code.MISSING_ENV_VAR, message=f"no {text}", span=span),)


def settings_of(
    text: str, *, target: str | None = None, cli_vars: Mapping[str, Value] | None = None
) -> tuple[Settings | None, tuple[Diagnostic, ...]]:
    return read_settings(
        text, "sqlflow.yml", target=target, cli_vars=cli_vars or {}, render_value=render_value
    )


def project_of(files: Mapping[str, str | bytes]) -> tuple[Project, tuple[Diagnostic, ...]]:
    """Reads a whole project; the settings must be right."""
    system = MemorySystem({"sqlflow.yml": SETTINGS, **files})
    settings, wrong = settings_of(system.files["sqlflow.yml"].decode())
    assert settings is not None, wrong
    tree, found = read_tree(system, settings)
    project, more = read_project(tree, settings, render_value)
    return project, (*wrong, *found, *more)


def shown(diagnostics: tuple[Diagnostic, ...], *texts: str) -> list[tuple[Code, str]]:
    """Gives each diagnostic's code and the text that its span covers, in the first file given."""
    (text,) = texts
    return [(d.code, covered(d.span, text)) for d in diagnostics]


def covered(span: Span | None, text: str) -> str:
    assert span is not None
    assert 0 <= span.start <= span.end <= len(text)
    return text[span.start : span.end]
