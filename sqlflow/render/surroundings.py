"""What all renderings of a project share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.project.types import Project, Settings
from sqlflow.render.calls import parse_json, render_json, to_set, zipped
from sqlflow.render.environment import TemplateEnvironment
from sqlflow.render.macros import MacroIndex, index_macros


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all renderings of a project share. `basis` are the names that are the same in each."""

    settings: Settings
    environment: Mapping[str, str]
    now: datetime
    macros: MacroIndex
    basis: Mapping[str, Any]


def surroundings(
    project: Project, *, environment: Mapping[str, str], now: datetime
) -> tuple[Surroundings, tuple[Diagnostic, ...]]:
    """Reads the macros of a project; `now` is the run's one time, in UTC."""
    jinja = TemplateEnvironment()
    macros, diagnostics = index_macros(jinja, project.macro_files, project.texts)
    around = Surroundings(
        settings=project.settings,
        environment=environment,
        now=now,
        macros=macros,
        basis=_basis(project.settings, jinja.globals),
    )
    return around, diagnostics


def _basis(settings: Settings, jinja_globals: Mapping[str, Any]) -> Mapping[str, Any]:
    """Gives the names that are the same in each rendering of a project."""
    target = settings.target
    known = {
        "name": target.name,
        "target_name": target.name,
        "type": target.type,
        "schema": target.schema,
        "database": target.database,
        "threads": target.threads,
    }
    return {
        **jinja_globals,
        "target": MappingProxyType(known),
        "project_name": settings.name,
        "execute": True,
        "fromjson": parse_json,
        "tojson": render_json,
        "zip": zipped,
        "set": to_set,
    }
