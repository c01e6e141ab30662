"""A plan in a file: what was asked for and reviewed, and what must still hold when it is applied.

It has no SQL and no settings of a target in it, only names, digests and what a review says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlflow.bind.types import Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.ids import NodeId
from sqlflow.plan.deferral import Defer, Deferred
from sqlflow.plan.due import Interval
from sqlflow.plan.types import Plan
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication

_FORMAT = 6


class UnreadablePlanError(Exception):
    """Raised on a text that is no saved plan, or one of a newer sqlflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAction:
    """An action as it was reviewed, or a test that runs in one.

    `number` is that of the node's last publication, 0 for none.
    """

    node: NodeId
    code: str
    reason: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTake:
    """A node that is taken from the environment `source`, which had rows of the version `data` of it.

    `number` is that of the node's last publication in the environment of the plan.
    """

    node: NodeId
    code: str
    source: str
    data: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDeferred:
    """A node that is read as prod has it: its name there, and the code that it was built of, if known."""

    node: NodeId
    relation: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRename:
    """A node that goes on with what was published under the id `old`, last with this `number`."""

    node: NodeId
    old: NodeId
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan as it was reviewed: what it was made of, when, what it renames, takes and does, in order.

    What it reads as prod has it is `deferred`, where that was asked for by `defer`.
    """

    project: str
    target: str
    environment: str
    made_at: datetime
    select: tuple[str, ...]
    exclude: tuple[str, ...]
    full_refresh: bool
    forward_only: bool
    skip_backfill: bool
    allow_destructive: tuple[str, ...]
    force: bool
    interval: Interval | None
    restate: tuple[NodeId, ...]
    actions: tuple[SavedAction, ...]
    renames: tuple[SavedRename, ...]
    takes: tuple[SavedTake, ...]
    removes: tuple[NodeId, ...]
    defer: Defer | None = None
    deferred: tuple[SavedDeferred, ...] = ()


def saved_renames(plan: Plan) -> tuple[SavedRename, ...]:
    """Gives what a plan renames as it is kept."""
    return tuple(
        SavedRename(node=one.node, old=one.before.node, number=one.before.number)
        for one in plan.carried
        if one.is_renamed
    )


def saved_takes(plan: Plan, published: Mapping[NodeId, Publication]) -> tuple[SavedTake, ...]:
    """Gives what a plan takes from other environments as it is kept."""
    return tuple(
        SavedTake(
            node=take.node,
            code=take.code,
            source=take.source,
            data=take.publication.data,
            number=_number(published.get(take.node)),
        )
        for take in plan.takes
    )


def saved_actions(
    plan: Plan, codes: Mapping[NodeId, str], published: Mapping[NodeId, Publication]
) -> tuple[SavedAction, ...]:
    """Gives the actions of a plan as they are kept, each after its tests; `codes` are those of all nodes."""
    reasons = {action.node: action.verdict.reason for action in plan.actions}
    reasons |= {test.node: f"a test of {action.name}" for action in plan.actions for test in action.audits}
    return tuple(
        SavedAction(
            node=node,
            code=codes.get(node, ""),
            reason=reasons[node],
            number=_number(published.get(node)),
        )
        for node in plan.nodes
    )


def saved_deferred(deferred: Iterable[Deferred]) -> tuple[SavedDeferred, ...]:
    """Gives what is read as prod has it as it is kept."""
    return tuple(
        SavedDeferred(
            node=one.node,
            relation=str(one.relation),
            code=one.publication.code if one.publication is not None else "",
        )
        for one in deferred
    )


def check_saved(
    saved: SavedPlan,
    plan: Plan,
    program: Program,
    project: str,
    codes: Mapping[NodeId, str],
    published: Mapping[NodeId, Publication],
) -> Plan:
    """Gives, of the `plan` that is made now, what was saved.

    `codes` are those of the project's nodes now. Raises ProjectError where that is not what was reviewed any
    more. Newer data of nodes that the plan does not build is no reason: it is read.
    """
    target = plan.target
    kept = plan.only({action.node for action in saved.actions})
    kept = replace(
        kept,
        takes=tuple(t for t in plan.takes if t.node in {take.node for take in saved.takes}),
        gone=tuple(one for one in plan.removes if one.node in saved.removes),
    )
    environment = program.environment.name
    if (saved.project, saved.target, saved.environment) != (project, target, environment):
        message = (
            f"the plan is for the project `{saved.project}` on the target `{saved.target}`, environment "
            f"`{saved.environment}`, and this is `{project}` on `{target}`, environment `{environment}`"
        )
        help_ = "name the project with --project, the target with --target, the environment with --env"
        raise _out_of_date(message, (), help_)
    _check(
        program,
        *_changed(saved, codes, published),
        *_renamed_otherwise(saved, plan),
        *_taken_otherwise(saved, kept, published),
        *_read_otherwise(saved.deferred, kept),
        *_new_tests(saved, kept),
    )
    return kept


def check_deferred(plan: Plan, found: Iterable[Deferred], program: Program) -> None:
    """Raises ProjectError where what is `found` to be read as prod has it is not what a plan says."""
    now = replace(plan, deferred=tuple(found))
    _check(program, *_read_otherwise(saved_deferred(plan.deferred), now))


def _check(program: Program, *found: tuple[NodeId, str]) -> None:
    nodes = program.graph.nodes
    notes = tuple(f"`{nodes[node].name if node in nodes else node}` {what}" for node, what in found)
    if notes:
        help_ = "nothing was done; make the plan again, and look at it"
        raise _out_of_date("the plan is not what would be done any more", notes, help_)


def _changed(
    saved: SavedPlan, codes: Mapping[NodeId, str], published: Mapping[NodeId, Publication]
) -> Iterator[tuple[NodeId, str]]:
    """Says of which nodes of a saved plan something changed since, and what."""
    for action in saved.actions:
        if action.node not in codes:
            yield action.node, "is no longer in the project"
        elif codes[action.node] != action.code:
            yield action.node, "has other code than when the plan was made"
        elif _number(published.get(action.node)) > action.number:
            yield action.node, "was published since the plan was made"
        elif _number(published.get(action.node)) < action.number:
            yield action.node, "is not there any more as it was when the plan was made"


def _renamed_otherwise(saved: SavedPlan, plan: Plan) -> Iterator[tuple[NodeId, str]]:
    """Says of which nodes something else would be renamed now than what was reviewed."""
    was, now = ({one.node: one for one in renames} for renames in (saved.renames, saved_renames(plan)))
    for node in sorted(was.keys() | now.keys()):
        before, after = was.get(node), now.get(node)
        if before is None or after is None or before.old != after.old:
            yield node, "is not renamed any more as it was when the plan was made"
        elif before.number != after.number:
            yield node, "was published, under its old name, since the plan was made"


def _taken_otherwise(
    saved: SavedPlan, plan: Plan, published: Mapping[NodeId, Publication]
) -> Iterator[tuple[NodeId, str]]:
    """Says of which nodes something else would be taken now than what was reviewed."""
    now = {take.node: take for take in plan.takes}
    for was in saved.takes:
        take = now.get(was.node)
        if take is None or take.code != was.code or take.source != was.source:
            yield was.node, f"can't be had any more as {was.source} had it when the plan was made"
        elif take.publication.data != was.data:
            yield was.node, f"has other rows in {was.source} than when the plan was made"
        elif _number(published.get(was.node)) != was.number:
            yield was.node, "was published since the plan was made"


def _read_otherwise(saved: Iterable[SavedDeferred], plan: Plan) -> Iterator[tuple[NodeId, str]]:
    """Says which nodes would be read otherwise now, as prod has them or not."""
    was = {one.node: one for one in saved if one.node in plan.reads}
    now = {one.node: one for one in saved_deferred(plan.deferred)}
    for node in sorted(was.keys() | now.keys()):
        before, after = was.get(node), now.get(node)
        if after is None:
            yield node, "is not read as prod has it any more"
        elif before is None:
            yield node, "would be read as prod has it"
        elif before.relation != after.relation:
            yield node, f"would be read from `{after.relation}`, and not from `{before.relation}`"
        elif not same_rows(before.code, after.code):
            yield node, "is of other code in prod than when the plan was made"


def _new_tests(saved: SavedPlan, plan: Plan) -> Iterator[tuple[NodeId, str]]:
    """Says of which tests would run that were not there."""
    known = {action.node for action in saved.actions}
    for node in plan.nodes:
        if node not in known:
            yield node, "is a test that was not there when the plan was made"


def _out_of_date(message: str, notes: tuple[str, ...], help: str) -> ProjectError:
    return ProjectError([Diagnostic(code=Code.PLAN_OUT_OF_DATE, message=message, notes=notes, help=help)])


def _number(publication: Publication | None) -> int:
    return publication.number if publication is not None else 0


def encode_plan(saved: SavedPlan, review: Mapping[str, object]) -> str:
    """Writes a plan as JSON, with its review for people and tools to read."""
    interval, defer = saved.interval, saved.defer
    record = {
        "format": _FORMAT,
        "project": saved.project,
        "target": saved.target,
        "environment": saved.environment,
        "made_at": saved.made_at.isoformat(),
        "select": list(saved.select),
        "exclude": list(saved.exclude),
        "full_refresh": saved.full_refresh,
        "forward_only": saved.forward_only,
        "skip_backfill": saved.skip_backfill,
        "allow_destructive": list(saved.allow_destructive),
        "force": saved.force,
        "start": _moment(interval.start) if interval is not None else None,
        "end": _moment(interval.end) if interval is not None else None,
        "restate": list(saved.restate),
        "actions": [
            {"node": one.node, "code": one.code, "reason": one.reason, "number": one.number}
            for one in saved.actions
        ],
        "renames": [{"node": one.node, "old": one.old, "number": one.number} for one in saved.renames],
        "takes": [
            {"node": t.node, "code": t.code, "source": t.source, "data": t.data, "number": t.number}
            for t in saved.takes
        ],
        "removes": list(saved.removes),
        "defer": {"to": defer.to, "favor_state": defer.favor_state} if defer is not None else None,
        "deferred": [{"node": d.node, "relation": d.relation, "code": d.code} for d in saved.deferred],
        "review": review,
    }
    return json.dumps(record, indent=2) + "\n"


def decode_plan(text: str) -> SavedPlan:
    """Reads a plan back; raises UnreadablePlanError."""
    try:
        found = cast("dict[str, Any]", json.loads(text))
        if found["format"] != _FORMAT:
            raise UnreadablePlanError(f"it has the format {found['format']}, and {_FORMAT} is known")
        ends = found["start"], found["end"]
        start, end = (datetime.fromisoformat(one) if one is not None else None for one in ends)
        return SavedPlan(
            project=_text(found["project"]),
            target=_text(found["target"]),
            environment=_text(found["environment"]),
            made_at=datetime.fromisoformat(found["made_at"]),
            select=tuple(_text(word) for word in found["select"]),
            exclude=tuple(_text(word) for word in found["exclude"]),
            full_refresh=_truth(found["full_refresh"]),
            forward_only=_truth(found["forward_only"]),
            skip_backfill=_truth(found["skip_backfill"]),
            allow_destructive=tuple(_text(name) for name in found["allow_destructive"]),
            force=_truth(found["force"]),
            interval=None if ends == (None, None) else Interval(start, end),
            restate=tuple(NodeId(_text(node)) for node in found["restate"]),
            actions=tuple(
                SavedAction(
                    node=NodeId(_text(one["node"])),
                    code=_text(one["code"]),
                    reason=_text(one["reason"]),
                    number=int(one["number"]),
                )
                for one in found["actions"]
            ),
            renames=tuple(_rename(one) for one in found["renames"]),
            takes=tuple(
                SavedTake(
                    node=NodeId(_text(one["node"])),
                    code=_text(one["code"]),
                    source=_text(one["source"]),
                    data=_text(one["data"]),
                    number=int(one["number"]),
                )
                for one in found["takes"]
            ),
            removes=tuple(NodeId(_text(node)) for node in found["removes"]),
            defer=_defer(found["defer"]),
            deferred=tuple(
                SavedDeferred(
                    node=NodeId(_text(one["node"])),
                    relation=_text(one["relation"]),
                    code=_text(one["code"]),
                )
                for one in found["deferred"]
            ),
        )
    except KeyError as error:
        raise UnreadablePlanError(f"it has no {error}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadablePlanError(str(error)) from error


def _rename(one: Any) -> SavedRename:
    return SavedRename(
        node=NodeId(_text(one["node"])), old=NodeId(_text(one["old"])), number=int(one["number"])
    )


def _defer(found: Any) -> Defer | None:
    if found is None:
        return None
    to = _text(found["to"]) if found["to"] is not None else None
    return Defer(to=to, favor_state=_truth(found["favor_state"]))


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UnreadablePlanError("a text is missing")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise UnreadablePlanError("it should say true or false")
    return value
