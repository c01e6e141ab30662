"""What a change reaches: which columns of a node differ, and which nodes read none of them.

Nothing here goes by what a person would say of a change. A column counts as the same only where the query
shows it; a query, where all that is made of other columns is left out of what is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from threading import Lock

from sqlflow.bind.parted import Changes, Reading, differing
from sqlflow.bind.query.values import Table
from sqlflow.bind.types import BoundModel, BoundQuery, Program
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.plan.meaning import known_table, read_again
from sqlflow.plan.types import ColumnPath
from sqlflow.plan.versions import Columns, Version, known_columns, query_version, same_rows, version_id
from sqlflow.state.publication import Publication

# How many queries that were read again are kept.
_MOST = 8


class Impact:
    """Compares what nodes are built from.

    `versions` has what each is built from now, `known`, by their ids, what was published from another text.
    May be used from any thread.
    """

    def __init__(
        self, program: Program, versions: Mapping[NodeId, Version], known: Mapping[str, Version]
    ) -> None:
        self._program = program
        self._versions = versions
        self._known = known
        self._rules: list[TypeRules | None] = []
        self._last_read: dict[tuple[int, str, bool], tuple[Version, Reading]] = {}
        # Reading a query again sets the depth that Python allows all threads.
        self._lock = Lock()

    def published(self, node: NodeId, last: Publication) -> Version | None:
        """Gives what a publication of a node was built from; None where nobody knows."""
        return self._old(node, last)

    def name(self, node: NodeId) -> str:
        """Gives the name of a node."""
        return self._program.graph.nodes[node].name

    def differing(self, node: NodeId, last: Publication, changes: Changes | None) -> frozenset[str] | None:
        """Gives the columns in which a node, built now, differs from its last publication.

        `changes` are those of what it reads, None for any. None where any row may be another one, or nobody
        can tell.
        """
        model = self._program.models.get(node)
        now, old = self._versions.get(node), self._old(node, last)
        if model is None or now is None or old is None or changes is None:
            return None
        if not _is_made_whole(model) or self._program.volatile.get(node):
            return None
        if old.parts != now.parts or {*old.queries, *now.queries} != {"full"}:
            return None
        with self._lock:
            before = self._read("full", old).parted(changes, "1")
            return differing(before, self._read("full", now).parted(changes, "2"))

    def changed_columns(self, node: NodeId, last: Publication) -> frozenset[str] | None:
        """Gives the columns that a change of a node's query touches, by what is written; None for its rows.

        What the engine is free to give is not told apart: it is nothing to rely on, but what a change means.
        """
        now, old = self._versions.get(node), self._old(node, last)
        if now is None or old is None or not {*old.queries, *now.queries} >= {"full"}:
            return None
        with self._lock:
            before = self._read("full", old).parted({}, "", marks_loose=False)
            return differing(before, self._read("full", now).parted({}, "", marks_loose=False))

    def leaves_alone(
        self,
        node: NodeId,
        last: Publication,
        code: str,
        reads: Collection[NodeId],
        changes: Changes | None,
    ) -> bool:
        """Whether what was published of a node stays as it is, though what it reads has `changes`.

        `code` is what it is built from now; nothing stays where any row of what it `reads` may be another.
        """
        if not changes or last.code != code or not set(reads) <= last.inputs.keys():
            return False
        return not self.is_reworded(node, code) and self._reads_none(node, changes)

    def _reads_none(self, node: NodeId, changes: Changes) -> bool:
        model, now = self._programs_model(node), self._versions.get(node)
        if model is None or now is None or not now.queries:
            return False
        own = self._own(model)
        is_view = model.config.materialized is Materialization.VIEW
        with self._lock:
            return not any(
                self._read(role, now, own).reads_any(changes, or_names=is_view) for role in now.queries
            )

    def is_reworded(self, node: NodeId, code: str) -> bool:
        """Whether a view has another text than the code that means the same.

        What is there is that text: with other columns in what it reads, it may mean something else.
        """
        model, now = self._program.models.get(node), self._versions.get(node)
        is_view = model is not None and model.config.materialized is Materialization.VIEW
        return is_view and now is not None and now.id != version_id(code)

    def test_reads_none(self, query: BoundQuery, changes: Changes) -> bool:
        """Whether a test finds the same rows, though some columns of what it reads are others."""
        with self._lock:
            return not self._read("full", query_version(self._program, query)).reads_any(changes)

    def rebound_by(self, node: NodeId, last: Publication) -> NodeId | None:
        """Gives what a node reads that has other columns, where its own text is what it was."""
        old, now = self._old(node, last), self._versions.get(node)
        if old is None or now is None or old.parts != now.parts or old.queries != now.queries:
            return None
        names = [
            {read: [name for name, _ in columns] for read, columns in v.reads.items()} for v in (old, now)
        ]
        return next((NodeId(read) for read in names[1] if names[0].get(read) != names[1][read]), None)

    def paths(self, node: NodeId, changes: Changes) -> Iterator[ColumnPath]:
        """Gives the changed columns that a node reads, each with what is made of it."""
        now = self._versions.get(node)
        for role in now.queries if now is not None else ():
            with self._lock:
                readers = self._read(role, now).readers(changes) if now is not None else {}
            for name, sources in sorted(readers.items(), key=lambda pair: not pair[0]):
                for parent, column in sources:
                    yield ColumnPath(NodeId(parent), column, name or None)

    def _programs_model(self, node: NodeId) -> BoundModel | None:
        """The model of a node whose rows follow from its queries."""
        model = self._program.models.get(node)
        if model is None or model.function is not None or model.time is not None or _has_hooks(model):
            return None
        return model if not self._program.volatile.get(node) else None

    def _own(self, model: BoundModel) -> tuple[Relation, Table] | None:
        columns: Columns = known_columns(self._program.schemas.get(model.id))
        return (model.relation, known_table(model.id, columns)) if columns else None

    def _old(self, node: NodeId, last: Publication) -> Version | None:
        now, id = self._versions.get(node), version_id(last.code)
        return now if now is not None and now.id == id else self._known.get(id)

    def _read(self, role: str, version: Version, own: tuple[Relation, Table] | None = None) -> Reading:
        """Reads a query again; what was read last is asked again soon."""
        key = (id(version), role, own is None)
        found = self._last_read.pop(key, None)
        if found is None:
            if not self._rules:
                self._rules.append(load_rules(self._program.spec))
            found = (version, read_again(role, version, self._program.spec, self._rules[0], own))
        self._last_read[key] = found
        if len(self._last_read) > _MOST:
            del self._last_read[next(iter(self._last_read))]
        return found[1]


def reads_other_code(
    reads: Iterable[NodeId], last: Callable[[NodeId], Publication | None], codes: Mapping[NodeId, str]
) -> bool:
    """Whether something that a node reads is of other code than the one that the node was compiled with."""
    found = ((last(node), codes.get(node)) for node in reads)
    return any(one is not None and code and not same_rows(one.code, code) for one, code in found)


def changes_of(
    reads: Sequence[NodeId],
    before: Mapping[NodeId, str],
    now: Callable[[NodeId], str | None],
    since: Callable[[NodeId, str], frozenset[str] | None],
) -> Changes | None:
    """Gives which columns of what is read differ from the data versions that were read before.

    `now` has the data versions, `since` the columns in which a node differs from an earlier one. None where
    any row of something may be another one. What was not read before has no changes: it is new in the query.
    """
    out: dict[NodeId, frozenset[str]] = {}
    for node in reads:
        was, is_ = before.get(node), now(node)
        if was is None or was == is_:
            if not is_:
                return None
            continue
        columns = since(node, was) if was and is_ else None
        if columns is None:
            return None
        out[node] = columns
    return out


def _is_made_whole(model: BoundModel) -> bool:
    whole = model.config.materialized in (Materialization.TABLE, Materialization.VIEW)
    return whole and model.function is None and model.time is None and not _has_hooks(model)


def _has_hooks(model: BoundModel) -> bool:
    return bool(model.pre_hooks or model.post_hooks or model.before_begin or model.after_commit)
