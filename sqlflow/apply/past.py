"""Finds out what is known of the warehouse before a plan is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from sqlflow.adapter.protocol import Session
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.deferral import Bound
from sqlflow.apply.publish_log import PublishLog, followed
from sqlflow.bind.types import Program
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import read_relation, relation_sql
from sqlflow.plan.stale import Past
from sqlflow.project.python_imports import imported_files
from sqlflow.project.types import SourceDecl
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication
from sqlflow.state.state import State
from sqlflow.system.protocol import System

_NOT_PASSED = frozenset({Status.FAIL, Status.WARN, Status.ERROR})


def read_past(
    bound: Bound,
    outside: Mapping[NodeId, str],
    state: State,
    log: PublishLog,
    pending: Mapping[NodeId, Publication],
    catalog: Catalog,
    session: Session,
    too_old: Mapping[NodeId, str],
) -> Past:
    """Reads the publish log, and looks which of the published tables and views are still there.

    Of what an earlier run was about to publish, the `pending`, nobody knows whether it did: it has none.

    `outside` has what the sources tell of their version, `too_old` says which of them are too old; what tests
    last passed on is in the `state`.
    """
    program, found = bound.program, log.read(session)
    publications: dict[NodeId, Publication] = {}
    adoptable: set[NodeId] = set()
    is_virtual = program.environment.is_virtual
    others = _there(log.elsewhere(session), program, catalog, session) if is_virtual else {}
    occupied: set[NodeId] = set()
    for id, relation in node_relations(program).items():
        if id in program.deferred:
            continue
        name = relation_sql(program.spec, relation)
        if id in log.carried and log.carried[id].relation != name:
            occupied |= {id} if catalog.kind(session, relation) is not None else set()
            name = log.carried[id].relation
            relation = read_relation(program.spec, name)
        publication = found.get((id, name))
        about_to_be = pending.get(id)
        if about_to_be is not None and (publication is None or publication.number < about_to_be.number):
            continue
        if publication is None:
            continue
        if publication.table is not None and catalog.kind(session, publication.table) is None:
            continue
        kind = catalog.kind(session, relation)
        if kind is not None:
            publications[id] = publication
            if publication.table is None and kind is RelationKind.TABLE and id in program.plain:
                adoptable.add(id)
    publications = dict(followed(publications, others.get(PROD, {})))
    return Past(
        publications=publications,
        outside=outside,
        passed=_passed(state, log.environment),
        too_old=too_old,
        others=others,
        owners=log.tables.owners(),
        adoptable=frozenset(adoptable) if is_virtual else frozenset(),
        deferred=bound.deferred,
        removed=tuple(_removed(program, found, catalog, session)),
        carried={id: log.carried[id] for id in log.carried.keys() & publications.keys()},
        occupied=frozenset(occupied),
        filling=log.tables.fills(),
        kept=log.tables.kept(lambda table: catalog.kind(session, table) is not None),
    )


def _passed(state: State, environment: str) -> Mapping[NodeId, tuple[str, Mapping[NodeId, str]]]:
    """What each test of an environment last passed on."""
    return {
        id: (found.success.code, found.success.inputs)
        for (name, id), found in state.nodes.items()
        if name == environment
        and kind_of(id) is NodeKind.TEST
        and found.success is not None
        and found.status not in _NOT_PASSED
    }


def _there(
    others: Mapping[str, Mapping[NodeId, Publication]], program: Program, catalog: Catalog, session: Session
) -> Mapping[str, Mapping[NodeId, Publication]]:
    """Leaves out what other environments have published and is not there any more."""

    def is_there(one: Publication) -> bool:
        with suppress(ValueError):
            relation = one.table or read_relation(program.spec, one.relation)
            return catalog.kind(session, relation) is not None
        return False

    return {
        name: {node: one for node, one in there.items() if is_there(one)} for name, there in others.items()
    }


def _removed(
    program: Program,
    found: Mapping[tuple[NodeId, str], Publication],
    catalog: Catalog,
    session: Session,
) -> Iterator[Publication]:
    """What is shown of nodes that are no longer in the project."""
    for (node, name), publication in sorted(found.items()):
        if node not in program.graph.nodes and kind_of(node) not in (NodeKind.SOURCE, NodeKind.TEST):
            with suppress(ValueError):
                if catalog.kind(session, read_relation(program.spec, name)) is not None:
                    yield publication


def source_versions(sources: Mapping[NodeId, SourceDecl], system: System) -> Mapping[NodeId, str]:
    """Gives the digest of each file that a source stands for; other sources tell nothing."""
    out: dict[NodeId, str] = {}
    for id, source in sources.items():
        if source.location is not None:
            try:
                out[id] = system.digest(source.location)
            except OSError:
                continue  # what reads it will tell
    return out


def python_versions(program: Program, system: System) -> Mapping[str, str]:
    """Gives, by its path, the digest of each file with Python models and of what it imports."""
    paths = {model.function.path for model in program.models.values() if model.function is not None}
    return {
        path: digest("".join(system.digest(file) for file in imported_files(system, path)))
        for path in sorted(paths)
    }


def node_relations(program: Program) -> Mapping[NodeId, Relation]:
    """Gives the relation of each node that has one."""
    nodes = (program.models, program.seeds, program.sources)
    return {id: node.relation for bound in nodes for id, node in bound.items()}
