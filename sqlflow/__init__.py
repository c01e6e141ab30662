"""A SQL-first transformation compiler.

`load` reads a project; everything else is reached from there:

    import sqlflow

    project = sqlflow.load("example_project")
    for event in project.build():
        ...

The names below are imported when they are first used, so that `import sqlflow` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlflow.api import CompiledQuery, LoadedProject, Preview, load
    from sqlflow.core.diagnostic import Diagnostic, ProjectError, Severity
    from sqlflow.plan.deferral import Defer
    from sqlflow.plan.plan import Command
    from sqlflow.plan.types import Plan
    from sqlflow.project.decorator import model, ref, source
    from sqlflow.state.event import (
        Event,
        LeaseAwaited,
        NodeFinished,
        NodesRenamed,
        NodesTaken,
        NodeStarted,
        Published,
        RunFinished,
        RunHooksFinished,
        RunStarted,
        StatementSent,
        Status,
        Unchanged,
    )
    from sqlflow.state.publication import Publication

__version__ = "0.1.0"

_HOMES = {
    "CompiledQuery": "sqlflow.api",
    "LoadedProject": "sqlflow.api",
    "Preview": "sqlflow.api",
    "load": "sqlflow.api",
    "Diagnostic": "sqlflow.core.diagnostic",
    "ProjectError": "sqlflow.core.diagnostic",
    "Severity": "sqlflow.core.diagnostic",
    "Command": "sqlflow.plan.plan",
    "Defer": "sqlflow.plan.deferral",
    "Plan": "sqlflow.plan.types",
    "model": "sqlflow.project.decorator",
    "ref": "sqlflow.project.decorator",
    "source": "sqlflow.project.decorator",
    "Event": "sqlflow.state.event",
    "NodeFinished": "sqlflow.state.event",
    "NodesRenamed": "sqlflow.state.event",
    "NodesTaken": "sqlflow.state.event",
    "NodeStarted": "sqlflow.state.event",
    "Publication": "sqlflow.state.publication",
    "Published": "sqlflow.state.event",
    "RunFinished": "sqlflow.state.event",
    "RunHooksFinished": "sqlflow.state.event",
    "RunStarted": "sqlflow.state.event",
    "LeaseAwaited": "sqlflow.state.event",
    "StatementSent": "sqlflow.state.event",
    "Unchanged": "sqlflow.state.event",
    "Status": "sqlflow.state.event",
}

__all__ = [
    "Command",
    "CompiledQuery",
    "Defer",
    "Diagnostic",
    "Event",
    "LeaseAwaited",
    "LoadedProject",
    "NodeFinished",
    "NodeStarted",
    "NodesRenamed",
    "NodesTaken",
    "Plan",
    "Preview",
    "ProjectError",
    "Publication",
    "Published",
    "RunFinished",
    "RunHooksFinished",
    "RunStarted",
    "Severity",
    "StatementSent",
    "Status",
    "Unchanged",
    "load",
    "model",
    "ref",
    "source",
]


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sqlflow' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
