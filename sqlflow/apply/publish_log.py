"""The publish log: a table in the warehouse that says what was published, from which code and which data.

A publishing writes its row in its own transaction. So the log can't differ from the data: whatever is known
elsewhere, it is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlflow.adapter.protocol import Session
from sqlflow.apply.carried import CarriedOver
from sqlflow.apply.failures import WorkFailedError, published_meanwhile
from sqlflow.apply.history import History
from sqlflow.apply.sender import Sender
from sqlflow.apply.tables import Tables
from sqlflow.apply.version_log import VersionLog
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.ranges import Ranges, normalised
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.renames import Renames
from sqlflow.plan.stale import Past
from sqlflow.plan.types import Carried
from sqlflow.plan.versions import same_rows, version_id
from sqlflow.state.codec import UnreadableEventError, decode, encode
from sqlflow.state.event import Published
from sqlflow.state.publication import Publication

if TYPE_CHECKING:
    import pyarrow

# The schema of what sqlflow keeps in a warehouse for itself.
SCHEMA = "_sqlflow"
_COLUMNS = ("environment", "node", "relation", "number", "publication")


class PublishLog:
    """The publish log as a run knows it: read when the run begins, added to by each publishing.

    May be used from any thread.
    """

    def __init__(
        self, spec: DialectSpec, database: str | None, environment: str, renames: Renames | None = None
    ) -> None:
        self.relation = Relation(database, SCHEMA, "publications")
        self.versions = VersionLog(spec, Relation(database, SCHEMA, "versions"))
        self._carried_over = CarriedOver(spec, self.versions, renames or Renames())
        self.history = History(spec, Relation(database, SCHEMA, "environments"))
        self._spec = spec
        self.environment = environment
        self.tables = Tables(spec, Relation(database, SCHEMA, "tables"), environment)
        self._lock = Lock()
        self._past = Past()
        self._names: Mapping[NodeId, str] = {}
        self._found: dict[tuple[NodeId, str], Publication] = {}
        self._published: dict[NodeId, Publication] = {}
        # What names nodes by ids that they had before, as it stands in the log, by the ids of now.
        self.carried: Mapping[NodeId, Publication] = MappingProxyType({})

    def create(self) -> str:
        """Gives the statement that makes the table, if it is not there."""
        text, number = self._spec.arrow_types["string"], self._spec.arrow_types["int64"]
        columns = [Column(name, number if name == "number" else text) for name in _COLUMNS]
        return sql.create_table(self._spec, self.relation, columns, if_not_exists=True)

    def read(self, session: Session) -> Mapping[tuple[NodeId, str], Publication]:
        """Reads the last publication of each node under each name; none where there is no log yet."""
        if session.columns(self.relation) is not None:
            self.tables.read(session)
            if self._carried_over.is_needed:
                self._found = self._carried(session)
            else:
                self._found = self._latest(session)
        return self._found

    def _carried(self, session: Session) -> dict[tuple[NodeId, str], Publication]:
        """Reads the last publications, by the ids that nodes have now."""
        self._carried_over.learn(self._last_everywhere(session))
        rows = [(one, self.tables.resolved(one)) for one in self._last(session)]
        self.tables.translate(lambda one: self._carried_over.now(one, session))
        found: dict[tuple[NodeId, str], Publication] = {}
        carried: dict[NodeId, Publication] = {}
        for one, before in rows:
            now = self._carried_over.now(one, session)
            found[now.node, now.relation] = self.tables.resolved(now)
            if now is not one:
                carried[now.node] = before
        self.carried = MappingProxyType(carried)
        return found

    def begin(self, past: Past, relations: Mapping[NodeId, Relation]) -> None:
        """Takes what holds of the warehouse when the run begins; `relations` are the names of nodes there."""
        names = {node: relation_sql(self._spec, relation) for node, relation in relations.items()}
        with self._lock:
            self._past = past
            self._names = names

    def refresh(self, session: Session, nodes: Sequence[NodeId]) -> frozenset[NodeId]:
        """Reads what other runs have published of these nodes since this one looked last; gives which."""
        found = self._latest(session, nodes)
        new: set[NodeId] = set()
        with self._lock:
            for node in nodes:
                key = node, self._names.get(node, "")
                # What was there when the run began may be of a table that has been dropped since.
                last = self._published.get(node) or self._found.get(key)
                publication = found.get(key)
                if publication is not None and (last is None or last.number < publication.number):
                    self._published[node] = publication
                    new.add(node)
        return frozenset(new)

    def _latest(
        self, session: Session, nodes: Sequence[NodeId] = ()
    ) -> dict[tuple[NodeId, str], Publication]:
        """Reads the last publications with what has been written since, of some nodes where any are given."""
        found = (self.tables.resolved(publication) for publication in self._last(session, nodes))
        return {(publication.node, publication.relation): publication for publication in found}

    def _last(self, session: Session, nodes: Sequence[NodeId] = ()) -> Iterator[Publication]:
        """Reads the last rows; one that can't be read is left out: what it tells of counts as not built."""
        names = {name: quote(self._spec, name) for name in _COLUMNS}
        places = ", ".join(f"${place}" for place in range(2, len(nodes) + 2))
        rows = session.fetch(
            f"SELECT {names['publication']} FROM (\n"
            f"SELECT {names['publication']}, row_number() OVER (PARTITION BY {names['node']}, "
            f"{names['relation']} ORDER BY {names['number']} DESC) AS place\n"
            f"FROM {relation_sql(self._spec, self.relation)} WHERE {names['environment']} = $1"
            + (f" AND {names['node']} IN ({places})" if nodes else "")
            + "\n) AS q WHERE place = 1",
            [self.environment, *nodes],
        )
        return _publications(rows)

    def elsewhere(self, session: Session) -> Mapping[str, Mapping[NodeId, Publication]]:
        """Reads what the other environments show, by their names, where there is a log."""
        return {name: there for name, there in self.everywhere(session).items() if name != self.environment}

    def everywhere(self, session: Session) -> Mapping[str, Mapping[NodeId, Publication]]:
        """Reads what all environments show, by their names, where there is a log."""
        if session.columns(self.relation) is None:
            return {}
        found: dict[str, dict[NodeId, Publication]] = {}
        # A node may have had several names: the last one counts.
        for one in sorted(self._last_everywhere(session), key=lambda one: one.at):
            # What another environment has of an old name is its own to rename; prod's is begun from.
            publication = self._carried_over.now(one, session) if one.environment == PROD else one
            there = found.setdefault(publication.environment, {})
            there[publication.node] = self.tables.resolved(publication)
        prod = found.get(PROD, {})
        return {name: there if name == PROD else followed(there, prod) for name, there in found.items()}

    def _last_everywhere(self, session: Session) -> Iterator[Publication]:
        names = {name: quote(self._spec, name) for name in _COLUMNS}
        return _publications(
            session.fetch(
                f"SELECT {names['publication']} FROM (\n"
                f"SELECT {names['publication']}, row_number() OVER (PARTITION BY {names['environment']}, "
                f"{names['node']}, {names['relation']} ORDER BY {names['number']} DESC) AS place\n"
                f"FROM {relation_sql(self._spec, self.relation)}\n) AS q WHERE place = 1"
            )
        )

    def changes(self, node: NodeId, since: str, session: Session) -> Ranges | None:
        """Reads which rows of a node, built by time range, have changed since it had a data version.

        None where any may have: where the version or one of those after it is not in the log.
        """
        found = self.since(node, since, session)
        changed = [publication.changed for publication in found[1:]]
        if not found or any(ranges is None for ranges in changed):
            return None
        return normalised(range_ for ranges in changed for range_ in ranges or ())

    def since(self, node: NodeId, version: str, session: Session) -> tuple[Publication, ...]:
        """Reads the publication that made a data version of a node, with all after it, in order.

        Nothing where one of these is not in the log.
        """
        number = version.rpartition(":")[2]
        if not number.isdigit():
            return ()
        names = {name: quote(self._spec, name) for name in _COLUMNS}
        environment = PROD if node in self._past.deferred else self.environment
        rows = session.fetch(
            f"SELECT {names['publication']} FROM {relation_sql(self._spec, self.relation)}\n"
            f"WHERE {names['environment']} = $1 AND {names['node']} = $2 AND {names['relation']} = $3 "
            f"AND {names['number']} >= $4 ORDER BY {names['number']}",
            [environment, node, self._names.get(node, ""), int(number)],
        )
        found = tuple(_publications(rows))
        numbers = [publication.number for publication in found]
        whole = numbers == list(range(int(number), int(number) + rows.num_rows))
        return found if whole and found and found[0].data == version else ()

    def last(self, node: NodeId) -> Publication | None:
        """Gives a node's last publication where it is read from, if its table or view is still there."""
        with self._lock:
            return self._published.get(node) or self._past.last(node)

    def version(self, node: NodeId) -> str | None:
        """Gives the data version of what a node holds now; None where nobody can tell."""
        with self._lock:
            found = self._published.get(node)
            if found is not None and node not in self._past.outside:
                return found.data
            return self._past.version(node)

    def number(self, node: NodeId) -> int:
        """Gives the number of a node's last publication, of a table that is gone, too; 0 before the first."""
        with self._lock:
            last = self._last_known(node)
        return last.number if last is not None else 0

    def compose(
        self,
        node: NodeId,
        relation: Relation,
        *,
        code: str,
        inputs: Mapping[NodeId, str],
        ranges: Ranges | None,
        changed: Ranges | None,
        run: str,
        at: datetime,
        epoch: int,
        data: str | None = None,
        checksum: str = "",
        stage: str = "",
        table: Relation | None = None,
    ) -> Publication:
        """Gives the next publication of a node.

        `data` is the version of the data where that stays what it was; it does as well where the `checksum`
        is that of the last publication.
        """
        with self._lock:
            last = self._last_known(node)
        number = last.number + 1 if last is not None else 1
        if last is not None and checksum and last.checksum == checksum:
            data = last.data
        return Publication(
            environment=self.environment,
            node=node,
            number=number,
            relation=relation_sql(self._spec, relation),
            code=code,
            data=data or f"{run}:{number}",
            inputs=inputs,
            ranges=ranges,
            changed=changed,
            run=run,
            at=at,
            epoch=epoch,
            checksum=checksum,
            stage=stage,
            table=table,
        )

    def _last_known(self, node: NodeId) -> Publication | None:
        """The highest number is the last one, under the name that the node has now."""
        names = [self._names.get(node, "")]
        names += [self.carried[node].relation] if node in self.carried else []
        found = (self._found.get((node, name)) for name in names)
        return self._published.get(node) or next((one for one in found if one is not None), None)

    def write(self, publication: Publication, sender: Sender) -> None:
        """Adds a publication, whose version was kept, to the log, within the transaction that publishes."""
        places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
        columns = sql.names(self._spec, _COLUMNS)
        text = encode(Published(publication=publication))
        sender.execute(
            f"INSERT INTO {relation_sql(self._spec, self.relation)} ({columns})\nVALUES ({places})",
            parameters=[
                publication.environment,
                publication.node,
                publication.relation,
                publication.number,
                text,
            ],
        )

    def carry(self, one: Carried, sender: Sender) -> Publication:
        """Writes all that was published of a node anew, by the ids and under the name that it has now.

        Within a transaction; gives the last of it. Raises WorkFailedError where more has been published.
        """
        names, before = {name: quote(self._spec, name) for name in _COLUMNS}, one.before
        with sender.asking() as session:
            rows = session.fetch(
                f"SELECT {names['publication']} FROM {relation_sql(self._spec, self.relation)}\n"
                f"WHERE {names['environment']} = $1 AND {names['node']} = $2 AND {names['relation']} = $3 "
                f"ORDER BY {names['number']}",
                [before.environment, before.node, before.relation],
            )
            found = [self._carried_over.now(each, session) for each in _publications(rows)]
        if not found or found[-1].number != before.number:
            raise WorkFailedError(published_meanwhile(one.old_name, one.span))
        self.forget(before, sender)
        found = [replace(each, relation=one.publication.relation) for each in found]
        for each in found:
            self.write(each, sender)
        self.versions.keep(one.node, version_id(found[-1].code), sender)
        return found[-1]

    def forget(self, publication: Publication, sender: Sender) -> None:
        """Takes what was published of a node under a name out of the log: it is not there any more."""
        names = {name: quote(self._spec, name) for name in _COLUMNS}
        sender.execute(
            f"DELETE FROM {relation_sql(self._spec, self.relation)} WHERE {names['environment']} = $1 "
            f"AND {names['node']} = $2 AND {names['relation']} = $3",
            parameters=[publication.environment, publication.node, publication.relation],
        )

    def keep_version(self, publication: Publication, sender: Sender) -> None:
        """Keeps what the code of a publication is, where the one before it was of another version."""
        with self._lock:
            last = self._last_known(publication.node)
        # What is carried over may be of a version that nothing was written of.
        if last is None or not same_rows(last.code, publication.code) or publication.node in self.carried:
            self.versions.keep(publication.node, version_id(publication.code), sender)

    def holds(self, publication: Publication, session: Session) -> bool:
        """Asks whether the transaction that wrote a publication has been committed."""
        if publication.unshown:
            return self.tables.holds(publication, session)
        names = {name: quote(self._spec, name) for name in _COLUMNS}
        rows = session.fetch(
            f"SELECT {names['publication']} FROM {relation_sql(self._spec, self.relation)}\n"
            f"WHERE {names['node']} = $1 AND {names['relation']} = $2 AND {names['number']} = $3",
            [publication.node, publication.relation, publication.number],
        )
        return encode(Published(publication=publication)) in rows.column(0).to_pylist()

    def put(self, publication: Publication) -> None:
        """Notes a publication that has been committed."""
        self.tables.put(publication)
        if publication.unshown:
            return
        with self._lock:
            last = self._published.get(publication.node)
            # Of batches that are built at once, a later one may be noted already.
            if last is None or last.relation != publication.relation or last.number < publication.number:
                self._published[publication.node] = publication


def followed(
    shown: Mapping[NodeId, Publication], prod: Mapping[NodeId, Publication]
) -> Mapping[NodeId, Publication]:
    """Gives what an environment shows, of the views that it has from prod as prod has published them since.

    Such a view shows what prod's does only while all that it reads is the same in both.
    """
    same = {
        node
        for node, mine in shown.items()
        if (theirs := prod.get(node)) is not None
        and (mine.table, theirs.table) != (None, None)
        and mine.table == theirs.table
    }
    views = {
        node
        for node, mine in shown.items()
        if mine.follows and node in prod and same_rows(mine.code, prod[node].code) and node not in same
    }
    while True:
        kept = {
            node
            for node in views
            if all(read in same or read in views or _is_source(read) for read in shown[node].inputs)
        }
        if kept == views:
            break
        views = kept
    return {node: mine.shown_in(prod[node]) if node in views else mine for node, mine in shown.items()}


def _is_source(node: NodeId) -> bool:
    return kind_of(node) is NodeKind.SOURCE


def _publications(rows: pyarrow.Table) -> Iterator[Publication]:
    """Reads the publications in the first column of some rows; one that can't be read is left out."""
    for row in rows.column(0).to_pylist():
        with suppress(UnreadableEventError):
            event = decode(str(row))
            if isinstance(event, Published):
                yield event.publication
