"""Finds out what is known of the warehouse before a plan is made."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.adapter.protocol import Session
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.publish_log import PublishLog
from sqlflow.bind.types import Program
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect.names import relation_sql
from sqlflow.plan.stale import Past
from sqlflow.project.types import SourceDecl
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication
from sqlflow.state.state import State
from sqlflow.system.protocol import System


def read_past(
    program: Program,
    outside: Mapping[NodeId, str],
    state: State,
    log: PublishLog,
    catalog: Catalog,
    session: Session,
) -> Past:
    """Reads the publish log, and looks which of the published tables and views are still there.

    `outside` has what the sources tell of their version; what tests last passed on is in the `state`.
    """
    found = log.read(session)
    publications: dict[NodeId, Publication] = {}
    for id, relation in _relations(program).items():
        publication = found.get((id, relation_sql(program.spec, relation)))
        if publication is not None and catalog.kind(session, relation) is not None:
            publications[id] = publication
    passed = {
        id: (found.success.code, found.success.inputs)
        for id, found in state.nodes.items()
        if found.status is Status.SUCCESS and found.success is not None and found.success.code
    }
    return Past(publications=publications, outside=outside, passed=passed)


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


def _relations(program: Program) -> Mapping[NodeId, Relation]:
    nodes = (program.models, program.seeds, program.sources)
    return {id: node.relation for bound in nodes for id, node in bound.items()}
