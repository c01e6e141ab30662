"""What a node is built from, as a digest: while that stays the same, the node would be the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from sqlflow.bind.types import BoundModel, BoundQuery, BoundSeed, Program
from sqlflow.checks.generic import generic_query
from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId
from sqlflow.core.source import SourceTree
from sqlflow.core.textmap import Edit, splice
from sqlflow.dialect.names import relation_sql

# What says nothing about the rows, or is in the SQL already.
_NO_MATTER = frozenset(
    {"enabled", "tags", "meta", "timeout", "full_refresh", "contract", "alias", "schema", "database",
     "pre_hook", "post_hook", "concurrent_batches", "persist_docs", "grants", "stale_after",
     "on_stale_source", "signals", "checksum"}
)  # fmt: skip
# Between the digest of what the rows come from, and that of what hangs on the relation.
_AND = "+"


def codes(
    program: Program, tree: SourceTree, outside: Mapping[NodeId, str], python: Mapping[str, str]
) -> Mapping[NodeId, str]:
    """Gives the digest of each node's code.

    `outside` has what the sources tell of their version, `python` the digest of each file that defines
    Python models, with what it imports of the project. What a seed or a file source holds is a part of its
    code.
    """
    out: dict[NodeId, str] = {}
    for id, model in program.models.items():
        function = model.function
        called = python.get(function.path, "") if function is not None else ""
        out[id] = _digest(program, model, *_parts(model), called)
    for id, seed in program.seeds.items():
        file = tree.files.get(seed.path)
        out[id] = _digest(program, seed, file.digest if file is not None else "")
    for id, source in program.sources.items():
        out[id] = digest(json.dumps([source.load or "", outside.get(id, "")]))
    for id, test in program.singular_tests.items():
        out[id] = digest(test.query.sql)
    for id, generic in program.generic_tests.items():
        out[id] = digest(generic_query(generic, program.spec).sql)
    return out


def _parts(model: BoundModel) -> tuple[str, ...]:
    """The model's own text. A view holds on to the names that it reads, so these are a part of it."""
    read = repr(sorted(model.time.parents.items())) if model.time is not None else ""
    own = [query.sql for query in model.strategy.statements] if model.strategy is not None else []
    if model.function is not None:
        names = (model.function.name, *(given.parameter for given in model.function.inputs))
        return (model.function.path, *names, read, *own)
    write = _bound if model.config.materialized is Materialization.VIEW else _logical
    return (write(model.full), write(model.incremental), read, *own)


def _bound(query: BoundQuery | None) -> str:
    return query.sql if query is not None else ""


def _logical(query: BoundQuery | None) -> str:
    """The query with the ids of nodes in the places of tables: where these lie does not matter."""
    if query is None:
        return ""
    edits = [Edit(read.start, read.end, read.node) for read in query.reads]
    return splice(query.sql, query.map, edits)[0]


def _digest(program: Program, node: BoundModel | BoundSeed, *parts: str) -> str:
    hooks = [hook.sql for hook in (*node.pre_hooks, *node.post_hooks)]
    relation = relation_sql(program.spec, node.relation)
    outside = [[hook.sql for hook in found] for found in (node.before_begin, node.after_commit)]
    more = [outside] if any(outside) else []
    code = digest(json.dumps([relation, _config(node.config), len(node.pre_hooks), hooks, parts, *more]))
    return code + _attached(node)


def _attached(node: BoundModel | BoundSeed) -> str:
    """What hangs on the relation and can be brought up to date alone; empty where nothing is configured."""
    parts: list[object] = []
    if node.docs is not None:
        columns = None if node.docs.columns is None else sorted(node.docs.columns.items())
        parts += [node.docs.description, columns]
    if node.grants is not None:
        parts.append({"grants": node.grants.wanted})
    return _AND + digest(json.dumps(parts)) if parts else ""


def same_rows(left: str, right: str) -> bool:
    """Says whether two digests differ at most in what hangs on the relation: a node's rows are the same."""
    return left.partition(_AND)[0] == right.partition(_AND)[0]


def _config(config: NodeConfig) -> Mapping[str, str]:
    return {f.name: repr(getattr(config, f.name)) for f in fields(config) if f.name not in _NO_MATTER}
