"""Looks into a warehouse before a plan is made: what was published, from what, and how old sources are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from sqlflow.adapter.protocol import Adapter, Failure, Warehouse
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.freshness import SourceFreshness, SourceQuestion, ask_sources, reasons_to_wait
from sqlflow.apply.intents import Intents
from sqlflow.apply.past import node_relations, read_past
from sqlflow.apply.publish_log import PublishLog
from sqlflow.bind.types import Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.ids import NodeId
from sqlflow.dialect.environments import PROD
from sqlflow.plan.impact import Impact
from sqlflow.plan.meaning import settled
from sqlflow.plan.stale import Past
from sqlflow.plan.versions import Version, version_id
from sqlflow.project.types import Settings, Target
from sqlflow.state.state import State
from sqlflow.system.protocol import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a warehouse, and of the runs before.

    `versions` are what the project's nodes are built from now, `codes` their codes; `known` has the versions,
    by their ids, of what was published from another text; `impact` compares them.
    """

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at: a program on a target, by its adapter.

    `outside` has what the files that are sources tell of their version, `versions` what the nodes are built
    from; `asked` are the sources that the warehouse is asked about.
    """

    program: Program
    settings: Settings
    adapter: Adapter
    system: System
    outside: Mapping[NodeId, str]
    versions: Mapping[NodeId, Version]
    asked: tuple[SourceQuestion, ...]


def look_around(warehouse: Warehouse, subject: Subject, state: State) -> Seen:
    """Asks the warehouse; nothing is changed.

    `state` is what is known of earlier runs. Raises ProjectError where the warehouse can't be looked into.
    """
    program, versions, target = subject.program, subject.versions, subject.settings.target
    adapter, spec = subject.adapter, subject.adapter.spec
    catalog, log = Catalog(spec), PublishLog(spec, target.database, program.environment.name)
    intents = Intents(spec, target.database, program.environment.name)
    try:
        with closing(warehouse.session()) as session:
            freshness = ask_sources(subject.asked, session, adapter, subject.system)
            told = {found.node: found.version for found in freshness if found.version is not None}
            waits = reasons_to_wait(freshness)
            pending = intents.read_all(session, node_relations(program))
            outside = {**subject.outside, **told}
            past = read_past(program, outside, state, log, pending, catalog, session, waits)
            # What is about to be published is what is there once this build has finished it.
            published = {**pending, **past.publications}
            shown = (published, *(past.others[name] for name in sorted(past.others, key=lambda n: n != PROD)))
            candidates = {node: tuple(at[node] for at in shown if node in at) for node in versions}
            ids = {(node, version_id(one.code)) for node, found in candidates.items() for one in found}
            other = {id for node, id in ids if versions[node].id != id}
            known = log.versions.read(session, sorted(other))
    except ProjectError:
        raise
    except Exception as error:
        raise ProjectError([_not_seen(adapter.classify(error), target)]) from error
    log.begin(past, node_relations(program), versions)
    return Seen(
        catalog=catalog,
        log=log,
        intents=intents,
        past=past,
        versions=versions,
        codes=settled(versions, candidates, known, spec),
        known=known,
        state=state,
        freshness=freshness,
        impact=Impact(program, versions, known),
    )


def _not_seen(failure: Failure, target: Target) -> Diagnostic:
    return Diagnostic(
        code=Code.NO_CONNECTION,
        message=f"the warehouse of `{target.name}` can't be looked into: {failure.message}",
        span=target.span,
        help=failure.hint or "the user of this target needs the right to read its schemas",
    )
