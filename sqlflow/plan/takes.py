"""Finds out what an environment need not build, since another one has it: tables by version are shared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlflow.bind.types import BoundModel, BoundSeed, Program
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.ranges import difference
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import read_relation
from sqlflow.materialize.staging import all_rows
from sqlflow.plan.due import batches_due
from sqlflow.plan.parents import is_ephemeral
from sqlflow.plan.stale import Past
from sqlflow.plan.types import Take
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication

# Where what is taken comes from if no environment shows it any more.
EARLIER = "an earlier build"


def find_takes(
    program: Program,
    codes: Mapping[NodeId, str],
    past: Past,
    wanted: Collection[NodeId],
    effective: Mapping[NodeId, tuple[NodeId, ...]],
    now: datetime | None = None,
) -> tuple[Take, ...]:
    """Gives what is taken from elsewhere, in the graph's order.

    Of another environment than prod, every node is asked about: what is not built there is that of prod.
    `now` is the time by which ranges of time are complete.
    """
    if not program.environment.is_virtual:
        return ()
    finder = _Finder(program, codes, past, effective, now)
    asked = wanted if program.environment.is_prod else program.graph.nodes.keys()
    return tuple(take for node in program.graph.order for take in finder.take(node, asked=node in asked))


def taken(past: Past, takes: Collection[Take]) -> Past:
    """Gives what will be known once these have been published."""
    if not takes:
        return past
    published = dict(past.publications)
    published |= {take.node: replace(take.publication, code=take.code) for take in takes}
    return replace(past, publications=published)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What an environment has from prod, which brings that up to date.

    `following` are the nodes that show what prod has now; `whole` are those of them that read nothing else,
    so that nothing here can make them stale.
    """

    following: frozenset[NodeId] = frozenset()
    whole: frozenset[NodeId] = frozenset()


def shared_nodes(
    program: Program,
    codes: Mapping[NodeId, str],
    past: Past,
    takes: Collection[Take],
    effective: Mapping[NodeId, tuple[NodeId, ...]],
) -> Shared:
    """Finds what an environment shares with prod, once it has taken what it takes."""
    if program.environment.is_prod or not program.environment.is_virtual:
        return Shared()
    prod = past.others.get(PROD, {})
    by_node = {take.node: take for take in takes}
    following: set[NodeId] = set()
    whole: set[NodeId] = set()
    for node in program.graph.order:
        parents = [parent for parent in effective[node] if parent not in program.sources]
        take, last = by_node.get(node), past.publications.get(node)
        if take is not None:
            follows = take.source == PROD and same_rows(take.code, codes.get(node, ""))
        elif last is not None and not same_rows(last.code, codes.get(node, "")):
            follows = False
        elif last is not None and last.table is not None:
            follows = past.owners.get(last.table, "") != program.environment.name
        elif last is not None:
            there = prod.get(node)
            follows = last.follows == PROD and there is not None and same_rows(last.code, there.code)
        else:
            # A test of what is all prod's.
            follows = kind_of(node) is NodeKind.TEST and bool(parents)
        reads_whole = all(parent in whole for parent in parents)
        if follows and (reads_whole or kind_of(node) is not NodeKind.TEST):
            following.add(node)
        if follows and reads_whole:
            whole.add(node)
    return Shared(following=frozenset(following), whole=frozenset(whole))


class _Finder:
    """Looks at one node after the other, in the graph's order."""

    def __init__(
        self,
        program: Program,
        codes: Mapping[NodeId, str],
        past: Past,
        effective: Mapping[NodeId, tuple[NodeId, ...]],
        now: datetime | None,
    ) -> None:
        self._program = program
        self._codes = codes
        self._past = past
        self._now = now
        # What is taken, and shown only when it is whole.
        self._filled: set[NodeId] = set()
        self._parents = {
            node: [parent for parent in parents if parent not in program.sources]
            for node, parents in effective.items()
        }
        # What the environment will show of what is taken, and from where.
        self._taken: dict[NodeId, tuple[str, Publication]] = {}
        # What other environments show that is the same here, and the views there that are up to date.
        self._alike: dict[str, set[NodeId]] = {name: set() for name in past.others}
        self._settled: dict[str, set[NodeId]] = {name: set() for name in past.others}

    def take(self, node: NodeId, *, asked: bool) -> Iterator[Take]:
        """Gives how a node that is `asked` about is taken, if it is; all are to be looked at."""
        if asked:
            yield from self._found(node)
        self._note(node)

    def _found(self, node: NodeId) -> Iterator[Take]:
        program, past = self._program, self._past
        model = program.models.get(node) or program.seeds.get(node)
        if model is None or is_ephemeral(program, node):
            return
        last = past.publications.get(node)
        if last is not None and same_rows(last.code, self._codes.get(node, "")):
            if node in past.adoptable and self._can_be_renamed(model):
                yield self._adopted(model, last)
                return
            if not any(parent in self._taken for parent in self._parents[node]):
                return
        found = self._candidate(model) or self._earlier(model) or self._beginning(model, last)
        if found is not None:
            self._taken[node] = found
            if last is not None and self._is_less(model, last, found[1]):
                self._filled.add(node)
            yield self._take(model, *found)

    def _candidate(self, model: BoundModel | BoundSeed) -> tuple[str, Publication] | None:
        """What another environment has of the code that a node has now, made of what there will be here."""
        others, code = self._past.others, self._codes.get(model.id, "")
        for environment in sorted(others, key=lambda name: (name != PROD, name)):
            found = others[environment].get(model.id)
            if (
                found is not None
                and _is_shared_as(model, found)
                and same_rows(found.code, code)
                and self._fits(model.id, environment, found)
            ):
                return environment, found
        return None

    def _earlier(self, model: BoundModel | BoundSeed) -> tuple[str, Publication] | None:
        """What an earlier build has left, made of what there will be."""
        for found in self._past.kept.get(model.id, ()):
            if same_rows(found.code, self._codes.get(model.id, "")) and not is_view(model):
                now = {parent: self._after(parent) for parent in self._parents[model.id]}
                if all(one is not None and found.inputs.get(p) == one.data for p, one in now.items()):
                    return EARLIER, found
        return None

    def _beginning(
        self, model: BoundModel | BoundSeed, last: Publication | None
    ) -> tuple[str, Publication] | None:
        """What prod has: as that an environment begins, whatever the code is."""
        found = self._past.others.get(PROD, {}).get(model.id)
        begins = not self._program.environment.is_prod and last is None
        return (PROD, found) if begins and found is not None else None

    def _take(self, model: BoundModel | BoundSeed, source: str, found: Publication) -> Take:
        code, query = self._codes[model.id], None
        is_of_now = same_rows(found.code, code)
        if found.table is None:
            own = model.full if is_of_now and isinstance(model, BoundModel) and is_view(model) else None
            spec = self._program.spec
            query = own or all_rows(spec, read_relation(spec, found.relation))
        return Take(
            node=model.id,
            name=model.name,
            materialized=self._program.graph.nodes[model.id].materialized,
            relation=model.relation,
            span=model.span,
            docs=model.docs,
            grants=model.grants,
            source=source,
            publication=found,
            code=code if is_of_now else found.code,
            owns=self._program.environment.is_prod or source == EARLIER,
            query=query,
            fills=model.id in self._filled,
        )

    def _is_less(self, model: BoundModel | BoundSeed, last: Publication, found: Publication) -> bool:
        """Whether prod shows ranges of time that what is taken has not built yet."""
        if not self._program.environment.is_prod or self._now is None or found.ranges is None:
            return False
        due = batches_due(model.config, found.ranges, self._now)
        return bool(due and difference(last.ranges or (), found.ranges))

    def _adopted(self, model: BoundModel | BoundSeed, last: Publication) -> Take:
        return replace(self._take(model, self._program.environment.name, last), owns=True, query=None)

    def _can_be_renamed(self, model: BoundModel | BoundSeed) -> bool:
        return self._program.spec.renames_indexed_tables or not model.config.indexes

    def _after(self, node: NodeId) -> Publication | None:
        """What the environment shows of a node once all is taken."""
        taken = self._taken.get(node)
        return taken[1] if taken is not None else self._past.publications.get(node)

    def _fits(self, node: NodeId, environment: str, found: Publication) -> bool:
        """Whether what another environment has was made of what this one will have."""
        there = self._past.others[environment]
        for parent in self._parents[node]:
            theirs = there.get(parent)
            if theirs is None or not same_rows(theirs.code, self._codes.get(parent, "")):
                return False
            if parent not in self._alike[environment] or parent in self._filled:
                return False
            taken = self._taken.get(parent)
            is_theirs = taken is not None and taken[0] == environment
            if environment == PROD or not (is_theirs or theirs.table is None):
                # What both have from elsewhere may be newer: that is seen when it is judged.
                continue
            if found.inputs.get(parent) != theirs.data or parent not in self._settled[environment]:
                return False
        return True

    def _note(self, node: NodeId) -> None:
        """Notes of a node, after all that it reads, in which environments it is what it will be here."""
        mine = self._after(node)
        for environment, there in self._past.others.items():
            theirs = there.get(node)
            if theirs is None:
                continue
            if _is_settled(theirs, there, self._parents[node], self._settled[environment]):
                self._settled[environment].add(node)
            if mine is None or not same_rows(mine.code, theirs.code):
                continue
            if mine.table is None and theirs.table is None:
                alike = all(parent in self._alike[environment] for parent in self._parents[node])
            else:
                alike = mine.table == theirs.table
            if alike or mine.data == theirs.data:
                self._alike[environment].add(node)


def _is_settled(
    last: Publication,
    there: Mapping[NodeId, Publication],
    parents: Collection[NodeId],
    settled: Collection[NodeId],
) -> bool:
    """Whether a view of another environment was last published from what it reads there now."""
    return last.table is not None or all(
        parent in settled and last.inputs.get(parent) == there[parent].data for parent in parents
    )


def is_view(model: BoundModel | BoundSeed) -> bool:
    """Whether a node is a view, and has no table."""
    return model.config.materialized is Materialization.VIEW and isinstance(model, BoundModel)


def _is_shared_as(model: BoundModel | BoundSeed, found: Publication) -> bool:
    """Whether what was published can be shown by another environment: as a table by version, or a query."""
    return found.table is not None or is_view(model)
