"""What a node is built from: while that means the same, the node would be the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from sqlflow.bind.canonical.form import CANONICAL_VERSION
from sqlflow.bind.types import BoundModel, BoundQuery, BoundSeed, NodeSchema, Program
from sqlflow.checks.generic import generic_query
from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId
from sqlflow.core.source import SourceTree
from sqlflow.core.textmap import Edit, splice
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec

# What says nothing about the rows, or is in the SQL already.
_NO_MATTER = frozenset(
    {"enabled", "tags", "meta", "timeout", "full_refresh", "contract", "alias", "schema", "database",
     "renamed_from", "pre_hook", "post_hook", "concurrent_batches", "persist_docs", "grants", "stale_after",
     "on_stale_source", "signals", "checksum", "event_time"}
)  # fmt: skip
# Between the digest of what the rows come from, and that of what hangs on the relation.
_AND = "+"
_DEFAULTS = NodeConfig()

# The columns of a relation, each with its type where that is known.
Columns: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a node's rows come from.

    `parts` is what counts by its text: the relation's name, the configuration that differs from the defaults,
    hooks, files. `queries` are the node's queries by what they are for, with the ids of nodes, quoted, in the
    places of tables; `forms` are the digests of what they mean, written by the canonicaliser of that version;
    `reads` are the columns of the nodes that they read. `attached` is the digest of what hangs on the
    relation, empty where nothing does.
    """

    parts: Mapping[str, Any]
    queries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    forms: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    canonical: int = CANONICAL_VERSION
    reads: Mapping[str, Columns] = field(default_factory=lambda: MappingProxyType({}))
    attached: str = ""

    @property
    def id(self) -> str:
        """The digest of what it says, word by word, and of what its queries mean.

        A star means something else where what it stands for does.
        """
        return digest(json.dumps([self.parts, dict(self.queries), dict(self.forms)], sort_keys=True))

    @property
    def code(self) -> str:
        """The digest, with that of what hangs on the relation behind it."""
        return with_attached(self.id, self.attached)


def with_attached(id: str, attached: str) -> str:
    """Gives the code of a node that is of a version."""
    return f"{id}{_AND}{attached}" if attached else id


def version_id(code: str) -> str:
    """Gives the version that a code is of."""
    return code.partition(_AND)[0]


def same_rows(left: str, right: str) -> bool:
    """Says whether two codes differ at most in what hangs on the relation: a node's rows are the same."""
    return version_id(left) == version_id(right)


def versions(
    program: Program, tree: SourceTree, outside: Mapping[NodeId, str], python: Mapping[str, str]
) -> Mapping[NodeId, Version]:
    """Gives what each node is built from, by the project as it is.

    `outside` has what the sources tell of their version, `python` the digest of each file that defines
    Python models, with what it imports of the project. What a seed or a file source holds is a part of its
    version.
    """
    out: dict[NodeId, Version] = {}
    for id, model in program.models.items():
        function = model.function
        called = python.get(function.path, "") if function is not None else ""
        out[id] = _model(program, model, called)
    for id, seed in program.seeds.items():
        file = tree.files.get(seed.path)
        parts = {**_parts(program.spec, seed), "file": file.digest if file is not None else ""}
        out[id] = Version(parts=parts, attached=_attached(seed))
    for id, source in program.sources.items():
        out[id] = Version(parts={"load": source.load or "", "version": outside.get(id, "")})
    for id, test in program.singular_tests.items():
        out[id] = Version(parts={"query": test.query.sql})
    for id, generic in program.generic_tests.items():
        out[id] = Version(parts={"query": generic_query(generic, program.spec).sql})
    return out


def query_version(program: Program, query: BoundQuery) -> Version:
    """Gives a query alone as a version."""
    return Version(
        parts={},
        queries={"full": _kept(query, program.spec)},
        reads=_reads(program, [query]),
    )


def _reads(program: Program, queries: Iterable[BoundQuery]) -> Mapping[str, Columns]:
    read = {read.node for query in queries for read in query.reads}
    return {node: known_columns(program.schemas.get(node)) for node in sorted(read)}


def _model(program: Program, model: BoundModel, called: str) -> Version:
    parts = _parts(program.spec, model)
    if model.function is not None:
        names = (model.function.name, *(given.parameter for given in model.function.inputs))
        parts["function"] = [*names, called]
    if model.time is not None:
        parts["times"] = repr(sorted(model.time.parents.items()))
    if model.strategy is not None:
        parts["strategy"] = [query.sql for query in model.strategy.statements]
    bound = {"full": model.full, "incremental": model.incremental}
    queries = {role: query for role, query in bound.items() if query is not None}
    if model.config.materialized is Materialization.VIEW and model.full is not None:
        # A view holds on to the names that it was written with.
        parts["names"] = sorted({model.full.sql[read.start : read.end] for read in model.full.reads})
    return Version(
        parts=parts,
        queries={role: _kept(query, program.spec) for role, query in queries.items()},
        forms={role: query.form for role, query in queries.items()},
        reads=_reads(program, queries.values()),
        attached=_attached(model),
    )


def _kept(query: BoundQuery, spec: DialectSpec) -> str:
    """The query with the ids of nodes in the places of tables: where these lie does not matter."""
    edits = [Edit(read.start, read.end, quote(spec, read.node) + read.alias) for read in query.reads]
    return splice(query.sql, query.map, edits)[0]


def known_columns(schema: NodeSchema | None) -> Columns:
    """Gives the columns of a node; none where not all are known."""
    if schema is None or schema.open:
        return ()
    return tuple((column.name or "", str(column.type or "")) for column in schema.columns)


def _parts(spec: DialectSpec, node: BoundModel | BoundSeed) -> dict[str, Any]:
    hooks = (node.before_begin, node.pre_hooks, node.post_hooks, node.after_commit)
    return {
        "relation": relation_sql(spec, node.relation),
        "config": _config(node.config),
        "hooks": [[hook.sql for hook in found] for found in hooks] if any(hooks) else [],
    }


def _config(config: NodeConfig) -> Mapping[str, str]:
    """What is not as by default: so a setting that a newer version knows changes nothing by itself."""
    if config.time_range is not None:
        # Which batches there are to be, and which are looked back at, is asked whenever there is something
        # new; what is in them stays the same.
        config = replace(config, time_range=replace(config.time_range, lookback=0, begin=datetime.min))
    named = (f.name for f in fields(config) if f.name not in _NO_MATTER)
    found = {name: repr(getattr(config, name)) for name in named}
    return {name: text for name, text in found.items() if text != repr(getattr(_DEFAULTS, name))}


def _attached(node: BoundModel | BoundSeed) -> str:
    """What hangs on the relation and can be brought up to date alone; empty where nothing is configured."""
    parts: list[object] = []
    if node.docs is not None:
        columns = None if node.docs.columns is None else sorted(node.docs.columns.items())
        parts += [node.docs.description, columns]
    if node.grants is not None:
        parts.append({"grants": node.grants.wanted})
    return digest(json.dumps(parts)) if parts else ""


def encode_version(version: Version) -> str:
    """Writes a version as one line of JSON; what hangs on the relation is no part of it."""
    return json.dumps(
        {
            "parts": version.parts,
            "queries": dict(version.queries),
            "forms": dict(version.forms),
            "canonical": version.canonical,
            "reads": {node: list(columns) for node, columns in version.reads.items()},
        },
        separators=(",", ":"),
    )


def decode_version(text: str) -> Version | None:
    """Reads a version back; None where the text is none, or was written by a newer sqlflow."""
    try:
        found = cast("dict[str, Any]", json.loads(text))
        return Version(
            parts=found["parts"],
            queries=_texts(found["queries"]),
            forms=_texts(found["forms"]),
            canonical=int(found["canonical"]),
            reads={
                str(node): tuple((str(name), str(type_)) for name, type_ in columns)
                for node, columns in found["reads"].items()
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _texts(found: Mapping[object, object]) -> Mapping[str, str]:
    return {str(name): str(text) for name, text in found.items()}
