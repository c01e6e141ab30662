"""The statements of `on-run-start` and `on-run-end`, which are made when their time comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlflow.bind.bind import Binder
from sqlflow.bind.types import BoundQuery
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.link import link_hook
from sqlflow.project.hook_config import RUN_END, RUN_START
from sqlflow.project.types import Project
from sqlflow.render.run_hooks import render_run_hooks
from sqlflow.render.types import Rendered

# Stands for the id of a run that has not begun.
_NO_RUN: Mapping[str, Any] = {"invocation_id": "0" * 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHooks:
    """Makes these statements; `spec` is the dialect that the names of the project are written in."""

    project: Project
    rendered: Rendered
    binder: Binder
    spec: DialectSpec
    environment: Mapping[str, str]
    now: datetime

    def has(self, key: str) -> bool:
        """Whether there is anything under a key."""
        return bool(self.project.settings.run_hooks.get(key))

    def check(self) -> tuple[Diagnostic, ...]:
        """Tells what can be known to be wrong before there is a run.

        How a run ends is not known, so what runs then is only read.
        """
        _, found = self.make(RUN_START, _NO_RUN)
        _, wrong = self.make(RUN_END, None)
        return (*found, *wrong)

    def make(
        self, key: str, names: Mapping[str, Any] | None
    ) -> tuple[tuple[BoundQuery, ...], tuple[Diagnostic, ...]]:
        """Gives the statements under a key, with the names of a run that their templates see."""
        queries, diagnostics = render_run_hooks(
            self.project, key, names, environment=self.environment, now=self.now
        )
        bound: list[BoundQuery] = []
        for query in queries:
            links, found = link_hook(query, self.project, self.rendered, self.spec)
            diagnostics += found
            if not found:
                bound.append(self.binder.query(query, None, links))
        return tuple(bound), diagnostics
