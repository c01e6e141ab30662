"""A project as a value: models whose queries can be edited, seeds, and the files that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.evolution.queries import Column, Query, Style, outputs, tables, text_of

_WIDE = (("id", "int"), ("a", "int"), ("b", "int"), ("t", "text"), ("u", "text"), ("d", "date"), ("n", "dec"))
COLUMNS = tuple(Column(*pair) for pair in _WIDE)
TYPES: Mapping[str, str] = {
    "int": "integer", "text": "varchar", "date": "date", "dec": "decimal(10,2)", "ts": "timestamp",
}  # fmt: skip
# The sources, by what they can tell: the time of their last rows, the answer to a query, the digest of a
# file, nothing. The last one only gets new rows.
TOLD = ("orders", "people")
ASKED, FILE, UNTOLD, LOG = "items", "prices", "clicks", "log"
SOURCES = (*TOLD, ASKED, FILE, UNTOLD, LOG)
_PLAIN = Style()
FILE_PATH = "data/prices.csv"
_NEW_ROWS = "{% if is_incremental() %} and x1.id > (select coalesce(max(id), 0) from {{ this }}){% endif %}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model; `config` and `tests` are pairs, as they are written."""

    name: str
    query: Query
    materialized: str = "view"
    folder: str = ""
    style: Style = _PLAIN
    config: tuple[tuple[str, object], ...] = ()
    tests: tuple[tuple[str, str], ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the rows that are there stay: only new ones are added."""
        return self.materialized == "incremental"

    @property
    def path(self) -> str:
        """Where it lies."""
        return f"models/{self.folder}{self.name}.sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Models, each after those that it reads, and seeds as rows of text; how tables lie in the warehouse."""

    models: tuple[Model, ...]
    seeds: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = ()
    layout: str = "direct"

    def model(self, name: str) -> Model | None:
        """Finds a model."""
        return next((model for model in self.models if model.name == name), None)

    def with_model(self, model: Model) -> Project:
        """The same project with another model of a name."""
        return replace(self, models=tuple(model if m.name == model.name else m for m in self.models))

    def columns(self, name: str) -> tuple[Column, ...]:
        """Gives the columns of a node."""
        model = self.model(name)
        if model is not None:
            return outputs(model.query, self.columns)
        if name in dict(self.seeds):
            return (Column("id", "int"), Column("t", "text"), Column("k", "int"))
        return COLUMNS if name == FILE else (*COLUMNS, Column("upd", "ts"))

    def readers(self, name: str) -> tuple[Model, ...]:
        """Gives the models that read a node."""
        return tuple(model for model in self.models if name in tables(model.query))

    def below(self, names: frozenset[str]) -> frozenset[str]:
        """Gives the models that read nodes, directly or not."""
        found = set(names)
        for model in self.models:
            if tables(model.query) & found:
                found.add(model.name)
        return frozenset(found) - names

    def above(self, name: str) -> frozenset[str]:
        """Gives the nodes that a model is made of, directly or not, itself included."""
        found = {name}
        for model in reversed(self.models):
            if model.name in found:
                found |= tables(model.query)
        return frozenset(found)

    def only(self, names: frozenset[str]) -> Project:
        """The same project with some of its models."""
        return replace(self, models=tuple(model for model in self.models if model.name in names))

    def files(self, path: str) -> dict[str, str]:
        """Writes the project on a DuckDB file."""
        target = {"type": "duckdb", "path": path, "threads": 1}
        settings = {"name": "p", "dialect": "duckdb", "layout": self.layout, "targets": {"dev": target}}
        found = {
            "sqlflow.yml": json.dumps(settings),
            "models/sources.yml": json.dumps(_sources(self)),
            "models/tests.yml": json.dumps({"models": [_properties(m) for m in self.models if m.tests]}),
        }
        for name, rows in self.seeds:
            found[f"seeds/{name}.csv"] = "\n".join(",".join(row) for row in (("id", "t", "k"), *rows)) + "\n"
        for model in self.models:
            found[model.path] = self.text(model)
        return found

    def text(self, model: Model) -> str:
        """Writes a model's file."""
        config = {"materialized": model.materialized, **dict(model.config)}
        told = ", ".join(f"{key}={value!r}" for key, value in config.items())

        def refer(name: str) -> str:
            if name not in SOURCES:
                return f"{{{{ ref('{name}') }}}}" if model.style.ref else name
            return f"{{{{ source('raw', '{name}') }}}}" if model.style.ref else f"raw.{name}"

        text = text_of(model.query, model.style, refer)
        new = _NEW_ROWS.replace("x1", f"{model.style.letter}1") if model.is_kept else ""
        return f"{{{{ config({told}) }}}}\n{text}{new}\n"


def _properties(model: Model) -> dict[str, object]:
    """What is only warned of stops nothing, whatever the data are."""
    columns: dict[str, list[object]] = {}
    for column, test in model.tests:
        columns.setdefault(column, []).append({test: {"config": {"severity": "warn"}}})
    return {"name": model.name, "columns": [{"name": n, "tests": tests} for n, tests in columns.items()]}


def _table(name: str) -> dict[str, object]:
    columns = COLUMNS if name == FILE else (*COLUMNS, Column("upd", "ts"))
    found: dict[str, object] = {
        "name": name,
        "columns": [{"name": column.name, "data_type": TYPES[column.kind]} for column in columns],
    }
    if name == FILE:
        found["location"] = FILE_PATH
    elif name == ASKED:
        found["loaded_at_query"] = f"select max(at_) from raw.changes where name = '{name}'"
    elif name != UNTOLD:
        found["loaded_at_field"] = "upd"
    return found


def _sources(project: Project) -> dict[str, object]:
    """A file that nobody reads would be looked at each time that a project is compiled."""
    read = {name for model in project.models for name in tables(model.query)}
    named = [name for name in SOURCES if name in read or name != FILE]
    return {"sources": [{"name": "raw", "schema": "raw", "tables": [_table(name) for name in named]}]}
