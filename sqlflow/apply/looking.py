"""Looks into a warehouse before a plan is made: what was published, from what, and how old sources are."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from sqlflow.adapter.protocol import Adapter, Failure, Session, Warehouse
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.deferral import Bound, Deferral, deferring
from sqlflow.apply.freshness import SourceFreshness, SourceQuestion, ask_sources, reasons_to_wait
from sqlflow.apply.intents import Intents
from sqlflow.apply.past import node_relations, read_past
from sqlflow.apply.publish_log import PublishLog
from sqlflow.bind.types import BoundModel, Program
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization, OnSchemaChange
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, RelationKind
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import read_relation
from sqlflow.plan.impact import Impact
from sqlflow.plan.meaning import settled
from sqlflow.plan.renames import Renames
from sqlflow.plan.stale import Past
from sqlflow.plan.versions import Version, same_rows, version_id
from sqlflow.project.types import Settings, Target
from sqlflow.state.state import State
from sqlflow.system.protocol import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a warehouse, and of the runs before.

    `versions` are what the project's nodes are built from now, `codes` their codes; `known` has the versions,
    by their ids, of what was published from another text; `impact` compares them. `tables` has the
    columns of tables that may go on with their rows. What is `bound` has the names that it is to be read and
    built under.
    """

    bound: Bound

    catalog: Catalog
    log: PublishLog
    intents: Intents
    past: Past
    versions: Mapping[NodeId, Version]
    codes: Mapping[NodeId, str]
    known: Mapping[str, Version]
    state: State
    freshness: tuple[SourceFreshness, ...]
    impact: Impact
    tables: Mapping[NodeId, tuple[Column, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at: a program on a target, by its adapter.

    `outside` has what the files that are sources tell of their version, `versions` what the nodes are built
    from; `asked` are the sources that the warehouse is asked about. `compared` are the nodes whose columns
    are compared with those of their tables. With a `deferral`, some of the nodes are read from prod.
    """

    bound: Bound
    deferral: Deferral | None
    settings: Settings
    adapter: Adapter
    system: System
    outside: Mapping[NodeId, str]
    versions: Mapping[NodeId, Version]
    asked: tuple[SourceQuestion, ...]
    compared: frozenset[NodeId]

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return self.bound.program.environment.name


@contextmanager
def looked_into(warehouse: Warehouse, adapter: Adapter, target: Target) -> Generator[Session]:
    """Gives a session for questions; raises ProjectError where one of them can't be answered."""
    try:
        with closing(warehouse.session()) as session:
            yield session
    except ProjectError:
        raise
    except Exception as error:
        raise ProjectError([_not_seen(adapter.classify(error), target)]) from error


def look_around(warehouse: Warehouse, subject: Subject, state: State) -> Seen:
    """Asks the warehouse; nothing is changed.

    `state` is what is known of earlier runs. Raises ProjectError where the warehouse can't be looked into.
    """
    versions, target, environment = subject.versions, subject.settings.target, subject.environment
    adapter, spec = subject.adapter, subject.adapter.spec
    renames = Renames(new={old: new for new, old in subject.bound.program.graph.renamed.items()})
    catalog, log = Catalog(spec), PublishLog(spec, target.database, environment, renames)
    log.versions.begin(versions)
    intents = Intents(spec, target.database, environment)
    with looked_into(warehouse, adapter, target) as session:
        freshness = ask_sources(subject.asked, session, adapter, subject.system)
        told = {found.node: found.version for found in freshness if found.version is not None}
        waits = reasons_to_wait(freshness)
        bound = deferring(subject.bound, subject.deferral, catalog, session)
        program = bound.program
        pending = intents.read_all(session, node_relations(program))
        outside = {**subject.outside, **told}
        past = read_past(bound, outside, state, log, pending, catalog, session, waits)
        # What is about to be published is what is there once this build has finished it.
        published = {**pending, **past.publications}
        shown = (published, *(past.others[name] for name in sorted(past.others, key=lambda n: n != PROD)))
        candidates = {node: tuple(at[node] for at in shown if node in at) for node in versions}
        ids = {(node, version_id(one.code)) for node, found in candidates.items() for one in found}
        other = {id for node, id in ids if versions[node].id != id}
        known = log.versions.read(session, sorted(other))
        codes = settled(versions, candidates, known, spec)
        tables = dict(_tables(program, subject.compared, past, codes, catalog, session))
    log.begin(past, node_relations(program))
    return Seen(
        bound=bound,
        catalog=catalog,
        log=log,
        intents=intents,
        past=past,
        versions=versions,
        codes=codes,
        known=known,
        state=state,
        freshness=freshness,
        impact=Impact(program, versions, known),
        tables=tables,
    )


def _tables(
    program: Program,
    compared: Collection[NodeId],
    past: Past,
    codes: Mapping[NodeId, str],
    catalog: Catalog,
    session: Session,
) -> Iterator[tuple[NodeId, tuple[Column, ...]]]:
    """Gives the columns of the tables that may go on, where other columns in their query would matter."""
    prod, spec = past.others.get(PROD, {}), program.spec
    for id in sorted(program.models.keys() & compared):
        model = program.models[id]
        last = past.publications.get(id) or prod.get(id)
        if not _matters(model, is_same=last is not None and same_rows(last.code, codes[id])):
            continue
        table = last.table if last is not None else None
        relation = read_relation(spec, past.carried[id].relation) if id in past.carried else model.relation
        is_there = catalog.kind(session, relation) is RelationKind.TABLE
        if table is None and (is_there or (last is not None and last.stage)):
            table = relation
        columns = session.columns(table) if table is not None else None
        if columns:
            yield id, columns


def _matters(model: BoundModel, *, is_same: bool) -> bool:
    """Whether columns that differ matter to a model; where its code `is_same`, only their types may."""
    if model.config.snapshot is not None:
        return True
    if model.config.materialized is not Materialization.INCREMENTAL:
        return False
    mode = model.config.on_schema_change
    return mode in (OnSchemaChange.FAIL, OnSchemaChange.SYNC_ALL_COLUMNS) or (
        mode is OnSchemaChange.IGNORE and not is_same
    )


def _not_seen(failure: Failure, target: Target) -> Diagnostic:
    """Says that a warehouse can't be looked into."""
    return Diagnostic(
        code=Code.NO_CONNECTION,
        message=f"the warehouse of `{target.name}` can't be looked into: {failure.message}",
        span=target.span,
        help=failure.hint or "the user of this target needs the right to read its schemas",
    )
