"""What a plan means: what changed in the code, why each node is built, what it is likely to take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlflow.bind.canonical.changes import ColumnAdded, Difference
from sqlflow.bind.types import BoundModel, Program
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.ranges import Ranges, normalised
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.dialect.environments import PROD
from sqlflow.plan.deferral import Deferred
from sqlflow.plan.due import batches_due, batches_within
from sqlflow.plan.fills import filled_before
from sqlflow.plan.impact import Impact
from sqlflow.plan.losses import follows_other_code
from sqlflow.plan.meaning import query_differences
from sqlflow.plan.plan import PlanOptions
from sqlflow.plan.types import Action, BuildModel, Plan, RunTest
from sqlflow.plan.versions import Version, same_rows, version_id
from sqlflow.state.publication import Publication
from sqlflow.state.state import State, Success


class Category(StrEnum):
    """What a change of code means for the rows that are there, and for who reads them."""

    ADDED = "added"
    METADATA = "metadata"
    ADDITIVE = "additive"
    FORWARD_ONLY = "forward-only"
    BREAKING = "breaking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a node's code since it was published.

    `why` says in words why it is of its category. `settings` are parts of its version other than its queries,
    each with what it was and is; `differences` are those of its queries, by what these are for.
    """

    node: NodeId
    name: str
    span: Span
    category: Category
    why: str
    settings: tuple[tuple[str, str, str], ...] = ()
    differences: Mapping[str, tuple[Difference, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An action of the plan: why, which ranges of time, and what it took when it was last done.

    `seconds` is None where it was never done, `rows`, which it wrote, where nobody knows; of a model by time
    range, these are so many a batch. `path` leads from a changed node to it, through what is built
    because of that; empty for one that is built for a reason of its own. `columns` are the changed columns
    that it reads, each with what is made of it, where it is built for these alone. It is `forward_only` where
    rows stay that would be made anew without that.
    """

    node: NodeId
    name: str
    kind: str
    materialized: str
    reason: str
    held: str
    tests: int
    batches: int
    ranges: Ranges
    seconds: float | None
    rows: int | None
    path: tuple[str, ...]
    columns: tuple[tuple[str, str], ...] = ()
    forward_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """A node that reads something which is built, and is not built itself: what it does not read of that.

    `unread` has the changed columns, by the names of nodes; none for one that will hold the same.
    """

    node: NodeId
    name: str
    why: str
    unread: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A node that is published as an environment has it, by its name: nothing of it is computed.

    Where that is the environment of the plan, its table gets a name by version.
    """

    node: NodeId
    name: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A node that goes on with what was published under its `old` name: the same table, if it is no view.

    `readers` are the names of the nodes that read it under the new one from then on.
    """

    node: NodeId
    name: str
    old: str
    is_view: bool
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFilled:
    """A node that would have to be built for a `reason`, and is left as it is for now."""

    node: NodeId
    name: str
    kind: str
    materialized: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A plan as a person reads it.

    `renamed` and `taken` are published first, all at once. `removed` are the names of what was published
    once and is no longer in the project: where the plan `drops` that, its views go last, else it stays.
    `unchanged` is how many nodes of the selection are as they should be, `pruned` are those that read what
    is built, and nothing of what is other than it was. `untold` are sources that can't tell whether they
    changed. `kept` are views from outside the project that are made again along with what they read.
    `critical` is the chain of actions that takes longest, by what each took last: `critical_seconds`. What is
    `deferred` is read as it is in `prod`, which is the environment or the target of that name. What is
    `not_filled` stays due, since the plan is to compute no rows.
    """

    target: str
    environment: str
    changes: tuple[Change, ...]
    renamed: tuple[Renamed, ...]
    not_filled: tuple[NotFilled, ...]
    taken: tuple[Taken, ...]
    removed: tuple[str, ...]
    drops: bool
    work: tuple[Work, ...]
    unchanged: int
    untold: tuple[str, ...]
    critical: tuple[str, ...]
    critical_seconds: float
    pruned: tuple[Pruned, ...] = ()
    kept: tuple[Relation, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    prod: str = PROD

    @property
    def changes_code(self) -> bool:
        """Whether it is about a change of code, and not only about new data."""
        return bool(self.changes or self.renamed)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        does = self.work or self.pruned or self.renamed or self.taken or self.drops
        return not (self.changes or does or self.not_filled)


def review(
    plan: Plan,
    program: Program,
    options: PlanOptions,
    published: Mapping[NodeId, Publication],
    filling: Mapping[NodeId, Publication],
    versions: Mapping[NodeId, Version],
    known: Mapping[str, Version],
    state: State,
    chosen: frozenset[NodeId],
    impact: Impact,
) -> Review:
    """Says what a plan means.

    `published` has the last publication of each node, `filling` what is being filled, `versions` what each is
    built from now, `known` the versions, by their ids, of what was published from another text; `chosen` are
    the nodes asked about, `impact` compares what is built.
    """
    done = _done(state, program.environment.name)
    took = {take.node for take in plan.takes}
    codes = {one.node: one.code for one in (*plan.takes, *plan.actions, *plan.left)}
    changes = [
        change
        for node in program.graph.order
        if (node in chosen or node in took) and node in codes
        for change in _change(program, options, node, codes[node], published, versions, known, impact)
    ]
    critical, length = _critical(plan.actions, done)
    return Review(
        target=plan.target,
        environment=program.environment.name,
        changes=tuple(changes),
        renamed=tuple(_renamed(plan)),
        not_filled=tuple(_not_filled(plan)),
        taken=tuple(_taken(plan)),
        removed=tuple(one.node.rpartition(".")[2] for one in plan.gone),
        drops=bool(plan.removes),
        work=tuple(_work(plan, program, options, published, filling, done)),
        unchanged=sum(kind_of(node) is not NodeKind.TEST for node in plan.unchanged),
        untold=plan.untold,
        critical=critical,
        critical_seconds=length,
        pruned=tuple(_pruned(plan, program)),
        deferred=plan.deferred,
    )


def _pruned(plan: Plan, program: Program) -> Iterator[Pruned]:
    nodes = program.graph.nodes
    for action in plan.actions:
        unread = action.verdict.unread
        if unread:
            yield Pruned(
                node=action.node,
                name=action.name,
                why=action.verdict.reason,
                unread={nodes[node].name: columns for node, columns in unread.items()},
            )


def _not_filled(plan: Plan) -> Iterator[NotFilled]:
    for action in plan.left:
        yield NotFilled(
            node=action.node,
            name=action.name,
            kind=action.kind,
            materialized=action.materialized,
            reason=action.verdict.reason,
        )


def _renamed(plan: Plan) -> Iterator[Renamed]:
    for one in plan.carried:
        if one.is_renamed:
            yield Renamed(
                node=one.node,
                name=one.name,
                old=one.old_name,
                is_view=one.is_view,
                readers=tuple(
                    other.name
                    for other in plan.carried
                    if not other.is_renamed and one.node in other.publication.inputs
                ),
            )


def _taken(plan: Plan) -> Iterator[Taken]:
    """What is taken, and not built at once."""
    built = {action.node for action in plan.actions if not action.verdict.unread}
    for take in plan.takes:
        if take.node not in built:
            yield Taken(node=take.node, name=take.name, source=take.source)


def _done(state: State, environment: str) -> Mapping[NodeId, Success]:
    """How each node was last done, in this environment before any other."""
    found = {
        (name != environment, node): ended.success
        for (name, node), ended in state.nodes.items()
        if ended.success is not None
    }
    return {node: found[elsewhere, node] for elsewhere, node in sorted(found, reverse=True)}


def _change(
    program: Program,
    options: PlanOptions,
    node: NodeId,
    code: str,
    published: Mapping[NodeId, Publication],
    versions: Mapping[NodeId, Version],
    known: Mapping[str, Version],
    impact: Impact,
) -> Iterator[Change]:
    if kind_of(node) in (NodeKind.TEST, NodeKind.SOURCE):
        return
    info, last, now = program.graph.nodes[node], published.get(node), versions[node]
    category, why = Category.ADDED, "not built yet"
    settings: tuple[tuple[str, str, str], ...] = ()
    differences: Mapping[str, tuple[Difference, ...]] = {}
    if last is not None:
        if last.code == code:
            return
        if same_rows(last.code, code):
            category, why = Category.METADATA, "its descriptions or grants, no rows"
        else:
            old = known.get(version_id(last.code))
            if old is not None and (old.parts, old.queries) == (now.parts, now.queries):
                # Only what it reads has other columns: that is where the change is.
                return
            if old is not None:
                settings = tuple(_settings(old, now))
                differences = query_differences(old, now, program.spec)
            model = program.models.get(node)
            category, why = _category(
                model,
                settings,
                differences,
                impact.changed_columns(node, last),
                anew=options.full_refresh or program.environment.is_virtual,
                forward_only=options.forward_only,
                is_known=old is not None,
            )
    yield Change(
        node=node,
        name=info.name,
        span=info.span,
        category=category,
        why=why,
        settings=settings,
        differences=differences,
    )


def _settings(old: Version, new: Version) -> Iterator[tuple[str, str, str]]:
    """Gives what differs in the parts of two versions, a configuration's keys each for itself."""
    before, after = _flat(old), _flat(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name, "") != after.get(name, ""):
            yield name, before.get(name, ""), after.get(name, "")


def _flat(version: Version) -> Mapping[str, str]:
    out: dict[str, str] = {}
    for name, part in version.parts.items():
        if name == "config" and isinstance(part, Mapping):
            out.update({str(key): str(value) for key, value in part.items()})
        elif name in ("file", "function", "version"):
            # Digests, which say nothing to anybody.
            out[name] = str(part)
        elif part:
            out[name] = str(part)
    return out


def _category(
    model: BoundModel | None,
    settings: Sequence[tuple[str, str, str]],
    differences: Mapping[str, tuple[Difference, ...]],
    columns: frozenset[str] | None,
    *,
    anew: bool,
    forward_only: bool,
    is_known: bool,
) -> tuple[Category, str]:
    config = model.config if model is not None else None
    if config is not None:
        anew = anew and not forward_only
        anew = anew if config.full_refresh is None else config.full_refresh
        if config.snapshot is not None:
            return Category.FORWARD_ONLY, "a history is never made anew: what is there stays"
        if config.materialized is Materialization.INCREMENTAL and not anew:
            if config.full_refresh is False:
                return Category.FORWARD_ONLY, "the rows that are there stay"
            asked = ", by --forward-only" if forward_only else ""
            return (
                Category.FORWARD_ONLY,
                f"the rows that are there stay{asked}; --full-refresh makes them anew",
            )
    if not is_known:
        return Category.BREAKING, "what it was built from is not known any more"
    if settings:
        return Category.BREAKING, f"`{settings[0][0]}` is another"
    found = [difference for each in differences.values() for difference in each]
    if columns is None:
        return Category.BREAKING, "its rows may be others"
    if not columns:
        return Category.BREAKING, "its rows stay, in another order of columns"
    if found and all(isinstance(one, ColumnAdded) and not one.part for one in found):
        return Category.ADDITIVE, "columns were added, and its rows stay the same"
    return Category.BREAKING, f"its rows stay, but not what they have in {', '.join(sorted(columns))}"


def _work(
    plan: Plan,
    program: Program,
    options: PlanOptions,
    published: Mapping[NodeId, Publication],
    filling: Mapping[NodeId, Publication],
    done: Mapping[NodeId, Success],
) -> Iterator[Work]:
    planned = {action.node: action for action in plan.actions}
    takes = {take.node: take for take in plan.takes}
    for action in plan.actions:
        if action.verdict.unread:
            continue
        last = published.get(action.node)
        anew = program.environment.is_virtual and follows_other_code(action, planned, published)
        asked = isinstance(action.work, BuildModel) and action.work.forward_only
        forward_only = anew and asked and last is not None
        covered = last.ranges if last is not None else None
        if anew and not forward_only:
            covered = filled_before(action, takes, filling, planned, published)
        batches, before = _batches(action, options, covered), done.get(action.node)
        yield Work(
            node=action.node,
            name=action.name,
            kind=action.kind,
            materialized=action.materialized,
            reason=action.verdict.reason,
            held=action.verdict.held,
            tests=len(action.audits),
            batches=len(batches),
            ranges=normalised(batches),
            seconds=before.seconds if before is not None else None,
            rows=_rows(action, before, len(batches)),
            path=_path(action, planned),
            columns=tuple(_columns(action, program)),
            forward_only=forward_only,
        )


def _rows(action: Action, before: Success | None, batches: int) -> int | None:
    """The rows that an action is likely to write, by what it wrote last."""
    work = action.work
    if before is None or before.rows is None or isinstance(work, RunTest):
        return None
    if not isinstance(work, BuildModel) or work.model.time is None:
        return before.rows
    return round(before.rows * batches / before.batches) if before.batches and batches else None


def _columns(action: Action, program: Program) -> Iterator[tuple[str, str]]:
    for path in action.verdict.read:
        made = f"{action.name}.{path.reader}" if path.reader is not None else f"rows of {action.name}"
        yield f"{program.graph.nodes[path.node].name}.{path.column}", made


def _batches(action: Action, options: PlanOptions, covered: Ranges | None) -> Ranges:
    """The batches that are due of a model that is built by time range, as far as is known before it is.

    `covered` are those that its table has already.
    """
    work = action.work
    if not isinstance(work, BuildModel) or work.model.time is None or options.now is None:
        return ()
    if work.interval is not None:
        return batches_within(work.model.config, work.interval, options.now)
    refresh = work.model.config.full_refresh
    if options.full_refresh if refresh is None else refresh:
        covered = None
    chained = work.model.time.depends_on_past
    return batches_due(work.model.config, covered, options.now, depends_on_past=chained)


def _path(action: Action, planned: Mapping[NodeId, Action]) -> tuple[str, ...]:
    """The names from what is built for a reason of its own down to this action."""
    out = [action.name]
    while action.verdict.because is not None:
        action = planned[action.verdict.because]
        out.append(action.name)
    return tuple(reversed(out)) if len(out) > 1 else ()


def _critical(actions: Sequence[Action], done: Mapping[NodeId, Success]) -> tuple[tuple[str, ...], float]:
    """The chain of actions that takes longest, by what each took last; empty where that is not known."""
    ends: dict[NodeId, tuple[float, tuple[str, ...]]] = {}
    for action in actions:
        if action.verdict.unread:
            continue
        before = max((ends[node] for node in action.after if node in ends), default=(0.0, ()))
        took = done[action.node].seconds if action.node in done else 0.0
        ends[action.node] = (before[0] + took, (*before[1], action.name))
    length, chain = max(ends.values(), default=(0.0, ()))
    return (chain, length) if length else ((), 0.0)
