"""Configuration keys: which there are, how their layers merge, what their values mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.config import (
    IncrementalStrategy,
    Index,
    Materialization,
    NodeConfig,
    OnSchemaChange,
    OnStaleSource,
    TestConfig,
    TestSeverity,
)
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.ids import NodeKind
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.project.decode import Section, as_section, invalid_value, plain, unknown_key
from sqlflow.project.durations import read_duration
from sqlflow.project.hook_config import decode_hooks
from sqlflow.project.incremental_config import decode_increments
from sqlflow.project.nodes import MappingNode, Pair, from_value, to_value
from sqlflow.project.relation_config import decode_grants, decode_persist_docs, merge_grants
from sqlflow.project.signal_config import decode_signals
from sqlflow.project.snapshot_config import decode_snapshot
from sqlflow.project.time_config import decode_concurrent_batches
from sqlflow.project.types import ConfigEntry, ConfigLayer, PythonFunction


class Merge(StrEnum):
    """What a more specific layer's value does to a more general one's."""

    REPLACE = "replace"
    ADD = "add"
    UNION = "union"
    HOOKS = "hooks"
    GRANTS = "grants"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """A key of configuration and the kinds of nodes that have it.

    `typed` says that text which a template gave is read as plain YAML: the value is never text.
    """

    name: str
    kinds: frozenset[NodeKind]
    merge: Merge = Merge.REPLACE
    typed: bool = False


_MODELS = frozenset({NodeKind.MODEL})
_SEEDS = frozenset({NodeKind.SEED})
_SNAPSHOTS = frozenset({NodeKind.SNAPSHOT})
_NODES = _MODELS | _SEEDS | _SNAPSHOTS
_TESTS = frozenset({NodeKind.TEST})

KEYS: Mapping[str, ConfigKey] = MappingProxyType(
    {
        key.name: key
        for key in (
            ConfigKey(name="materialized", kinds=_MODELS),
            ConfigKey(name="enabled", kinds=_NODES | _TESTS, typed=True),
            ConfigKey(name="alias", kinds=_NODES),
            ConfigKey(name="schema", kinds=_NODES),
            ConfigKey(name="database", kinds=_NODES),
            ConfigKey(name="renamed_from", kinds=_NODES),
            ConfigKey(name="tags", kinds=_NODES | _TESTS, merge=Merge.ADD),
            ConfigKey(name="meta", kinds=_NODES | _TESTS, merge=Merge.UNION),
            ConfigKey(name="pre_hook", kinds=_NODES, merge=Merge.HOOKS),
            ConfigKey(name="post_hook", kinds=_NODES, merge=Merge.HOOKS),
            ConfigKey(name="timeout", kinds=_NODES, typed=True),
            ConfigKey(name="persist_docs", kinds=_NODES),
            ConfigKey(name="stale_after", kinds=_MODELS | _SNAPSHOTS),
            ConfigKey(name="on_stale_source", kinds=_MODELS | _SNAPSHOTS),
            ConfigKey(name="signals", kinds=_MODELS | _SNAPSHOTS),
            ConfigKey(name="checksum", kinds=_NODES, typed=True),
            ConfigKey(name="grants", kinds=_NODES, merge=Merge.GRANTS),
            ConfigKey(name="indexes", kinds=_MODELS | _SEEDS),
            ConfigKey(name="contract", kinds=_MODELS, merge=Merge.UNION),
            ConfigKey(name="unique_key", kinds=_MODELS | _SNAPSHOTS),
            ConfigKey(name="incremental_strategy", kinds=_MODELS),
            ConfigKey(name="partition_by", kinds=_MODELS),
            ConfigKey(name="incremental_predicates", kinds=_MODELS),
            ConfigKey(name="merge_update_columns", kinds=_MODELS),
            ConfigKey(name="merge_exclude_columns", kinds=_MODELS),
            ConfigKey(name="event_time", kinds=_NODES),
            ConfigKey(name="batch_size", kinds=_MODELS),
            ConfigKey(name="begin", kinds=_MODELS),
            ConfigKey(name="lookback", kinds=_MODELS, typed=True),
            ConfigKey(name="time_zone", kinds=_MODELS),
            ConfigKey(name="depends_on_past", kinds=_MODELS, typed=True),
            ConfigKey(name="concurrent_batches", kinds=_MODELS, typed=True),
            ConfigKey(name="on_schema_change", kinds=_MODELS),
            ConfigKey(name="full_refresh", kinds=_MODELS, typed=True),
            ConfigKey(name="strategy", kinds=_SNAPSHOTS),
            ConfigKey(name="updated_at", kinds=_SNAPSHOTS),
            ConfigKey(name="check_cols", kinds=_SNAPSHOTS),
            ConfigKey(name="hard_deletes", kinds=_SNAPSHOTS),
            ConfigKey(name="invalidate_hard_deletes", kinds=_SNAPSHOTS, typed=True),
            ConfigKey(name="dbt_valid_to_current", kinds=_SNAPSHOTS),
            ConfigKey(name="snapshot_meta_column_names", kinds=_SNAPSHOTS, merge=Merge.UNION),
            ConfigKey(name="target_schema", kinds=_SNAPSHOTS),
            ConfigKey(name="target_database", kinds=_SNAPSHOTS),
            ConfigKey(name="column_types", kinds=_SEEDS, merge=Merge.UNION),
            ConfigKey(name="delimiter", kinds=_SEEDS),
            ConfigKey(name="severity", kinds=_TESTS),
            ConfigKey(name="store_failures", kinds=_TESTS, typed=True),
        )
    }
)

_NOWHERE = Span("", 0, 0)
_SPELLINGS = {"pre-hook": "pre_hook", "post-hook": "post_hook"}
# Hooks are templates of their own, rendered when the model is: reading settings leaves them alone.
HOOKS = frozenset({"pre_hook", "post_hook", "pre-hook", "post-hook"})

_OF_OTHER_KINDS = (Materialization.SEED, Materialization.SNAPSHOT)
_MODEL_MATERIALIZATIONS = tuple(m.value for m in Materialization if m not in _OF_OTHER_KINDS)


def canonical(key: str) -> str:
    """Gives the one spelling of a configuration key."""
    return _SPELLINGS.get(key, key)


def keys_of(kind: NodeKind) -> tuple[str, ...]:
    """Gives the configuration keys that a kind of node has."""
    return tuple(name for name, key in KEYS.items() if kind in key.kinds)


def layer_of(pairs: Iterable[Pair], diagnostics: list[Diagnostic]) -> ConfigLayer:
    """Makes a layer of a mapping whose templates were evaluated; two spellings of one key are reported."""
    layer: dict[str, ConfigEntry] = {}
    for pair in pairs:
        name = canonical(pair.key)
        known = KEYS.get(name)
        node = plain(pair.node) if known is not None and known.typed else pair.node
        if getattr(node, "failed", False):
            continue
        if name in layer:
            first = layer[name].key or layer[name].span
            diagnostics.append(
                Diagnostic(
                    code=Code.DUPLICATE_KEY,
                    message=f"the key `{name}` is there twice",
                    span=pair.key_span,
                    label="again here",
                    labels=(Label(first, "first here"),),
                    help="leave one of them out",
                )
            )
            continue
        layer[name] = ConfigEntry(to_value(node), node.span, pair.key_span)
    return MappingProxyType(layer)


def merge_layers(layers: Sequence[ConfigLayer]) -> ConfigLayer:
    """Merges layers, general to specific: tags and hooks add up, mappings merge, the rest replaces.

    A privilege of `grants` replaces that of the layer before, unless it is written with a `+`.
    """
    merged: dict[str, ConfigEntry] = {}
    for layer in layers:
        for name, entry in layer.items():
            key = canonical(name)
            before = merged.get(key)
            known = KEYS.get(key)
            if before is None or known is None:
                merged[key] = entry
            else:
                merged[key] = _merge_entries(before, entry, known.merge)
    return MappingProxyType(merged)


def _merge_entries(before: ConfigEntry, after: ConfigEntry, rule: Merge) -> ConfigEntry:
    """Merges two values of one key; one of a wrong type stays, so that it is reported at its place."""
    if before.value is None or after.value is None or rule is Merge.REPLACE:
        return after
    if rule in (Merge.UNION, Merge.GRANTS):
        if not isinstance(after.value, Mapping):
            return after
        if not isinstance(before.value, Mapping):
            return before
        if rule is Merge.GRANTS:
            return after._replace(value=merge_grants(before.value, after.value))
        return after._replace(value=MappingProxyType({**before.value, **after.value}))
    of = (str, Mapping) if rule is Merge.HOOKS else (str,)
    old, new = _listed(before.value, of), _listed(after.value, of)
    if new is None:
        return after
    if old is None:
        return before
    return after._replace(value=(*old, *new))


def _listed(value: Value, of: tuple[type, ...]) -> tuple[Value, ...] | None:
    if isinstance(value, of):
        return (value,)
    if isinstance(value, tuple) and all(isinstance(item, of) for item in value):
        return value
    return None


def decode_node_config(
    layer: ConfigLayer,
    kind: NodeKind,
    default_materialization: Materialization,
    place: Span = _NOWHERE,
) -> tuple[NodeConfig, tuple[Diagnostic, ...]]:
    """Reads the merged configuration of a model, a snapshot or a seed that is defined at a place.

    An incremental model always gets a strategy: merge where it has a unique key, append where not.
    """
    diagnostics: list[Diagnostic] = []
    section = _section(layer, kind, diagnostics)
    materialized = default_materialization
    if kind is NodeKind.MODEL:
        word = section.choice("materialized", _MODEL_MATERIALIZATIONS)
        materialized = Materialization(word) if word is not None else default_materialization
    unique_key = tuple(dict.fromkeys(section.texts("unique_key") or ()))
    event_time = _name(section, "event_time")
    increments = decode_increments(section, materialized, unique_key, event_time)
    on_schema_change = section.choice("on_schema_change", [c.value for c in OnSchemaChange])
    on_stale_source = section.choice("on_stale_source", [c.value for c in OnStaleSource])
    enabled = section.flag("enabled")
    config = NodeConfig(
        materialized=materialized,
        enabled=True if enabled is None else enabled,
        alias=_name(section, "alias"),
        schema=_name(section, "schema"),
        database=_name(section, "database") or _name(section, "target_database"),
        renamed_from=_name(section, "renamed_from"),
        tags=tuple(dict.fromkeys(section.texts("tags") or ())),
        meta=section.values("meta"),
        pre_hook=decode_hooks(section, "pre_hook"),
        post_hook=decode_hooks(section, "post_hook"),
        timeout=section.positive("timeout"),
        persist_docs=decode_persist_docs(section),
        stale_after=read_duration(section, "stale_after"),
        on_stale_source=OnStaleSource(on_stale_source) if on_stale_source else OnStaleSource.IGNORE,
        signals=decode_signals(section),
        checksum=bool(section.flag("checksum")),
        grants=decode_grants(section),
        indexes=_indexes(section),
        contract=_contract(section),
        unique_key=unique_key,
        incremental_strategy=increments.strategy,
        custom_strategy=increments.custom,
        partition_by=increments.partition_by,
        incremental_predicates=increments.predicates,
        merge_update_columns=increments.update,
        merge_exclude_columns=increments.exclude,
        on_schema_change=OnSchemaChange(on_schema_change) if on_schema_change else OnSchemaChange.IGNORE,
        full_refresh=section.flag("full_refresh"),
        event_time=event_time,
        time_range=increments.time_range,
        concurrent_batches=decode_concurrent_batches(section),
        snapshot=decode_snapshot(section, unique_key, place) if kind is NodeKind.SNAPSHOT else None,
        column_types=_column_types(section),
        delimiter=_delimiter(section),
    )
    return config, tuple(diagnostics)


def decode_test_config(layer: ConfigLayer) -> tuple[TestConfig, tuple[Diagnostic, ...]]:
    """Reads the merged configuration of a data test."""
    diagnostics: list[Diagnostic] = []
    section = _section(layer, NodeKind.TEST, diagnostics)
    severity = section.choice("severity", [s.value for s in TestSeverity])
    enabled = section.flag("enabled")
    config = TestConfig(
        severity=TestSeverity(severity) if severity else TestSeverity.ERROR,
        store_failures=bool(section.flag("store_failures")),
        enabled=True if enabled is None else enabled,
        tags=tuple(dict.fromkeys(section.texts("tags") or ())),
        meta=section.values("meta"),
    )
    return config, tuple(diagnostics)


def check_python_materialization(
    config: NodeConfig, layer: ConfigLayer, place: Span, function: PythonFunction
) -> tuple[Diagnostic, ...]:
    """Reports a Python model that is to be a view or ephemeral: its rows come from Python, not from SQL.

    An ibis model is a query, and can be these; but it is one query, and an incremental model is two, unless
    it is built by time range. Only then a function can ask of a batch. `place` is where it is defined.
    """
    is_ibis = function.is_ibis
    if config.incremental_strategy is IncrementalStrategy.TIME_RANGE and (
        config.materialized is Materialization.INCREMENTAL
    ):
        return ()
    unknown = tuple(
        Diagnostic(
            code=Code.PYTHON_PARAMETER,
            message=f"`{function.name}` is not built by time range, and has no `{moment.name}`",
            span=moment.span,
            label="a moment of a batch",
            help="build it by time range; to read a model of that name, name the parameter otherwise, and"
            f" annotate it with `Annotated[T, ref('{moment.name}')]`",
        )
        for moment in function.moments
    )
    wrong = (Materialization.INCREMENTAL,) if is_ibis else (Materialization.VIEW, Materialization.EPHEMERAL)
    if config.materialized not in wrong:
        return unknown
    entry = layer.get("materialized")
    message = f"{'an ibis' if is_ibis else 'a Python'} model cannot be {_ARTICLES[config.materialized]}"
    return (
        *unknown,
        Diagnostic(
            code=Code.BAD_MATERIALIZATION,
            message=message,
            span=entry.span if entry is not None else place,
            label="set here",
            labels=(Label(place, "this model"),) if entry is not None else (),
            help="make it a `view`, a `table` or `ephemeral`, or build it by time range"
            if is_ibis
            else "make it a `table` or `incremental`",
        ),
    )


_ARTICLES = {
    Materialization.VIEW: "a view",
    Materialization.EPHEMERAL: "ephemeral",
    Materialization.INCREMENTAL: "incremental",
}


def _section(layer: ConfigLayer, kind: NodeKind, diagnostics: list[Diagnostic]) -> Section:
    """Makes a reader of a layer's keys after those that this kind of node does not have are reported."""
    known = keys_of(kind)
    pairs: list[Pair] = []
    for name, entry in layer.items():
        place = entry.key or entry.span
        if canonical(name) in known:
            pairs.append(Pair(canonical(name), place, from_value(entry.value, entry.span)))
            continue
        diagnostics.append(unknown_config_key(name, place, kind))
    span = pairs[0].key_span if pairs else Span("", 0, 0)
    return Section(MappingNode(pairs=tuple(pairs), span=span), f"the config of a {kind}", diagnostics)


def unknown_config_key(name: str, place: Span, kind: NodeKind) -> Diagnostic:
    """Says that a kind of node has no such configuration key, and which kind does."""
    other = KEYS.get(canonical(name))
    help_ = did_you_mean(name, (*keys_of(kind), *(s for s in _SPELLINGS if _SPELLINGS[s] in keys_of(kind))))
    if other is not None:
        owners = " and ".join(f"{k}s" for k in NodeKind if k in other.kinds)
        help_ = f"`{name}` is a setting of {owners}"
    return unknown_key(name, place, keys_of(kind), f"the config of a {kind}", help_)


def _name(section: Section, key: str) -> str | None:
    value = section.text(key)
    if value is not None and not value.strip():
        section.report(invalid_value(f"`{key}` is empty", section.span(key)))
        return None
    if value is not None and "\0" in value:
        section.report(invalid_value(f"`{key}` has a NUL character in it", section.span(key)))
        return None
    return value


def _indexes(section: Section) -> tuple[Index, ...]:
    found: list[Index] = []
    for item in section.items("indexes"):
        entry = as_section(item, "an index", section.diagnostics)
        if entry is None:
            continue
        columns = entry.texts("columns")
        unique = entry.flag("unique")
        entry.finish()
        if columns:
            found.append(Index(columns=columns, unique=bool(unique)))
        elif columns is not None or entry.pair("columns") is None:
            entry.missing("columns", "name the columns of the index: `columns: [a, b]`")
    return tuple(found)


def _column_types(section: Section) -> Mapping[str, str]:
    node = section.mapping("column_types")
    if node is None:
        return {}
    types = Section(node, "`column_types`", section.diagnostics)
    texts = ((pair.key, types.required_text(pair.key)) for pair in node.pairs)
    return MappingProxyType({name: text for name, text in texts if text is not None})


def _contract(section: Section) -> bool:
    below = section.section("contract", "`contract`")
    if below is None:
        return False
    enforced = below.flag("enforced")
    below.finish()
    return bool(enforced)


def _delimiter(section: Section) -> str:
    value = section.text("delimiter")
    if value is None:
        return ","
    if len(value) != 1 or value in '"\r\n':
        section.report(invalid_value("`delimiter` must be one character", section.span("delimiter")))
        return ","
    return value
