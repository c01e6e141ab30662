"""Reading of `sqlflow.yml`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean, has_errors
from sqlflow.core.ids import NodeKind
from sqlflow.core.severities import Level, adjustable_codes, unknown_code
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.dialect.environments import Layout, Naming
from sqlflow.project.config import HOOKS
from sqlflow.project.decode import Section, as_section, invalid_value, is_failed, wrong_type
from sqlflow.project.folders import read_folder_config
from sqlflow.project.hook_config import RUN_HOOKS, read_run_hooks
from sqlflow.project.nodes import ListNode, MappingNode, Node, Pair, ScalarNode, to_value
from sqlflow.project.templates import render_node
from sqlflow.project.types import ConfigEntry, ConfigLayer, RenderValue, Settings, Target
from sqlflow.project.yaml import read_yaml

DEFAULT_THREADS = 4
FOLDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "model-paths": ("models",),
        "seed-paths": ("seeds",),
        "snapshot-paths": ("snapshots",),
        "macro-paths": ("macros",),
        "test-paths": ("tests",),
        "signal-paths": ("signals",),
    }
)
# Seconds for compiling an ibis model, when nothing else is said.
_PYTHON_TIMEOUT = 30.0
# Seconds for waiting until another process lets go of the warehouse.
_LOCK_TIMEOUT = 300.0
# Seconds after which a run that gives no sign of life no longer holds the tables that it writes.
_LEASE_TIME = 60.0
_LAYOUTS, _NAMINGS = tuple(one.value for one in Layout), tuple(one.value for one in Naming)
# Days after which an environment that is not used, or a table that nothing shows, may be dropped.
_ENVIRONMENT_TTL = 7.0
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NO_TREE: Mapping[str, ConfigLayer] = MappingProxyType({})


def read_settings(
    text: str,
    path: str,
    *,
    target: str | None,
    cli_vars: Mapping[str, Value],
    render_value: RenderValue,
) -> tuple[Settings | None, tuple[Diagnostic, ...]]:
    """Reads the settings of a project; None where its name, target or folders are wrong.

    `target` is the target that was asked for, None for the file's own choice. Templates are evaluated
    everywhere but in hooks, which are rendered with their model or when a run starts or ends, and in the
    targets that are not chosen.
    """
    root, found = read_yaml(text, path)
    diagnostics = list(found)
    whole = Span(path, 0, 0)
    if root is None or (isinstance(root, ScalarNode) and root.value is None):
        if not diagnostics:
            diagnostics.append(
                Diagnostic(
                    code=Code.MISSING_SETTING,
                    message=f"{path} is empty",
                    span=whole,
                    help="it needs at least `name:` and `targets:`",
                )
            )
        return None, tuple(diagnostics)
    if not isinstance(root, MappingNode):
        return None, (*diagnostics, wrong_type("a mapping", root, path))
    top = Section(_rendered(root, render_value, diagnostics), path, diagnostics)
    settings = _read(top, path, target, cli_vars, render_value, diagnostics)
    return settings, tuple(diagnostics)


def _rendered(root: MappingNode, render_value: RenderValue, diagnostics: list[Diagnostic]) -> MappingNode:
    """Evaluates the templates of everything but hooks, and the targets, of which only one is wanted."""
    pairs: list[Pair] = []
    for pair in root.pairs:
        skip = HOOKS if pair.key in ("models", "seeds", "snapshots", "tests") else ()
        whole = pair.key in ("targets", *RUN_HOOKS)
        node = pair.node if whole else render_node(pair.node, render_value, diagnostics, skip=skip)
        pairs.append(pair._replace(node=node))
    return MappingNode(pairs=tuple(pairs), span=root.span)


def _read(
    top: Section,
    path: str,
    target: str | None,
    cli_vars: Mapping[str, Value],
    render_value: RenderValue,
    diagnostics: list[Diagnostic],
) -> Settings | None:
    before = len(diagnostics)
    name = _name(top)
    chosen, names = _target(top, target, render_value)
    folders = {key: _folders(top, key, default) for key, default in FOLDERS.items()}
    _check_folders(top, folders)
    target_path = top.text("target-path")
    if target_path is not None and _inside(top, "target-path", target_path, top.span("target-path")) == ".":
        top.report(invalid_value("`target-path` must be a folder of its own", top.span("target-path")))
    # Without these the rest of the project can't be read; mistakes in what follows hide none of its own.
    complete = not has_errors(diagnostics[before:])
    version = _version(top)
    dialect = top.text("dialect")
    variables = {**top.values("vars"), **cli_vars}
    model_config = _tree(top, "models", name, NodeKind.MODEL)
    seed_config = _tree(top, "seeds", name, NodeKind.SEED)
    snapshot_config = _tree(top, "snapshots", name, NodeKind.SNAPSHOT)
    test_config = _tree(top, "tests", name, NodeKind.TEST)
    severities = _severities(top)
    times = [top.positive(key) for key in ("python-timeout", "lock-timeout", "lease-time")]
    layout, naming, ttl = _environments(top)
    state, run_hooks = top.text("state"), read_run_hooks(top)
    top.finish()
    if name is None or chosen is None or not complete:
        return None
    return Settings(
        name=name,
        version=version,
        dialect=dialect or chosen.type,
        target=chosen,
        target_names=names,
        vars=MappingProxyType(variables),
        model_paths=folders["model-paths"],
        seed_paths=folders["seed-paths"],
        snapshot_paths=folders["snapshot-paths"],
        macro_paths=folders["macro-paths"],
        test_paths=folders["test-paths"],
        signal_paths=folders["signal-paths"],
        target_path=posixpath.normpath(target_path or "target"),
        model_config=model_config,
        seed_config=seed_config,
        snapshot_config=snapshot_config,
        test_config=test_config,
        severities=severities,
        python_timeout=times[0] or _PYTHON_TIMEOUT,
        lock_timeout=times[1] or _LOCK_TIMEOUT,
        lease_time=times[2] or _LEASE_TIME,
        state=ConfigEntry(state, top.span("state")) if state is not None else None,
        path=path,
        layout=layout,
        naming=naming,
        environment_ttl=ttl,
        run_hooks=run_hooks,
    )


def _environments(top: Section) -> tuple[Layout | None, Naming, float]:
    layout, naming = top.choice("layout", _LAYOUTS), top.choice("environment-naming", _NAMINGS)
    return (
        Layout(layout) if layout is not None else None,
        Naming(naming) if naming is not None else Naming.SUFFIX,
        top.positive("environment-ttl") or _ENVIRONMENT_TTL,
    )


def _name(top: Section) -> str | None:
    name = top.required_text("name")
    if name is not None and not _NAME.match(name):
        help_ = "letters, digits and underscores, not beginning with a digit"
        top.report(invalid_value(f"`{name}` is not a name of a project", top.span("name"), help_))
    return name


def _severities(top: Section) -> Mapping[Code, Level]:
    """Reads `diagnostics`: codes, and how much each matters."""
    section = top.section("diagnostics", "`diagnostics`")
    if section is None:
        return MappingProxyType({})
    found: dict[Code, Level] = {}
    for pair in section.node.pairs:
        word = section.choice(pair.key, [level.value for level in Level])
        if pair.key not in adjustable_codes():
            top.report(unknown_code(pair.key, pair.key_span))
        elif word is not None:
            found[Code(pair.key)] = Level(word)
    return MappingProxyType(found)


def _version(top: Section) -> str:
    found = top.pair("version")
    if found is None:
        return ""
    if not isinstance(found.node, ScalarNode) or isinstance(found.node.value, bool):
        top.report(wrong_type("text", found.node, "`version`"))
        return ""
    return found.node.text


def _tree(top: Section, key: str, project: str | None, kind: NodeKind) -> Mapping[str, ConfigLayer]:
    found = top.pair(key)
    return read_folder_config(found.node, project, kind, top.diagnostics) if found is not None else _NO_TREE


def _folders(top: Section, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = top.pair(key)
    if found is None:
        return default
    nodes = found.node.items if isinstance(found.node, ListNode) else (found.node,)
    texts = top.texts(key) or ()
    spans = [n.span for n in nodes if isinstance(n, ScalarNode) and isinstance(n.value, str)]
    inside = [_inside(top, key, text, span) for text, span in zip(texts, spans, strict=True)]
    return tuple(dict.fromkeys(path for path in inside if path is not None))


def _inside(top: Section, key: str, text: str, span: Span) -> str | None:
    """Gives a folder's path in its plainest form, if it is one inside of the project."""
    outside = (
        not text.strip()
        or text.startswith(("/", "~"))
        or "\\" in text
        or "\0" in text
        or re.match(r"[A-Za-z]:", text) is not None
        or ".." in text.split("/")
    )
    if outside:
        help_ = "write it relative to the project's folder, with `/`"
        top.report(invalid_value(f"`{key}` names no folder inside of the project", span, help_))
        return None
    return posixpath.normpath(text)


def _check_folders(top: Section, folders: Mapping[str, tuple[str, ...]]) -> None:
    """Reports a folder that is to hold two kinds of files of code: nothing would tell them apart."""
    owners: dict[str, str] = {}
    for key in ("model-paths", "snapshot-paths", "macro-paths", "test-paths", "signal-paths"):
        for folder in folders[key]:
            other = owners.setdefault(folder, key)
            if other != key:
                place = top.span(key) if top.pair(key) is not None else top.span(other)
                message = f"`{folder}` is in both `{other}` and `{key}`"
                top.report(invalid_value(message, place, "give each kind of file a folder of its own"))


def _target(
    top: Section, asked: str | None, render_value: RenderValue
) -> tuple[Target | None, tuple[str, ...]]:
    """Reads the chosen target; the other ones are only looked at by name."""
    default = top.text("target")
    targets = top.mapping("targets")
    if targets is None or not targets.pairs:
        written = top.node.get("targets")
        if written is None or targets is not None or _is_empty(written.node):
            top.missing("targets", "add a target: `targets: {dev: {type: duckdb}}`")
        return None, ()
    names = tuple(pair.key for pair in targets.pairs)
    name = asked or default or (names[0] if len(names) == 1 else None)
    if name is None:
        if not _is_failed_pair(top, "target"):
            top.missing("target", "name one of " + ", ".join(f"`{n}`" for n in names))
        return None, names
    pair = targets.get(name)
    if pair is None:
        top.report(_unknown_target(name, names, targets, top.span("target") if asked is None else None))
        return None, names
    return _read_target(pair, targets, render_value, top.diagnostics), names


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _is_failed_pair(top: Section, key: str) -> bool:
    found = top.node.get(key)
    return found is not None and (is_failed(found.node) or to_value(found.node) is not None)


def _unknown_target(
    name: str, names: tuple[str, ...], targets: MappingNode, written: Span | None
) -> Diagnostic:
    return Diagnostic(
        code=Code.UNKNOWN_TARGET,
        message=f"there is no target `{name}`",
        span=written or targets.pairs[0].key_span,
        label="named here" if written is not None else "the targets are here",
        help=did_you_mean(name, names) or "there are: " + ", ".join(f"`{n}`" for n in names),
    )


def _read_target(
    pair: Pair, targets: MappingNode, render_value: RenderValue, diagnostics: list[Diagnostic]
) -> Target | None:
    node = render_node(pair.node, render_value, diagnostics)
    if _is_empty(node) and not is_failed(node):
        node = MappingNode(pairs=(), span=pair.key_span)
    section = as_section(node, f"the target `{pair.key}`", diagnostics)
    if section is None:
        return None
    type_ = section.required_text("type")
    schema, database = section.text("schema"), section.text("database")
    threads, defer_to = section.whole("threads", least=1), section.text("defer_to")
    if defer_to is not None and targets.get(defer_to) is None:
        names = tuple(pair.key for pair in targets.pairs)
        diagnostics.append(_unknown_target(defer_to, names, targets, section.span("defer_to")))
    settings = {
        rest.key: ConfigEntry(to_value(rest.node), rest.node.span, rest.key_span)
        for rest in section.rest()
        if not is_failed(rest.node)
    }
    if type_ is None:
        return None
    return Target(
        name=pair.key,
        type=type_,
        schema=schema,
        database=database,
        threads=threads or DEFAULT_THREADS,
        settings=MappingProxyType(settings),
        span=pair.key_span,
        defer_to=defer_to,
    )


def folder_places(text: str, path: str) -> Mapping[tuple[str, str], Span]:
    """Gives the places where `sqlflow.yml` names folders, by setting (`model-paths`) and folder."""
    root, _ = read_yaml(text, path)
    places: dict[tuple[str, str], Span] = {}
    for pair in root.pairs if isinstance(root, MappingNode) else ():
        if pair.key not in FOLDERS:
            continue
        for item in pair.node.items if isinstance(pair.node, ListNode) else (pair.node,):
            if isinstance(item, ScalarNode) and isinstance(item.value, str):
                places[pair.key, posixpath.normpath(item.value)] = item.span
    return MappingProxyType(places)
