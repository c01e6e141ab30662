"""Looks after environments: which there are, back to what one was, away with one, and with old tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.history import Entry
from sqlflow.apply.promotion import Promoter, readers_first
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.sender import Sender
from sqlflow.apply.tables import Held
from sqlflow.bind.types import Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.core.span import Span
from sqlflow.dialect import statements as sql
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import read_relation
from sqlflow.plan.renames import query_of
from sqlflow.plan.types import Take
from sqlflow.plan.versions import Version, version_id
from sqlflow.state.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentStatus:
    """An environment: how many nodes it shows, and how many of the tables by version in them are its own.

    `unshown_tables` are its own as well, and it does not show them any more, or not yet. `changed` is when
    something was last published in it, or its code changed; it is dropped by a garbage collection after it
    `expires`, None for never. `undoable` is how many changes can be gone back on.
    """

    name: str
    nodes: int
    own_tables: int
    unshown_tables: int
    changed: datetime
    expires: datetime | None
    undoable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What an environment went back to: the nodes that are what they were, and those that were not there."""

    restored: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a garbage collection dropped, or would: environments that expired, tables that nothing shows.

    `kept` are tables that something outside of the project reads.
    """

    environments: tuple[str, ...]
    tables: tuple[str, ...]
    kept: tuple[str, ...]


def statuses(
    shown: Mapping[str, Mapping[NodeId, Publication]],
    entries: Sequence[Entry],
    owners: Mapping[Relation, str],
    ttl: timedelta,
) -> tuple[EnvironmentStatus, ...]:
    """Says what environments there are, prod first; `shown` is what each of them shows."""
    found: list[EnvironmentStatus] = []
    for name in sorted(shown, key=lambda one: (one != PROD, one)):
        own = [entry for entry in entries if entry.environment == name]
        owned = {table for table, owner in owners.items() if owner == name}
        own_shown = owned & {last.table for last in shown[name].values()}
        changed = max([*(entry.at for entry in own), *(last.at for last in shown[name].values())])
        found.append(
            EnvironmentStatus(
                name=name,
                nodes=len(shown[name]),
                own_tables=len(own_shown),
                unshown_tables=len(owned - own_shown),
                changed=changed,
                expires=changed + ttl if name != PROD else None,
                undoable=sum(can_undo(entry, shown[name]) for entry in own),
            )
        )
    return tuple(found)


def can_undo(entry: Entry, shown: Collection[NodeId]) -> bool:
    """Whether there was anything before a change: what made an environment is undone by dropping it."""
    return any(found is not None for found in entry.before.values()) or bool(set(shown) - entry.before.keys())


def roll_back(
    program: Program, entry: Entry, versions: Mapping[str, Version], promoter: Promoter, sender: Sender
) -> RolledBack:
    """Makes an environment what it was before its last change of code, in one transaction.

    `versions` are those that views were of. Raises WorkFailedError where what it was is not there any more.
    """
    log, dropped = promoter.log, [node for node, found in entry.before.items() if found is None]
    takes = tuple(_takes(program, entry, versions, log))
    kept = {take.publication.table for take in takes if take.publication.table is not None}

    def also() -> None:
        for node in reversed([node for node in program.graph.order if node in dropped]):
            last = log.last(node)
            if last is not None:
                promoter.drop(last, sender, kept)
        log.history.remove(entry.environment, entry.number, sender)

    promoter.promote(takes, sender, also=also)
    names = {node: program.graph.nodes[node].name for node in program.graph.order}
    return RolledBack(
        restored=tuple(take.name for take in takes),
        dropped=tuple(names[node] for node in dropped if node in names),
    )


def _takes(
    program: Program, entry: Entry, versions: Mapping[str, Version], log: PublishLog
) -> Iterable[Take]:
    order = {node: i for i, node in enumerate(program.graph.order)}
    # By what was published, where it has been taken out of the project, or renamed, since.
    gone = {node: was.relation for node, was in entry.before.items() if was is not None}
    for node in sorted(entry.before, key=lambda one: order.get(one, -1)):
        was, now = entry.before[node], log.last(node)
        model = program.models.get(node) or program.seeds.get(node)
        if was is None:
            continue
        name = model.name if model is not None else node.rpartition(".")[2]
        span = model.span if model is not None else Span("", 0, 0)
        query = None
        if was.table is not None:
            if log.tables.held(was.table) is None:
                raise WorkFailedError(_gone(name, str(was.table), span))
            was = log.tables.resolved(was)
        else:
            version = versions.get(version_id(was.code))
            if version is None or "full" not in version.queries:
                raise WorkFailedError(_gone(name, "what it was made from", span))
            query = query_of(program, version, gone)
        if now is not None and _is_same(was, now):
            continue
        yield Take(
            node=node,
            name=name,
            materialized="",
            relation=model.relation if model is not None else read_relation(program.spec, was.relation),
            span=span,
            docs=model.docs if model is not None else None,
            grants=model.grants if model is not None else None,
            source=entry.environment,
            publication=was,
            code=was.code,
            owns=was.table is not None and log.tables.is_own(was.table),
            query=query,
        )


def _is_same(was: Publication, now: Publication) -> bool:
    return (was.code, was.table, was.data, was.inputs) == (now.code, now.table, now.data, now.inputs)


def drop_environment(
    shown: Mapping[NodeId, Publication],
    others: Mapping[str, Mapping[NodeId, Publication]],
    promoter: Promoter,
    sender: Sender,
) -> None:
    """Drops all that an environment shows; a table that another one shows becomes that one's."""
    log, spec = promoter.log, promoter.spec
    users = {p.table: name for name in sorted(others, reverse=True) for p in others[name].values()}
    with sender.transaction():
        for last in readers_first(shown.values()):
            promoter.drop(last, sender)
            user = users.get(last.table) if last.table is not None else None
            if last.table is not None and user is not None and log.tables.is_own(last.table):
                log.tables.hand_over(last.table, user, sender)
        with sender.asking() as session:
            is_kept = session.columns(log.history.relation) is not None
        if is_kept:
            log.history.remove_all(log.environment, sender)
    plain = {spec.default_schema}
    names = [one.relation for one in shown.values() if kind_of(one.node) is not NodeKind.SOURCE]
    for database, schema in {read_relation(spec, name)[:2] for name in names}:
        with sender.asking() as session:
            empty = schema is not None and not session.relations(database, schema)
        if schema is not None and empty and schema not in plain:
            # Something that is no table may be in it; then it stays.
            with suppress(WorkFailedError):
                sender.execute(sql.drop_schema(spec, database, schema))


def collectable(
    held: Mapping[Relation, Held],
    shown: Iterable[Publication],
    entries: Iterable[Entry],
    before: datetime,
) -> tuple[Relation, ...]:
    """Gives the tables that no environment shows, that no rollback needs, and that were released before."""
    used = {one.table for one in shown}
    for entry in entries:
        used |= {one.table for one in entry.before.values() if one is not None}
    return tuple(
        table
        for table, found in held.items()
        if table not in used and (found.released or found.publication.at) < before
    )


def is_read(table: Relation, promoter: Promoter, sender: Sender) -> bool:
    """Whether views are bound to a table that no environment shows: they are not the project's."""
    if promoter.spec.views_bind_by_name:
        return False
    with sender.asking() as session:
        return bool(session.dependents(table))


def drop_tables(tables: Sequence[Relation], old: Sequence[Entry], promoter: Promoter, sender: Sender) -> None:
    """Drops tables, then what was known of them, with the entries that could have gone back to them."""
    with sender.transaction():
        for table in tables:
            sender.execute(sql.drop(promoter.spec, RelationKind.TABLE, table, if_exists=True))
        promoter.log.tables.forget(tables, sender)
        for entry in old:
            promoter.log.history.remove(entry.environment, entry.number, sender)


def _gone(name: str, what: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.NOTHING_BEFORE,
        message=f"`{name}` can't be what it was: {what} is not there any more",
        span=span,
        help="put the code back to what it was, and build it",
    )
