"""The stage from a source tree to the project's declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity, did_you_mean
from sqlflow.core.ids import NodeId, NodeKind, kind_of, node_id
from sqlflow.core.source import SourceTree
from sqlflow.core.span import Span
from sqlflow.project.columns import duplicate
from sqlflow.project.decode import invalid_value
from sqlflow.project.files import ProjectFile, folder_layers, project_files, with_folder_config
from sqlflow.project.properties import NodePatch, read_properties
from sqlflow.project.python_models import PythonModel, read_python_models
from sqlflow.project.python_signals import read_signals
from sqlflow.project.snapshot_blocks import split_snapshots
from sqlflow.project.types import (
    ColumnDecl,
    ConfigLayer,
    ModelDecl,
    Project,
    RenderValue,
    SeedDecl,
    Settings,
    SignalDecl,
    SingularTestDecl,
    SourceDecl,
    Template,
    TestDecl,
)

Decl = TypeVar("Decl", ModelDecl, SeedDecl)
_NO_LAYER: ConfigLayer = MappingProxyType({})


def read_project(
    tree: SourceTree, settings: Settings, render_value: RenderValue
) -> tuple[Project, tuple[Diagnostic, ...]]:
    """Reads all declarations of a project; what is wrong is reported and, where it can be, left out."""
    found = _Found(settings=settings)
    for file in project_files(tree, settings):
        _read_file(file, found, render_value)
    models, seeds = _patch_nodes(found)
    found.diagnostics.extend(_unused_folders(found))
    project = Project(
        settings=settings,
        models=MappingProxyType(models),
        seeds=MappingProxyType(seeds),
        sources=MappingProxyType(found.sources),
        tests=MappingProxyType(found.tests),
        macro_files=tuple(found.macro_files),
        texts=MappingProxyType(found.texts),
        signals=MappingProxyType(found.signals),
    )
    return project, tuple(found.diagnostics)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the files declare, as it is read."""

    settings: Settings
    models: dict[NodeId, ModelDecl] = field(default_factory=dict[NodeId, ModelDecl])
    seeds: dict[NodeId, SeedDecl] = field(default_factory=dict[NodeId, SeedDecl])
    sources: dict[NodeId, SourceDecl] = field(default_factory=dict[NodeId, SourceDecl])
    signals: dict[str, SignalDecl] = field(default_factory=dict[str, SignalDecl])
    tests: dict[NodeId, SingularTestDecl] = field(default_factory=dict[NodeId, SingularTestDecl])
    patches: list[NodePatch] = field(default_factory=list[NodePatch])
    macro_files: list[str] = field(default_factory=list[str])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    # The names of models, seeds and snapshots, which references can't tell apart, and where each is defined.
    names: dict[str, Span] = field(default_factory=dict[str, Span])
    # The folders that hold something, by the kind that their configuration is for.
    folders: dict[NodeKind, set[str]] = field(default_factory=dict[NodeKind, set[str]])


def _read_file(file: ProjectFile, found: _Found, render_value: RenderValue) -> None:
    path, text = file.file.path, file.file.text or ""
    match file.setting, file.suffix:
        case _, ".yml" | ".yaml":
            _add_properties(file, text, found, render_value)
        case "model-paths", ".sql":
            _add_sql_model(file, text, found)
        case "model-paths", ".py":
            models, diagnostics = read_python_models(text, path)
            found.diagnostics.extend(diagnostics)
            for model in models:
                _add_python_model(file, model, found)
        case "snapshot-paths", ".sql":
            _add_snapshots(file, text, found)
        case "seed-paths", ".csv" | ".parquet":
            _add_seed(file, found)
        case "macro-paths", ".sql":
            found.macro_files.append(path)
            found.texts[path] = text
        case "signal-paths", ".py":
            _add_signals(text, path, found)
        case "test-paths", ".sql":
            _add_singular_test(file, text, found)
        case _:
            pass


def _add_properties(file: ProjectFile, text: str, found: _Found, render_value: RenderValue) -> None:
    settings = found.settings
    properties, diagnostics = read_properties(text, file.file.path, settings.name, render_value)
    found.diagnostics.extend(diagnostics)
    _note_folder(found, NodeKind.TEST, file.folder, "")
    for patch in properties.patches:
        if patch.template is not None:
            _add_snapshot(file, patch.name, patch.template, patch.span, found)
        found.patches.append(replace(patch, tests=_with_config(patch.tests, file, settings)))
    for source in properties.sources:
        first = found.sources.get(source.id)
        if first is not None:
            message = f"the source table `{source.source}.{source.name}` is declared twice"
            found.diagnostics.append(duplicate(message, source.span, first.span))
            continue
        found.sources[source.id] = replace(source, tests=_with_config(source.tests, file, settings))


def _with_config(tests: tuple[TestDecl, ...], file: ProjectFile, settings: Settings) -> tuple[TestDecl, ...]:
    """Puts the configuration of the properties file's folder under that of the tests in it."""
    if not settings.test_config:
        return tests
    return tuple(
        replace(test, config=with_folder_config(settings.test_config, file.folder, test.config))
        for test in tests
    )


def _add_sql_model(file: ProjectFile, text: str, found: _Found) -> None:
    path = file.file.path
    name = file.stem
    span = Span(path, 0, 0)
    if not _claim(name, span, found, "model"):
        return
    found.texts[path] = text
    _note_folder(found, NodeKind.MODEL, file.folder, name)
    node = node_id(NodeKind.MODEL, found.settings.name, name)
    found.models[node] = ModelDecl(
        id=node,
        name=name,
        path=path,
        function=None,
        layers=folder_layers(found.settings.model_config, file.folder, name),
        file_config=_NO_LAYER,
        description="",
        columns=(),
        tests=(),
        span=span,
    )


def _add_python_model(file: ProjectFile, model: PythonModel, found: _Found) -> None:
    name = model.function.name
    if not _claim(name, model.span, found, "model"):
        return
    _note_folder(found, NodeKind.MODEL, file.folder, name)
    node = node_id(NodeKind.MODEL, found.settings.name, name)
    found.models[node] = ModelDecl(
        id=node,
        name=name,
        path=file.file.path,
        function=model.function,
        layers=folder_layers(found.settings.model_config, file.folder, name),
        file_config=model.config,
        description=model.description,
        columns=model.columns,
        tests=(),
        span=model.span,
    )


def _add_snapshots(file: ProjectFile, text: str, found: _Found) -> None:
    """Adds the snapshots in the blocks of a file or, where there are none, one that is named by the file."""
    path = file.file.path
    blocks, diagnostics = split_snapshots(text, path)
    found.diagnostics.extend(diagnostics)
    found.texts[path] = text
    for block in blocks:
        _add_snapshot(file, block.name, Template(block.text, None), block.span, found)
    if not blocks and not diagnostics:
        _add_snapshot(file, file.stem, None, Span(path, 0, 0), found)


def _add_snapshot(file: ProjectFile, name: str, template: Template | None, span: Span, found: _Found) -> None:
    if not _claim(name, span, found, "snapshot"):
        return
    _note_folder(found, NodeKind.SNAPSHOT, file.folder, name)
    node = node_id(NodeKind.SNAPSHOT, found.settings.name, name)
    found.models[node] = ModelDecl(
        id=node,
        name=name,
        path=file.file.path,
        function=None,
        template=template,
        layers=folder_layers(found.settings.snapshot_config, file.folder, name),
        file_config=_NO_LAYER,
        description="",
        columns=(),
        tests=(),
        span=span,
    )


def _add_seed(file: ProjectFile, found: _Found) -> None:
    path = file.file.path
    span = Span(path, 0, 0)
    if not _claim(file.stem, span, found, "seed"):
        return
    _note_folder(found, NodeKind.SEED, file.folder, file.stem)
    node = node_id(NodeKind.SEED, found.settings.name, file.stem)
    found.seeds[node] = SeedDecl(
        id=node,
        name=file.stem,
        path=path,
        layers=folder_layers(found.settings.seed_config, file.folder, file.stem),
        description="",
        columns=(),
        tests=(),
        span=span,
    )


def _add_singular_test(file: ProjectFile, text: str, found: _Found) -> None:
    path = file.file.path
    span = Span(path, 0, 0)
    node = node_id(NodeKind.TEST, found.settings.name, file.stem)
    first = found.tests.get(node)
    if first is not None:
        message = f"there are two tests of the name `{file.stem}`"
        found.diagnostics.append(duplicate(message, span, first.span, "rename one of the files"))
        return
    _note_folder(found, NodeKind.TEST, file.folder, file.stem)
    found.texts[path] = text
    found.tests[node] = SingularTestDecl(
        id=node,
        name=file.stem,
        path=path,
        layers=folder_layers(found.settings.test_config, file.folder, file.stem),
        span=span,
    )


def _add_signals(text: str, path: str, found: _Found) -> None:
    signals, diagnostics = read_signals(text, path)
    found.diagnostics.extend(diagnostics)
    for signal in signals:
        first = found.signals.setdefault(signal.name, signal)
        if first is not signal:
            message = f"there are two signals of the name `{signal.name}`"
            found.diagnostics.append(duplicate(message, signal.span, first.span, "rename one of them"))


def _claim(name: str, span: Span, found: _Found, kind: str) -> bool:
    """Takes a name for a model, a snapshot or a seed; reports one that is empty or taken."""
    if not name.strip():
        message = f"the {kind} in {span.path} has no name"
        found.diagnostics.append(invalid_value(message, span, "rename the file"))
        return False
    first = found.names.setdefault(name, span)
    if first is not span:
        message = f"the name `{name}` is taken: models, seeds and snapshots share their names"
        found.diagnostics.append(duplicate(message, span, first, "rename one of them"))
        return False
    return True


def _note_folder(found: _Found, kind: NodeKind, folder: str, name: str) -> None:
    """Remembers which folders, and which node as their last level, configuration can be for."""
    known = found.folders.setdefault(kind, set())
    path = ""
    for part in (*folder.split("/"), name):
        if part:
            path = f"{path}/{part}" if path else part
            known.add(path)


def _patch_nodes(found: _Found) -> tuple[dict[NodeId, ModelDecl], dict[NodeId, SeedDecl]]:
    models, seeds = dict(found.models), dict(found.seeds)
    used: dict[NodeId, NodePatch] = {}
    for patch in found.patches:
        node = node_id(patch.kind, found.settings.name, patch.name)
        if node not in models and node not in seeds:
            found.diagnostics.append(_unknown_patch(patch, found))
            continue
        first = used.setdefault(node, patch)
        if first is not patch:
            message = f"the {patch.kind} `{patch.name}` has properties twice"
            help_ = "put them together in one place"
            found.diagnostics.append(duplicate(message, patch.span, first.span, help_))
            continue
        if node in models:
            models[node] = _patched(models[node], patch)
        else:
            seeds[node] = _patched(seeds[node], patch)
    return models, seeds


def _patched(decl: Decl, patch: NodePatch) -> Decl:
    return replace(
        decl,
        layers=(*decl.layers, patch.layer) if patch.layer else decl.layers,
        description=patch.description or decl.description,
        columns=_merge_columns(patch.columns, decl.columns),
        tests=patch.tests,
    )


def _merge_columns(first: tuple[ColumnDecl, ...], second: tuple[ColumnDecl, ...]) -> tuple[ColumnDecl, ...]:
    """Puts what the properties say about a column over what a decorator says about its type."""
    types: Mapping[str, str | None] = {column.name: column.data_type for column in second}
    named = {column.name for column in first}
    merged = (replace(c, data_type=c.data_type or types.get(c.name)) for c in first)
    return (*merged, *(column for column in second if column.name not in named))


def _unknown_patch(patch: NodePatch, found: _Found) -> Diagnostic:
    named: Mapping[NodeId, str] = {
        node: decl.name for node, decl in (*found.models.items(), *found.seeds.items())
    }
    other = next((kind_of(node) for node, name in named.items() if name == patch.name), None)
    if other is not None:
        help_ = f"put it below `{other}s:`"
    else:
        same = [name for node, name in named.items() if kind_of(node) is patch.kind]
        help_ = did_you_mean(patch.name, same)
        if not help_ and patch.kind is NodeKind.SNAPSHOT:
            help_ = "a snapshot that is declared here needs `relation:`"
    return Diagnostic(
        code=Code.UNKNOWN_PATCH,
        severity=Severity.WARNING,
        message=f"there is no {patch.kind} `{patch.name}`",
        span=patch.span,
        label="its properties are not used",
        help=help_,
    )


def _unused_folders(found: _Found) -> Iterable[Diagnostic]:
    """Warns of configuration for a folder that holds nothing: most often its name is misspelt."""
    settings = found.settings
    for kind, config in (
        (NodeKind.MODEL, settings.model_config),
        (NodeKind.SEED, settings.seed_config),
        (NodeKind.SNAPSHOT, settings.snapshot_config),
        (NodeKind.TEST, settings.test_config),
    ):
        known = found.folders.get(kind, set())
        for folder, layer in config.items():
            if folder and folder not in known and layer:
                entry = next(iter(layer.values()))
                yield Diagnostic(
                    code=Code.FOLDER_MISSING,
                    severity=Severity.WARNING,
                    message=f"`{kind}s` configures `{folder}`, which holds no {kind}",
                    span=entry.key or entry.span,
                    label="this configures nothing",
                    help=did_you_mean(folder, known),
                )
