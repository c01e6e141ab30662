"""Decides whether a node has to be built: whether its code, or the data that it reads, has changed.

The rule is that of make: what is there was built from something, and stays as long as that is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from sqlflow.bind.types import Program
from sqlflow.core.ids import NodeId
from sqlflow.plan.due import batches_due
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication

# The version, in a publication, of an input that could not tell it: no version is equal to it.
UNTOLD = ""
# Why a node is stale whose rows are what they should be.
ONLY_ATTACHED = "its descriptions changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of the warehouse before a plan is made.

    `publications` has the last one of each node, of those whose table or view is still there. `outside`
    has the version of each source that tells one. `passed` has, of each test that passed when it last ran,
    the digest of its query and the data versions of what it read.
    """

    publications: Mapping[NodeId, Publication] = field(default_factory=lambda: MappingProxyType({}))
    outside: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    passed: Mapping[NodeId, tuple[str, Mapping[NodeId, str]]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def version(self, node: NodeId) -> str | None:
        """Gives the data version of a node that another one reads; None where nobody can tell."""
        if node in self.outside:
            return self.outside[node]
        found = self.publications.get(node)
        return found.data if found is not None else None


def why_stale(
    code: str,
    reads: Sequence[NodeId],
    version: Callable[[NodeId], str | None],
    last: tuple[str, Mapping[NodeId, str]] | None,
    name: Callable[[NodeId], str] = str,
) -> str:
    """Says in a few words why something has to be done again; empty where it need not.

    `last` are the code and the data versions of the inputs that it was last done with, None for never;
    `name` says how a node is called.
    """
    if last is None:
        return "not built yet"
    before, inputs = last
    if not same_rows(before, code):
        return "its code changed"
    for node in reads:
        now = version(node)
        if now is None:
            return f"{name(node)} can't tell whether it changed"
        if inputs.get(node) != now:
            return f"{name(node)} changed"
    return "" if before == code else ONLY_ATTACHED


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

    def why(self, node: NodeId, reads: Sequence[NodeId]) -> tuple[str, bool]:
        """Gives the reason, empty where there is none, and whether it stands whatever happens meanwhile."""
        reason, settled = self._why(node, reads)
        if reason and reason != ONLY_ATTACHED:
            self._built.add(node)
        return reason, settled

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
        last = past.passed.get(node)
        publication = past.publications.get(node)
        if publication is not None:
            last = publication.code, publication.inputs
        reason = why_stale(self._codes.get(node, ""), reads, past.version, last, self._name)
        attached = reason if reason == ONLY_ATTACHED else ""
        reason = "" if attached else reason
        volatile = self._program.volatile.get(node, ())
        if not reason and volatile:
            reason = f"uses {volatile[0]}"
        model = self._program.models.get(node)
        if not reason and model is not None and publication is not None and self._now is not None:
            chained = model.time is not None and model.time.depends_on_past
            due = len(batches_due(model.config, publication.ranges, self._now, depends_on_past=chained))
            if due:
                # What is due is asked again when it is built.
                return f"{due} {'batch is' if due == 1 else 'batches are'} due", True
        if reason:
            # Another run may do it meanwhile.
            return reason, bool(volatile)
        built = next((parent for parent in reads if parent in self._built), None)
        return (f"{self._name(built)} is built", False) if built is not None else (attached, False)

    def _name(self, node: NodeId) -> str:
        return self._program.graph.nodes[node].name
