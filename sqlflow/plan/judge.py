"""Judges the nodes of a plan, one after the other: why each has to be built, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlflow.bind.parted import Changes
from sqlflow.bind.types import Program
from sqlflow.core.config import OnStaleSource
from sqlflow.core.ids import NodeId
from sqlflow.plan.due import batches_due
from sqlflow.plan.impact import Impact, changes_of, reads_other_code
from sqlflow.plan.stale import ONLY_ATTACHED, Made, Past, is_recent, why_stale
from sqlflow.plan.takes import Shared
from sqlflow.plan.types import ColumnPath, RunTest, Verdict
from sqlflow.state.publication import Publication


class Judge:
    """Says of one node after the other, in the graph's order, why it has to be built.

    Without a past everything that is asked about has to be; with `force`, too. Without an `impact`, what
    reads something that is built is built as well. What is `shared` with prod is brought up to date there:
    here, only what is not shared makes it stale.
    """

    def __init__(
        self,
        program: Program,
        codes: Mapping[NodeId, str],
        past: Past | None,
        *,
        force: bool,
        now: datetime | None = None,
        shared: Shared | None = None,
        impact: Impact | None = None,
    ) -> None:
        self._shared = shared or Shared()
        self._program = program
        self._codes = codes
        self._past = past
        self._force = force
        self._now = now
        self._impact = impact if past is not None and not force else None
        # The columns in which each node that is built will differ from what is published, None for any.
        self._built: dict[NodeId, frozenset[str] | None] = {}

    def verdict(
        self, node: NodeId, reads: Sequence[NodeId], *, asked: str = "", tests: Sequence[RunTest] = ()
    ) -> Verdict:
        """Judges a node, which some `tests` audit; what is `asked` for is built, for that reason."""
        reads = self._own(node, reads)
        reason, settled = (asked, True) if asked else self._why(node, reads)
        because: NodeId | None = None
        if reason in ("", ONLY_ATTACHED):
            because = next((parent for parent in reads if parent in self._built), None)
            reason = f"{self._name(because)} is built" if because is not None else reason
        changes, unread, paths = self._changes(node, reads), None, ()
        if reason and not settled:
            reason, because = self._rebound(node) or (reason, because)
            unread = self._unread(node, reads, changes)
        tested = self._has_to_test(node, tests) if not reason or unread is not None else ""
        if tested:
            reason, settled, because, unread = tested, True, None, None
        if unread is not None:
            reason = self._says(unread)
        builds = bool(reason) and reason != ONLY_ATTACHED and unread is None
        if builds:
            stays = [read for read in reads if read not in self._built]
            mixed = reads_other_code(stays, self._last, self._codes)
            self._built[node] = None if mixed else self._differing(node, changes)
            paths = self._paths(node, changes) if not settled else ()
        model = self._program.models.get(node)
        waits = builds and not asked and not self._force
        return Verdict(
            reason=reason,
            because=because if unread is None else None,
            forced=settled,
            held=self._held(node, reads) if waits else "",
            signals=model.signals if waits and model is not None else (),
            volatile=next(iter(self._program.volatile.get(node, ())), ""),
            stale_after=model.config.stale_after if model is not None else None,
            compares=self._impact is not None,
            unread={parent: tuple(sorted(columns)) for parent, columns in (unread or {}).items()},
            read=paths,
        )

    def _held(self, node: NodeId, reads: Sequence[NodeId]) -> str:
        """Says what a node would wait for, had it to be built."""
        model = self._program.models.get(node)
        if self._past is None or model is None:
            return ""
        if model.config.on_stale_source is not OnStaleSource.HOLD:
            return ""
        return next((self._past.too_old[read] for read in reads if read in self._past.too_old), "")

    def untold(self, reads: Iterable[NodeId]) -> tuple[str, ...]:
        """Gives the names of the sources that can't tell whether they changed, of those that are read."""
        past = self._past
        if past is None:
            return ()
        found = {n for n in reads if n in self._program.sources and past.version(n) is None}
        return tuple(sorted(self._name(node) for node in found))

    def _why(self, node: NodeId, reads: Sequence[NodeId]) -> tuple[str, bool]:
        past = self._past
        if past is None:
            return "selected", True
        if self._force:
            return "asked for", True
        is_shared = node in self._shared.following
        if is_shared and not reads and node not in past.publications:
            return "", True
        passed = past.passed.get(node)
        last = Made(*passed) if passed is not None else None
        publication = past.publications.get(node)
        if publication is not None:
            last = Made(publication.code, publication.inputs, publication.at)
        model = self._program.models.get(node)
        stale_after = model.config.stale_after if model is not None else None
        volatile = () if is_shared else self._program.volatile.get(node, ())

        def version(read: NodeId) -> str | None:
            now = past.version(read)
            if now is None and last is not None and read in self._built:
                # It is not there yet: that it is built first is the reason then.
                return last.inputs.get(read)
            return now

        reason = why_stale(
            self._codes.get(node, ""),
            reads,
            version,
            last,
            self._name,
            volatile=volatile[0] if volatile else "",
            recent=is_recent(last, self._now, stale_after),
        )
        if (
            reason in ("", ONLY_ATTACHED)
            and not is_shared
            and model is not None
            and publication is not None
            and self._now is not None
        ):
            chained = model.time is not None and model.time.depends_on_past
            due = len(batches_due(model.config, publication.ranges, self._now, depends_on_past=chained))
            if due:
                # What is due is asked again when it is built.
                return f"{due} {'batch is' if due == 1 else 'batches are'} due", True
        # Another run may do it meanwhile.
        return reason, bool(volatile) and stale_after is None

    def _own(self, node: NodeId, reads: Sequence[NodeId]) -> Sequence[NodeId]:
        """What can make a node stale, of what it reads."""
        if node not in self._shared.following:
            return reads
        return [
            read for read in reads if read not in self._shared.whole and read not in self._program.sources
        ]

    def _last(self, node: NodeId) -> Publication | None:
        return self._past.last(node) if self._past is not None else None

    def _since(self, node: NodeId, before: str) -> frozenset[str] | None:
        """The columns in which a node will differ from a data version, once the plan is carried out."""
        if node not in self._built and self._past is not None and self._past.version(node) == before:
            return frozenset()
        last = self._last(node)
        published = last.columns_since(before) if last is not None else None
        will = self._built.get(node, frozenset[str]())
        return published | will if published is not None and will is not None else None

    def _changes(self, node: NodeId, reads: Sequence[NodeId]) -> Changes | None:
        """What will differ in what a node reads from what it was built from."""
        last, past = self._last(node), self._past
        if self._impact is None or last is None or past is None or last.mixed:
            return None

        def version(read: NodeId) -> str | None:
            # No version is that of what is yet to be built.
            return "to be built" if read in self._built else past.version(read)

        return changes_of(reads, last.inputs, version, self._since)

    def _unread(self, node: NodeId, reads: Sequence[NodeId], changes: Changes | None) -> Changes | None:
        """What will differ in what a node reads, where it reads nothing of that."""
        last = self._last(node)
        if self._impact is None or last is None:
            return None
        code = self._codes.get(node, "")
        return changes if self._impact.leaves_alone(node, last, code, reads, changes) else None

    def _has_to_test(self, node: NodeId, tests: Sequence[RunTest]) -> str:
        """Says which test of a node has to pass again, although the node stays what it is."""
        last = self._last(node)
        if self._impact is None or last is None:
            return ""
        for test in tests:
            for read in sorted({read.node for read in test.query.reads} - {node}):
                before = last.tested.get(read, last.inputs.get(read))
                if before is None and read not in self._built:
                    continue
                columns = self._since(read, before) if before is not None else self._built[read]
                if columns == frozenset():
                    continue
                if columns is None or not self._impact.test_reads_none(test.query, {read: columns}):
                    return f"{test.name} reads {self._name(read)}"
        return ""

    def _rebound(self, node: NodeId) -> tuple[str, NodeId | None] | None:
        """Says which node has other columns now, where a query means something else for that alone."""
        last = self._last(node)
        if self._impact is None or last is None or last.code == self._codes.get(node):
            return None
        found = self._impact.rebound_by(node, last)
        if found is None:
            return None
        return f"{self._name(found)} has other columns", found if found in self._built else None

    def _differing(self, node: NodeId, changes: Changes | None) -> frozenset[str] | None:
        last = self._last(node)
        if self._impact is None or last is None:
            return None
        return self._impact.differing(node, last, changes)

    def _paths(self, node: NodeId, changes: Changes | None) -> tuple[ColumnPath, ...]:
        """The columns for which alone a node is built."""
        last = self._last(node)
        if self._impact is None or last is None or not changes or last.code != self._codes.get(node):
            return ()
        return tuple(self._impact.paths(node, changes))

    def _says(self, unread: Changes) -> str:
        return says_unread({self._name(node): sorted(columns) for node, columns in unread.items()})

    def _name(self, node: NodeId) -> str:
        return self._program.graph.nodes[node].name


def says_unread(unread: Mapping[str, Sequence[str]]) -> str:
    """Says, by their names, of which nodes some columns are others, and that these are not read."""
    told = [f"{name} ({', '.join(columns)})" for name, columns in sorted(unread.items()) if columns]
    if not told:
        return f"{' and '.join(sorted(unread))} differs in no column"
    return f"reads none of the changed columns of {', '.join(told)}"
