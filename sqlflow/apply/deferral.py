"""Finds what is read from prod, since the environment has not built it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sqlflow.adapter.protocol import Session
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.intents import Intents
from sqlflow.apply.publish_log import PublishLog
from sqlflow.bind.run_hooks import RunHooks
from sqlflow.bind.types import Program
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import relation_sql
from sqlflow.plan.deferral import Deferred
from sqlflow.plan.meaning import settled
from sqlflow.plan.parents import is_ephemeral
from sqlflow.plan.versions import Version, same_rows, version_id
from sqlflow.state.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """What a command may read from prod.

    That is what is not there and that it doesn't build: it `builds` these nodes. Where it `favors` prod, it
    is also what is there, and is not `chosen`. `names` are those that the nodes have in prod, whose log is in
    `database`; `versions` are what they are built from there. `rebind` binds the project once more, with
    other names for some nodes.
    """

    builds: frozenset[NodeId]
    chosen: frozenset[NodeId]
    favors: bool
    names: Mapping[NodeId, Relation]
    database: str | None
    versions: Mapping[NodeId, Version]
    rebind: Callable[[Mapping[NodeId, Relation]], tuple[Program, RunHooks]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A program with the names that its nodes are read under.

    What is `deferred` is read from prod.
    """

    program: Program
    run_hooks: RunHooks
    deferred: Mapping[NodeId, Deferred] = field(default_factory=lambda: MappingProxyType({}))


def deferring(bound: Bound, deferral: Deferral | None, catalog: Catalog, session: Session) -> Bound:
    """Binds to prod what is to be read from there; nothing without a `deferral`."""
    if deferral is None:
        return bound
    program = bound.program
    there: dict[NodeId, Relation] = {}
    nowhere: dict[NodeId, Relation] = {}
    for node, own in _relations(program).items():
        plain = deferral.names.get(node, own)
        if plain == own or node in deferral.builds:
            continue
        is_here = catalog.kind(session, own) is not None
        if is_here and (node in deferral.chosen or not deferral.favors):
            continue
        if catalog.kind(session, plain) is not None:
            there[node] = plain
        elif not is_here:
            nowhere[node] = plain
    if not there:
        return replace(bound, program=replace(program, nowhere=nowhere))
    published = _published(program, deferral, session)
    other = _of_other_code(program, deferral, published, session)
    program, run_hooks = deferral.rebind(there)
    program = replace(program, nowhere=nowhere)
    deferred = {
        node: Deferred(
            node=node,
            name=program.graph.nodes[node].name,
            relation=relation,
            publication=published.get(node),
            other=tuple(_made_of(program, node, other)) if other else (),
        )
        for node, relation in there.items()
    }
    return Bound(program=program, run_hooks=run_hooks, deferred=deferred)


def _relations(program: Program) -> Mapping[NodeId, Relation]:
    """Gives the names of all that has one in each environment, in the graph's order."""
    nodes = {**program.models, **program.seeds}
    found = (nodes[node] for node in program.graph.order if node in nodes and not is_ephemeral(program, node))
    return {node.id: node.relation for node in found}


def _log(program: Program, deferral: Deferral) -> PublishLog:
    return PublishLog(program.spec, deferral.database, PROD)


def _published(program: Program, deferral: Deferral, session: Session) -> Mapping[NodeId, Publication]:
    """Reads what prod has published; nobody knows of what it was about to publish whether it did."""
    found = _log(program, deferral).read(session)
    pending = Intents(program.spec, deferral.database, PROD).read_all(session, deferral.names)
    out: dict[NodeId, Publication] = {}
    for node, relation in deferral.names.items():
        last, next_ = found.get((node, relation_sql(program.spec, relation))), pending.get(node)
        if last is not None and (next_ is None or next_.number <= last.number):
            out[node] = last
    return out


def _of_other_code(
    program: Program, deferral: Deferral, published: Mapping[NodeId, Publication], session: Session
) -> Collection[NodeId]:
    """Says which nodes prod has of code that means something else than the project's now."""
    now = {node: version for node, version in deferral.versions.items() if node in published}
    ids = {node: version_id(published[node].code) for node in now}
    other = sorted({id for node, id in ids.items() if now[node].id != id})
    known = _log(program, deferral).versions.read(session, other)
    codes = settled(now, {node: (published[node],) for node in now}, known, program.spec)
    return {node for node in now if not same_rows(published[node].code, codes[node])}


def _made_of(program: Program, node: NodeId, other: Collection[NodeId]) -> Iterator[str]:
    """Gives the names of a node, and of what it is made of, of these `other` ones."""
    seen, todo = {node}, [node]
    while todo:
        new = {parent for parent in program.graph.parents[todo.pop()] if parent not in seen}
        seen |= new
        todo += new
    return (program.graph.nodes[one].name for one in program.graph.order if one in seen and one in other)
