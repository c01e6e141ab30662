"""A plan: ordered actions as data; the only thing that the executor takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sqlflow.bind.types import BoundModel, BoundQuery, BoundSeed, BoundSignal, BoundSource, Docs, Grants
from sqlflow.core.config import Index, TestConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.plan.deferral import Deferred
from sqlflow.plan.due import Interval
from sqlflow.state.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTest:
    """Count the rows that are wrong; keep them in `failures` where `config` asks for it.

    `outside` are the relations that it reads and that the plan does not build: they may not be there.
    """

    node: NodeId
    name: str
    query: BoundQuery
    config: TestConfig
    failures: Relation
    outside: tuple[Relation, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildModel:
    """Bring a model's table or view up to date; the `audits` must pass before it is published.

    Of one that is built by time range, the batches of the `interval` are built, where there is one. Where it
    is `forward_only`, it goes on with the rows that it has, of whatever code they are.
    """

    model: BoundModel
    full_refresh: bool
    forward_only: bool = False
    audits: tuple[RunTest, ...] = ()
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSeed:
    """Load a seed's rows into its table; the `audits` must pass before they are published."""

    seed: BoundSeed
    audits: tuple[RunTest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSource:
    """Load a file source into its table, on an engine that can't read the file in place."""

    source: BoundSource
    audits: tuple[RunTest, ...] = ()


Work: TypeAlias = BuildModel | LoadSeed | LoadSource | RunTest


class ColumnPath(NamedTuple):
    """A changed column, and what is made of it: a column of the reader; None for which rows it has."""

    node: NodeId
    column: str
    reader: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why a node has to be built, and what may still keep it from that.

    `reason` is empty where it need not be; `because` is the node before it that is built, where that is the
    reason. Where it is not `forced`, nothing is done if, when its turn comes,
    it turns out that neither its code nor what it reads differs from what is published, and what can't be
    told (a source that has no version, a `volatile` function) was published less than `stale_after` ago.
    `held` says why it waits, empty where it does not; it waits as well for `signals` that are not there yet.
    Where it `compares`, code and what is read may tell in which columns it is like what was published.
    `unread` has the columns of what it reads that will be others, where it reads none of these: then it is
    left as it is, unless something else turns out when its turn comes. `read` are such that it does read,
    each with what is made of it, where it is built for nothing else.
    """

    reason: str
    because: NodeId | None
    forced: bool
    held: str
    signals: tuple[BoundSignal, ...]
    volatile: str
    stale_after: timedelta | None
    compares: bool = False
    unread: Mapping[NodeId, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    read: tuple[ColumnPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do.

    `after` are the nodes whose actions must have ended well before: parents, and the tests that gate
    them. The `verdict` says why it is in the plan. `code` is the digest of what the node is built from,
    `reads` are the nodes whose data it is built from.
    """

    node: NodeId
    name: str
    kind: str
    materialized: str
    work: Work
    after: tuple[NodeId, ...]
    verdict: Verdict
    code: str
    reads: tuple[NodeId, ...]

    @property
    def audits(self) -> tuple[RunTest, ...]:
        """The tests that run on what the action is about to publish."""
        return () if isinstance(self.work, RunTest) else self.work.audits


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A node that is published as another environment has it: its view is made, nothing is computed.

    `relation` is the name that it has in the environment; `publication` is what the environment `source`
    shows, `code` what the node is built from; the environment
    then `owns` the table. `query` is that of a node which is a view itself. Where the `source` is the
    environment itself, its table has the node's own name still, and gets one by version. What `fills` has
    fewer ranges of time than what is shown: it is shown when the others have been built into it.
    """

    node: NodeId
    name: str
    materialized: str
    relation: Relation
    span: Span
    docs: Docs | None
    grants: Grants | None
    source: str
    publication: Publication
    code: str
    owns: bool
    query: BoundQuery | None
    fills: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A node whose publications are to name nodes by the ids that they have now: of the same table or view.

    It was renamed itself, or reads what was. `before` is its last publication as the log has it,
    `publication` the same as it will be. What was renamed gets its name, `relation`, with its `indexes`.
    Where there is a `query`, it is a view that names what it reads, and is made again of that.
    """

    node: NodeId
    name: str
    span: Span
    relation: Relation
    indexes: tuple[Index, ...]
    is_view: bool
    before: Publication
    publication: Publication
    query: BoundQuery | None

    @property
    def is_renamed(self) -> bool:
        """Whether it was published under another name itself."""
        return self.before.node != self.node

    @property
    def old_name(self) -> str:
        """The name that it was published under."""
        return self.before.node.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a run will do, in an order that respects `after`.

    `now` is the time by which ranges of time are complete, None for that of the run. `schemas` are those of
    the names that are published, (database, schema), `physical` those of tables by version besides: all of
    them must be there first. What is `carried` comes first, at once with the `takes`; what is `gone` is no
    longer in the project, and is dropped last where the plan `drops_gone`. `unchanged` is what was selected
    and is as it should be, with its tests. `untold` are the sources that can't tell whether they changed:
    what reads them is always built. Where it `claims` the environment, nobody else may change its code
    meanwhile. What is `deferred` is read by the actions as prod has it. What is `left` is due as well, and
    not done by this plan.
    """

    command: str
    target: str
    threads: int
    fail_fast: bool
    now: datetime | None
    schemas: tuple[tuple[str | None, str], ...]
    actions: tuple[Action, ...]
    unchanged: tuple[NodeId, ...] = ()
    untold: tuple[str, ...] = ()
    physical: tuple[tuple[str | None, str], ...] = ()
    takes: tuple[Take, ...] = ()
    carried: tuple[Carried, ...] = ()
    left: tuple[Action, ...] = ()
    gone: tuple[Publication, ...] = ()
    drops_gone: bool = False
    claims: bool = False
    deferred: tuple[Deferred, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.actions or self.takes or self.carried or self.removes)

    @property
    def removes(self) -> tuple[Publication, ...]:
        """What is dropped last."""
        return self.gone if self.drops_gone else ()

    def only(self, nodes: Collection[NodeId]) -> Plan:
        """The same plan with some of its actions: these wait for none that is left out."""
        plan = replace(self, actions=tuple(action for action in self.actions if action.node in nodes))
        return plan.reading(self.deferred)

    def reading(self, deferred: Iterable[Deferred]) -> Plan:
        """The same plan with what its actions read as prod has it, of what is `deferred`."""
        reads = self.reads
        return replace(self, deferred=tuple(one for one in deferred if one.node in reads))

    @property
    def reads(self) -> frozenset[NodeId]:
        """The nodes that the actions, and the tests that audit them, read."""
        read = {node for action in self.actions for node in action.reads}
        tests = (test for action in self.actions for test in action.audits)
        return frozenset(read | {place.node for test in tests for place in test.query.reads})

    @property
    def nodes(self) -> Iterator[NodeId]:
        """All nodes that the plan is about, tests that audit an action right before it."""
        for action in self.actions:
            yield from (test.node for test in action.audits)
            yield action.node
