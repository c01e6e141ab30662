"""Projects of a few texts, and what they render to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId, NodeKind, node_id
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.project.types import (
    ConfigEntry,
    ConfigLayer,
    ModelDecl,
    Project,
    PythonFunction,
    SeedDecl,
    Settings,
    SingularTestDecl,
    Target,
)
from sqlflow.render.render import render
from sqlflow.render.types import Rendered, RenderedModel, RenderedQuery

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
NOWHERE = Span("sqlflow.yml", 0, 1)


def layer(path: str = "sqlflow.yml", **settings: Value) -> ConfigLayer:
    """A layer of configuration; each setting has a place of its own in the file."""
    return {
        key: ConfigEntry(value, Span(path, 10 * i, 10 * i + 5))
        for i, (key, value) in enumerate(settings.items())
    }


@dataclass(frozen=True)
class Result:
    project: Project
    rendered: Rendered
    diagnostics: tuple[Diagnostic, ...]

    def model(self, name: str = "m") -> RenderedModel:
        return self.rendered.models[model_id(name)]

    def query(self, name: str = "m") -> RenderedQuery:
        query = self.model(name).full
        assert query is not None
        return query

    def text(self, name: str = "m") -> str:
        assert self.diagnostics == ()
        return self.query(name).text

    def at(self, span: Span | None) -> str:
        """The text that a place covers."""
        assert span is not None
        return self.project.texts[span.path][span.start : span.end]

    def only(self) -> Diagnostic:
        assert len(self.diagnostics) == 1, self.diagnostics
        return self.diagnostics[0]

    def places(self, name: str = "m") -> list[tuple[str, tuple[str, ...], bool]]:
        """Each segment of the text: what it says, what its frames cover, whether it is exact."""
        query = self.query(name)
        ends = [segment.start for segment in query.map.segments[1:]] + [query.map.length] * bool(query.text)
        return [
            (query.text[segment.start : end], tuple(self.at(f) for f in segment.frames), segment.exact)
            for segment, end in zip(query.map.segments, ends, strict=True)
        ]


def model_id(name: str) -> NodeId:
    return node_id(NodeKind.MODEL, "shop", name)


def _settings(schema: str | None, database: str | None, variables: Mapping[str, Value]) -> Settings:
    target = Target(
        name="dev", type="duckdb", schema=schema, database=database, threads=4, settings={}, span=NOWHERE
    )
    return Settings(
        name="shop", version="1", dialect="duckdb", target=target, target_names=("dev",),
        vars=variables, model_paths=("models",), seed_paths=("seeds",), snapshot_paths=("snapshots",),
        macro_paths=("macros",),
        test_paths=("tests",), signal_paths=(),
        target_path="target", model_config={}, seed_config={}, test_config={},
        snapshot_config={},
        severities={}, python_timeout=30.0, lock_timeout=300.0, lease_time=60.0, state=None,
        path="sqlflow.yml",
    )  # fmt: skip


def a_project(
    models: Mapping[str, str],
    *,
    macros: Mapping[str, str] | str = "",
    tests: Mapping[str, str] | None = None,
    python: Mapping[str, ConfigLayer] | None = None,
    seeds: Mapping[str, Sequence[ConfigLayer]] | None = None,
    variables: Mapping[str, Value] | None = None,
    layers: Mapping[str, Sequence[ConfigLayer]] | None = None,
    schema: str | None = "main",
    database: str | None = None,
) -> Project:
    files = {"macros/m.sql": macros} if isinstance(macros, str) else macros
    texts = {f"models/{name}.sql": text for name, text in models.items()}
    texts |= {f"tests/{name}.sql": text for name, text in (tests or {}).items()} | dict(files)
    outer = layers or {}
    declared = {
        model_id(name): ModelDecl(
            id=model_id(name), name=name, path=f"models/{name}.sql", function=None,
            layers=tuple(outer.get(name, ())), file_config={}, description="", columns=(), tests=(),
            span=Span(f"models/{name}.sql", 0, 0),
        )
        for name in models
    }  # fmt: skip
    for name, config in (python or {}).items():
        declared[model_id(name)] = ModelDecl(
            id=model_id(name), name=name, path=f"models/{name}.py",
            function=PythonFunction(name=name, parameters=()), layers=tuple(outer.get(name, ())),
            file_config=config, description="", columns=(), tests=(), span=Span(f"models/{name}.py", 4, 9),
        )  # fmt: skip
    return Project(
        settings=_settings(schema, database, variables or {}),
        models=declared,
        seeds={
            node_id(NodeKind.SEED, "shop", name): SeedDecl(
                id=node_id(NodeKind.SEED, "shop", name),
                name=name,
                path=f"seeds/{name}.csv",
                layers=tuple(given),
                description="",
                columns=(),
                tests=(),
                span=Span(f"seeds/{name}.csv", 0, 0),
            )
            for name, given in (seeds or {}).items()
        },
        sources={},
        tests={
            node_id(NodeKind.TEST, "shop", name): SingularTestDecl(
                id=node_id(NodeKind.TEST, "shop", name),
                name=name,
                path=f"tests/{name}.sql",
                layers=tuple(outer.get(name, ())),
                span=Span(f"tests/{name}.sql", 0, 0),
            )
            for name in (tests or {})
        },
        macro_files=tuple(files),
        texts=texts,
    )


def rendering(project: Project, environment: Mapping[str, str] | None = None) -> Result:
    rendered, diagnostics = render(project, environment=environment or {}, now=NOW)
    return Result(project, rendered, diagnostics)


def one(
    text: str,
    *,
    macros: Mapping[str, str] | str = "",
    variables: Mapping[str, Value] | None = None,
    environment: Mapping[str, str] | None = None,
    outer: Sequence[ConfigLayer] = (),
) -> Result:
    """Renders a project of one model named `m`."""
    made = a_project({"m": text}, macros=macros, variables=variables, layers={"m": outer})
    return rendering(made, environment)
