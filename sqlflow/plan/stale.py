"""Decides whether a node has to be built: whether its code, or the data that it reads, has changed.

The rule is that of make: what is there was built from something, and stays as long as that is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.bind.types import Program
from sqlflow.core.config import OnStaleSource
from sqlflow.core.ids import NodeId
from sqlflow.plan.due import batches_due
from sqlflow.plan.types import Verdict
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication

# The version, in a publication, of an input that could not tell it: no version is equal to it.
UNTOLD = ""
# Why a node is stale whose rows are what they should be.
ONLY_ATTACHED = "its descriptions or grants changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of the warehouse before a plan is made.

    `publications` has the last one of each node, of those whose table or view is still there. `outside`
    has the version of each source that tells one. `passed` has, of each test that passed when it last ran,
    the digest of its query and the data versions of what it read. `too_old` says of sources, in words, that
    their rows are older than they may be.
    """

    publications: Mapping[NodeId, Publication] = field(default_factory=lambda: MappingProxyType({}))
    outside: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    passed: Mapping[NodeId, tuple[str, Mapping[NodeId, str]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    too_old: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))

    def version(self, node: NodeId) -> str | None:
        """Gives the data version of a node that another one reads; None where nobody can tell."""
        if node in self.outside:
            return self.outside[node]
        found = self.publications.get(node)
        return found.data if found is not None else None


class Made(NamedTuple):
    """What something was last done with: its code, the data versions of what it read, and when."""

    code: str
    inputs: Mapping[NodeId, str]
    at: datetime | None = None


def is_recent(last: Made | None, now: datetime | None, stale_after: timedelta | None) -> bool:
    """Whether what can't be told of a node counts as unchanged: it was built less than so long ago."""
    if last is None or last.at is None or now is None or stale_after is None:
        return False
    return now - last.at < stale_after


def why_stale(
    code: str,
    reads: Sequence[NodeId],
    version: Callable[[NodeId], str | None],
    last: Made | None,
    name: Callable[[NodeId], str] = str,
    *,
    volatile: str = "",
    recent: bool = False,
) -> str:
    """Says in a few words why something has to be done again; empty where it need not.

    `last` is what it was last done with, None for never; `name` says how a node is called, `volatile` what
    makes its query give something else each time. Where it was done in `recent` time, what can't be told
    counts as unchanged.
    """
    if last is None:
        return "not built yet"
    if not same_rows(last.code, code):
        return "its code changed"
    versions = [(node, version(node)) for node in reads]
    for node, now in versions:
        if now is not None and last.inputs.get(node) != now:
            return f"{name(node)} changed"
    if not recent:
        untold = next((node for node, now in versions if now is None), None)
        if untold is not None:
            return f"{name(untold)} can't tell whether it changed"
        if volatile:
            return f"uses {volatile}"
    return "" if last.code == code else ONLY_ATTACHED


class Judge:
    """Says of one node after the other, in the graph's order, why it has to be built.

    Without a past everything that is asked about has to be; with `force`, too.
    """

    def __init__(
        self,
        program: Program,
        codes: Mapping[NodeId, str],
        past: Past | None,
        *,
        force: bool,
        now: datetime | None = None,
    ) -> None:
        self._program = program
        self._codes = codes
        self._past = past
        self._force = force
        self._now = now
        self._built: set[NodeId] = set()

    def verdict(self, node: NodeId, reads: Sequence[NodeId], *, asked: str = "") -> Verdict:
        """Judges a node; what is `asked` for, which is the reason then, is built in any case."""
        reason, settled = (asked, True) if asked else self._why(node, reads)
        because: NodeId | None = None
        if reason in ("", ONLY_ATTACHED):
            because = next((parent for parent in reads if parent in self._built), None)
            reason = f"{self._name(because)} is built" if because is not None else reason
        builds = bool(reason) and reason != ONLY_ATTACHED
        if builds:
            self._built.add(node)
        model = self._program.models.get(node)
        waits = builds and not asked and not self._force
        return Verdict(
            reason=reason,
            because=because,
            forced=settled,
            held=self._held(node, reads) if waits else "",
            signals=model.signals if waits and model is not None else (),
            volatile=next(iter(self._program.volatile.get(node, ())), ""),
            stale_after=model.config.stale_after if model is not None else None,
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
        passed = past.passed.get(node)
        last = Made(*passed) if passed is not None else None
        publication = past.publications.get(node)
        if publication is not None:
            last = Made(publication.code, publication.inputs, publication.at)
        model = self._program.models.get(node)
        stale_after = model.config.stale_after if model is not None else None
        volatile = self._program.volatile.get(node, ())
        reason = why_stale(
            self._codes.get(node, ""),
            reads,
            past.version,
            last,
            self._name,
            volatile=volatile[0] if volatile else "",
            recent=is_recent(last, self._now, stale_after),
        )
        if (
            reason in ("", ONLY_ATTACHED)
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

    def _name(self, node: NodeId) -> str:
        return self._program.graph.nodes[node].name
