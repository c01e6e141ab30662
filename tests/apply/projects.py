"""Small projects that tests write and build for real."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.core.diagnostic import Diagnostic, ProjectError


@dataclass(frozen=True)
class Run:
    """The events of a run."""

    events: Sequence[sqlflow.Event]

    @property
    def nodes(self) -> dict[str, sqlflow.NodeFinished]:
        """How each node ended, by name."""
        return {event.name: event for event in self.events if isinstance(event, sqlflow.NodeFinished)}

    @property
    def statuses(self) -> dict[str, str]:
        ended = {name: event.status.value for name, event in self.nodes.items()}
        return {**dict.fromkeys(self.unchanged, "unchanged"), **ended}

    @property
    def done(self) -> set[str]:
        """The names of what was built: not what was taken, or left alone."""
        started = {event.name for event in self.events if isinstance(event, sqlflow.NodeStarted)}
        return {name for name in started if self.statuses[name] == "success"}

    @property
    def unchanged(self) -> list[str]:
        """The names of what did not have to be done."""
        found = (event.nodes for event in self.events if isinstance(event, sqlflow.Unchanged))
        return [node.split(".", 2)[2] for nodes in found for node in nodes]

    @property
    def finished(self) -> sqlflow.RunFinished:
        last = self.events[-1]
        assert isinstance(last, sqlflow.RunFinished)
        return last

    @property
    def statements(self) -> list[str]:
        return [event.sql for event in self.events if isinstance(event, sqlflow.StatementSent)]

    @property
    def diagnostics(self) -> list[Diagnostic]:
        found = [d for event in self.nodes.values() for d in event.diagnostics]
        return [*self.finished.diagnostics, *found]

    def check(self) -> Run:
        """Fails with what went wrong, should anything have."""
        assert self.finished.ok, [(d.code.value, d.message, d.notes) for d in self.diagnostics]
        return self


@dataclass(frozen=True)
class Warehouse:
    """A database that a project's target leads to."""

    engine: str
    target: Mapping[str, Any]
    connect: Callable[[], Any]

    @property
    def is_postgres(self) -> bool:
        return self.engine == "postgres"

    @property
    def schema(self) -> str:
        return "public" if self.is_postgres else "main"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Asks on a connection of its own."""
        connection = self.connect()
        try:
            return [tuple(row) for row in connection.execute(sql).fetchall()]
        finally:
            connection.close()

    def execute(self, *statements: str) -> None:
        connection = self.connect()
        try:
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()

    def names(self) -> dict[str, str]:
        """What there is, in all schemas but the engine's own and sqlflow's: name to kind."""
        found = self.rows(
            "select table_name, table_type from information_schema.tables "
            "where table_schema not in ('information_schema', 'pg_catalog', '_sqlflow')"
        )
        return {name: "view" if kind == "VIEW" else "table" for name, kind in found}

    def columns(self, table: str) -> dict[str, str]:
        found = self.rows(
            "select column_name, data_type from information_schema.columns "
            f"where table_name = '{table}' and table_schema <> '_sqlflow' order by ordinal_position"
        )
        return dict(found)


@dataclass
class Project:
    """A project's folder, and the warehouse that it builds into.

    What its `settings` say goes first. Without a `layout`, it has the one that is the default.
    """

    root: Path
    warehouse: Warehouse
    threads: int = 4
    layout: str | None = "direct"
    settings: dict[str, Any] = field(default_factory=dict)

    def write(self, files: Mapping[str, str | bytes]) -> Project:
        """Writes files: a path without a suffix is a SQL model."""
        for name, content in files.items():
            path = self.root / (name if "." in name else f"models/{name}.sql")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def load(self, environment: str = "prod") -> LoadedProject:
        settings = {
            "name": "shop",
            **({"layout": self.layout} if self.layout is not None else {}),
            "targets": {"dev": {**self.warehouse.target, "threads": self.threads}},
            **self.settings,
        }
        # JSON is YAML.
        (self.root / "sqlflow.yml").write_text(json.dumps(settings))
        loaded = sqlflow.load(self.root, environment=environment)
        assert loaded.ok, [(d.code.value, d.message) for d in loaded.diagnostics]
        return loaded

    def build(
        self,
        files: Mapping[str, str | bytes] | None = None,
        *select: str,
        environment: str = "prod",
        **options: Any,
    ) -> Run:
        """Writes files and builds to the end, however it ends."""
        self.write(files or {})
        return Run(list(self.load(environment).build(select, **options)))

    def stopped(
        self, files: Mapping[str, str | bytes] | None = None, *select: str, **options: Any
    ) -> tuple[Diagnostic, ...]:
        """Writes files and builds; gives what stops that before it begins."""
        with pytest.raises(ProjectError) as error:
            self.build(files, *select, **options)
        return tuple(error.value.diagnostics)

    def built(self, files: Mapping[str, str | bytes] | None = None, *select: str, **options: Any) -> Run:
        """Builds, and fails where that does not end well."""
        return self.build(files, *select, **options).check()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows(sql)

    def table(self, name: str) -> str:
        """Where the rows of a seed or a model lie that has one table."""
        if self.layout == "direct":
            return name
        [(table,)] = self.rows(
            "select table_schema || '.' || table_name from information_schema.tables "
            f"where table_schema like '%physical' and table_name like '{name}\\_\\_%' escape '\\'"
        )
        return table


def source_text(project: Project, diagnostic: Diagnostic) -> str:
    """The text under a diagnostic's span."""
    span = diagnostic.span
    assert span is not None
    return (project.root / span.path).read_text()[span.start : span.end]
