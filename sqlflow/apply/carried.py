"""Reads what was published under ids that nodes had before as what it is now: theirs (`renamed_from`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlflow.adapter.protocol import Session
from sqlflow.apply.version_log import VersionLog
from sqlflow.core.ids import NodeId
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.meaning import same_meaning
from sqlflow.plan.renames import Renames
from sqlflow.plan.versions import same_rows, version_id, with_attached
from sqlflow.state.publication import Publication


class CarriedOver:
    """Gives publications by the ids and the codes that they have from now on.

    `renames` are all that the project tells of; in an environment, those hold that are not done yet. What
    means the same by the new ids is of the code of now; else it is of the version that it was of, written by
    these ids, which `versions` then has.
    """

    def __init__(self, spec: DialectSpec, versions: VersionLog, renames: Renames) -> None:
        self._spec = spec
        self._versions = versions
        self._renames = renames
        self._due: dict[str, Renames] = {}
        self._before: dict[tuple[str, NodeId], Publication] = {}
        self._relations: dict[str, Mapping[str, str]] = {}
        self._ids: dict[tuple[str, NodeId, str], str] = {}

    @property
    def is_needed(self) -> bool:
        """Whether the project tells of any old name."""
        return bool(self._renames.new)

    def learn(self, shown: Iterable[Publication]) -> None:
        """Looks at the last publications in all environments, for what is to be renamed in each."""
        nodes: dict[str, set[NodeId]] = {}
        found = list(shown)
        for one in found:
            nodes.setdefault(one.environment, set()).add(one.node)
        self._due = {environment: self._renames.due(there) for environment, there in nodes.items()}
        self._before = {}
        # A node may have had several relations: the last one counts.
        for one in sorted(found, key=lambda one: one.at):
            new = self._due[one.environment].new.get(one.node)
            if new is not None:
                self._before[one.environment, new] = one

    def now(self, one: Publication, session: Session) -> Publication:
        """Gives a publication as it is told of from now on; itself where no new name bears on it."""
        due = self._due.get(one.environment)
        if due is None or not due.concern(one) or not self._counts(one, due):
            return one
        node = due.new.get(one.node, one.node)
        id = version_id(one.code)
        attached = one.code[len(id) + 1 :]
        code = with_attached(self._id(node, id, one, due, session), attached)
        counts_as = one.counts_as or (id if not same_rows(code, one.code) else "")
        return replace(due.publication(one), code=code, counts_as=counts_as)

    def _counts(self, one: Publication, due: Renames) -> bool:
        new = due.new.get(one.node)
        return new is None or self._before[one.environment, new].relation == one.relation

    def _id(self, node: NodeId, id: str, one: Publication, due: Renames, session: Session) -> str:
        """Gives the version that a node is of, by the ids of now."""
        key = one.environment, node, id
        if key not in self._ids:
            self._ids[key] = self._found(node, id, one, due, session)
        return self._ids[key]

    def _found(self, node: NodeId, id: str, one: Publication, due: Renames, session: Session) -> str:
        now = self._versions.now(node)
        old = self._versions.read(session, [id]).get(id) if now is None or now.id != id else None
        if old is None:
            return id
        relations = self._named(one.environment, due, session)
        written = due.version(old, self._spec, relations, own=node != one.node)
        if now is not None and same_meaning(written, now, self._spec):
            return now.id
        self._versions.note(written)
        return written.id

    def _named(self, environment: str, due: Renames, session: Session) -> Mapping[str, str]:
        """The names of relations in prod that what is renamed there had, each with the new one."""
        if environment not in self._relations:
            ids = {new: version_id(self._before[environment, new].code) for new in due.new.values()}
            old = self._versions.read(session, sorted(set(ids.values())))
            named: dict[str, str] = {}
            for new, id in ids.items():
                before, now = old.get(id), self._versions.now(new)
                if before is not None and now is not None:
                    named[str(before.parts.get("relation", ""))] = str(now.parts.get("relation", ""))
            self._relations[environment] = {was: is_ for was, is_ in named.items() if was and is_}
        return self._relations[environment]
