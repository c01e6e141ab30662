"""What a plan means, as text, as markdown for a pull request, or as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from sqlflow.bind.canonical.changes import (
    ColumnAdded,
    ColumnChanged,
    ColumnDropped,
    ColumnRenamed,
    ColumnRetyped,
    ColumnsReordered,
    Difference,
    DistinctChanged,
    FilterChanged,
    FromChanged,
    GroupingChanged,
    JoinAdded,
    JoinChanged,
    JoinRemoved,
    LimitChanged,
    OrderChanged,
    OtherChanged,
    PartAdded,
    PartRemoved,
    RowsChanged,
    SetOperationChanged,
    SourcesChanged,
)
from sqlflow.cli.views.paint import Paint, count, no_colour, seconds, visible
from sqlflow.dialect.environments import PROD

if TYPE_CHECKING:
    from sqlflow.plan.deferral import Deferred
    from sqlflow.plan.review import Change, Review, Work

Record: TypeAlias = dict[str, object]

# How many lines of work are shown, unless all are asked for.
_MOST = 30
# A node's id, quoted, as it stands in a query that was kept.
_NODE = re.compile(r"(?P<quote>[\"`])(?:model|seed|snapshot|source)\.[^\"`]+\.(?P<name>[^\"`.]+)(?P=quote)")
# A line of a difference: its mark (-, + or ~), what it is about, and its text.
_Line: TypeAlias = tuple[str, str, str]


def plan_text(found: Review, *, paint: Paint = no_colour, all_work: bool = False) -> str:
    """Draws a plan: what changed, what is built and why, what it took last time."""
    if found.is_empty:
        lines = [f"{_where(found)}: nothing to do, {count(found.unchanged, 'node')} unchanged"]
        return "\n".join([*lines, *_removed(found, paint)])
    lines = [paint(_headline(found), "title")]
    for change in _told(found):
        lines += ["", *_change(change, paint)]
    lines += [*_renamed(found, paint), *_taken(found, paint), *_deferred(found, paint)]
    lines += ["", *_work(found, paint, all_work)]
    lines += [*_not_filled(found, paint), *_kept(found, paint)]
    if found.pruned:
        lines += ["", *_pruned(found, paint, all_work)]
    if found.untold:
        names = ", ".join(found.untold)
        lines += ["", paint(f"can't tell whether they changed: {names}; what reads them is built", "dim")]
    return "\n".join([*lines, *_removed(found, paint)])


def _where(found: Review) -> str:
    environment = f", environment {found.environment}" if found.environment != PROD else ""
    return f"target {found.target}{environment}"


def _not_filled(found: Review, paint: Paint, most: int = _MOST) -> list[str]:
    """Says what is left for a plan that computes rows."""
    names = [visible(one.name) for one in found.not_filled if one.kind != "test"]
    if not found.not_filled:
        return []
    listed = ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
    return ["", paint(f"not filled: {listed}; left for later by --skip-backfill", "dim")]


def _renamed(found: Review, paint: Paint) -> list[str]:
    """Says what goes on under another name."""
    lines: list[str] = []
    for one in found.renamed:
        kept = "" if one.is_view else ", its table is kept"
        told = f"renamed: {visible(one.old)} -> {visible(one.name)}{kept}"
        readers = ", ".join(visible(name) for name in one.readers)
        lines += ["", paint(f"{told}; now read under that name by {readers}" if readers else told, "dim")]
    return lines


def _taken(found: Review, paint: Paint, most: int = _MOST) -> list[str]:
    """Says what is not built, since an environment has it."""
    lines: list[str] = []
    for source in dict.fromkeys(taken.source for taken in found.taken):
        names = [visible(taken.name) for taken in found.taken if taken.source == source]
        listed = ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
        if source == found.environment:
            told = f"get names by version: {listed}"
        else:
            told = f"taken as {source} has it, nothing computed: {listed}"
        lines += ["", paint(told, "dim")]
    return lines


def _kept(found: Review, paint: Paint) -> list[str]:
    if not found.kept:
        return []
    names = ", ".join(visible(str(view)) for view in found.kept)
    return ["", paint(f"views from outside, kept: {names}", "dim")]


def _deferred(found: Review, paint: Paint, most: int = _MOST) -> list[str]:
    """Says what is read as prod has it, and of what the project would make something else now."""
    if not found.deferred:
        return []

    def listed(some: Sequence[Deferred]) -> str:
        names = ", ".join(visible(one.name) for one in some[:most])
        return names + (f" and {len(some) - most} more" if len(some) > most else "")

    lines = ["", paint(f"read as {found.prod} has it: {listed(found.deferred)}", "dim")]
    warned: dict[str, list[Deferred]] = {}
    for one in found.deferred:
        if one.publication is None:
            warned.setdefault("built nobody knows of what", []).append(one)
        elif one.other:
            of = "" if one.name in one.other else f" of {', '.join(map(visible, one.other))}"
            warned.setdefault(f"built of other code{of}", []).append(one)
    return [
        *lines,
        *(paint(f"reads {found.prod}'s {listed(some)}, {what}", "warning") for what, some in warned.items()),
    ]


def _removed(found: Review, paint: Paint) -> list[str]:
    if not found.removed:
        return []
    names = ", ".join(visible(name) for name in found.removed)
    what = "their views are dropped last" if found.drops else "what they published stays"
    return ["", paint(f"no longer in the project; {what}: {names}", "dim")]


def _told(found: Review) -> list[Change]:
    """The changes that are told apart: what is new is seen from what is built."""
    return [change for change in found.changes if change.category.value != "added"]


def plan_markdown(found: Review) -> str:
    """Writes a plan for a pull request."""
    lines = [f"### {_headline(found)}"]
    for change in _told(found):
        rest = list(_change(change, no_colour))[1:]
        lines += ["", f"**{visible(change.name)}** {change.category.value}: {visible(change.why)}"]
        if rest:
            lines += ["```diff", *(line.removeprefix("    ") for line in rest), "```"]
    if found.pruned:
        lines += ["", "| left as it is | why |", "|---|---|"]
        lines += [f"| {_cell(visible(one.name))} | {_cell(visible(one.why))} |" for one in found.pruned]
    if found.work:
        lines += ["", "| built | | why | batches | rows | last time |", "|---|---|---|---|---|---|"]
        lines += [f"| {' | '.join(_cell(cell) for cell in _cells(work))} |" for work in found.work]
    lines += [*_renamed(found, no_colour), *_taken(found, no_colour)]
    lines += [*_deferred(found, no_colour), *_not_filled(found, no_colour), *_kept(found, no_colour)]
    return "\n".join(lines)


def plan_record(found: Review) -> Record:
    """Gives a plan as plain data."""
    return {
        "event": "plan",
        "target": found.target,
        "environment": found.environment,
        "changes": [
            {
                "id": change.node,
                "name": change.name,
                "path": change.span.path,
                "category": change.category.value,
                "why": change.why,
                "settings": [{"name": name, "old": old, "new": new} for name, old, new in change.settings],
                "differences": [
                    {"query": role, "mark": mark, "what": what, "text": _readable(text)}
                    for role, each in change.differences.items()
                    for one in each
                    for mark, what, text in difference_lines(one)
                ],
            }
            for change in found.changes
        ],
        "work": [_work_record(work) for work in found.work],
        "pruned": [
            {
                "id": one.node,
                "name": one.name,
                "why": one.why,
                "unread": {name: list(columns) for name, columns in one.unread.items()},
            }
            for one in found.pruned
        ],
        "not_filled": [
            {
                "id": one.node,
                "name": one.name,
                "kind": one.kind,
                "materialized": one.materialized,
                "reason": one.reason,
            }
            for one in found.not_filled
        ],
        "renamed": [
            {"id": one.node, "name": one.name, "from": one.old, "readers": list(one.readers)}
            for one in found.renamed
        ],
        "taken": [{"id": one.node, "name": one.name, "source": one.source} for one in found.taken],
        "outside_views": [str(view) for view in found.kept],
        "deferred": [_deferred_record(one, found.prod) for one in found.deferred],
        "removed": list(found.removed),
        "drops": found.drops,
        "unchanged": found.unchanged,
        "untold": list(found.untold),
        "critical_path": list(found.critical),
        "critical_seconds": round(found.critical_seconds, 3),
    }


def _deferred_record(one: Deferred, source: str) -> Record:
    return {
        "id": one.node,
        "name": one.name,
        "source": source,
        "relation": str(one.relation),
        "known": one.publication is not None,
        "other_code": list(one.other),
    }


def _work_record(work: Work) -> Record:
    return {
        "id": work.node,
        "name": work.name,
        "kind": work.kind,
        "materialized": work.materialized,
        "reason": work.reason,
        "forward_only": work.forward_only,
        "held": work.held,
        "path": list(work.path),
        "columns": [{"from": one, "to": made} for one, made in work.columns],
        "tests": work.tests,
        "batches": work.batches,
        "ranges": [[f"{r.start.isoformat()}Z", f"{r.end.isoformat()}Z"] for r in work.ranges],
        "rows": work.rows,
        "seconds": work.seconds,
    }


def _headline(found: Review) -> str:
    changed = len(_told(found))
    parts = [f"{changed} changed", f"{len(found.changes) - changed} added", f"{len(found.removed)} removed"]
    built = [work for work in found.work if work.kind != "test"]
    left = sum(one.kind != "test" for one in found.not_filled)
    parts += [f"{len(found.renamed)} renamed"] if found.renamed else []
    parts += [f"{len(found.taken)} to take"] if found.taken else []
    parts.append(f"{len(built)} to build")
    parts += [f"{left} not filled"] if left else []
    parts += [f"{len(found.pruned)} pruned"] if found.pruned else []
    parts.append(f"{found.unchanged} unchanged")
    return f"plan for {_where(found)}: {', '.join(parts)}"


def _change(change: Change, paint: Paint) -> Iterator[str]:
    kind = "dim" if change.category.value == "metadata" else "warning"
    head = f"~ {visible(change.name)}  {change.category.value}: {visible(change.why)}"
    yield f"{paint(head, kind)}  {paint(visible(change.span.path), 'dim')}"
    for name, old, new in change.settings:
        yield from _drawn(_was_is(f"`{name}`", *_short(name, old, new)), paint)
    several = len(change.differences) > 1
    for role, each in change.differences.items():
        for one in each:
            lines = [
                (m, f"{what} ({role})" if several else what, text) for m, what, text in difference_lines(one)
            ]
            yield from _drawn(lines, paint)


def _short(name: str, old: str, new: str) -> tuple[str, str]:
    if name in ("file", "function"):
        # Digests of files say nothing to anybody.
        return "", "its file, or what that imports"
    return old, new


def _drawn(lines: Sequence[_Line], paint: Paint) -> Iterator[str]:
    before = ""
    for mark, what, text in lines:
        told = what if what != before else " " * len(what)
        line = f"    {mark} {told}  {_readable(text)}".rstrip()
        yield paint(line, {"-": "error", "+": "good"}.get(mark, "warning"))
        before = what


def _work(found: Review, paint: Paint, all_work: bool) -> Iterator[str]:
    from sqlflow.cli.views.table import table

    built = [work for work in found.work if work.kind != "test"]
    alone = len(found.work) - len(built)
    tests = sum(work.tests for work in built)
    if built:
        shown = built if all_work else built[:_MOST]
        heads = ("build", "as", "why", "batches", "rows", "last time")
        yield table(heads, [_cells(work) for work in shown], paint=paint, width=None)
        if len(shown) < len(built):
            yield paint(f"and {len(built) - len(shown)} more; -v shows all", "dim")
    facts = [f"{count(tests, 'test')} before they are published"] if tests else []
    if alone:
        facts.append(f"{count(alone, 'other test')}")
    named = {work.name for work in built}
    chain = [name for name in found.critical if name in named]
    if chain:
        facts.append(f"at least {seconds(found.critical_seconds)}, for {' > '.join(chain)}")
    yield paint("; ".join(facts) or "nothing to build", "dim")


def _pruned(found: Review, paint: Paint, all_work: bool) -> Iterator[str]:
    from sqlflow.cli.views.table import table

    shown = found.pruned if all_work else found.pruned[:_MOST]
    rows = [(visible(one.name), visible(one.why)) for one in shown]
    yield table(("left as it is", "why"), rows, paint=paint, width=None)
    if len(shown) < len(found.pruned):
        yield paint(f"and {len(found.pruned) - len(shown)} more; -v shows all", "dim")


def _cells(work: Work) -> tuple[str, str, str, str, str, str]:
    why = " > ".join(work.path) if len(work.path) > 2 else work.reason
    if work.columns:
        (one, made), *others = work.columns
        why = f"{one} -> {made}" + (f" and {len(others)} more" if others else "")
    why = f"{why}; its rows stay" if work.forward_only else why
    why = f"held: {work.held}" if work.held else why
    batches = ""
    if work.batches:
        first, last = work.ranges[0].start, work.ranges[-1].end
        batches = f"{work.batches}: {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
    took = seconds(work.seconds) if work.seconds is not None else ""
    rows = f"{work.rows:,}" if work.rows is not None else ""
    kind = work.materialized or work.kind
    return visible(work.name), kind, visible(why), batches, rows, took


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _was_is(what: str, old: str, new: str) -> list[_Line]:
    return [line for line in (("-", what, old), ("+", what, new)) if line[2]]


def _many(what: str, old: Sequence[str], new: Sequence[str]) -> list[_Line]:
    return [*(("-", what, text) for text in old), *(("+", what, text) for text in new)]


def difference_lines(one: Difference) -> list[_Line]:
    """Says a difference of two queries in lines: what went, what came."""
    where = f" in {one.part}" if not isinstance(one, SourcesChanged) and one.part else ""
    match one:
        case ColumnAdded():
            return [("+", f"column{where}", _named(one.text, one.name))]
        case ColumnDropped():
            return [("-", f"column{where}", _named(one.text, one.name))]
        case ColumnRenamed():
            return [("~", f"column{where}", f"{one.old} is now {one.new}")]
        case ColumnRetyped():
            return [("~", f"column{where}", f"{one.name}: {one.old or '?'} is now {one.new or '?'}")]
        case ColumnChanged():
            return _was_is(f"column {one.name}{where}", one.old, one.new)
        case ColumnsReordered():
            return _was_is(f"order of columns{where}", ", ".join(one.old), ", ".join(one.new))
        case FilterChanged():
            return _many(f"{one.clause}{where}", one.removed, one.added)
        case JoinAdded():
            return [("+", f"join{where}", one.text)]
        case JoinRemoved():
            return [("-", f"join{where}", one.text)]
        case JoinChanged():
            return _was_is(f"join{where}", one.old, one.new)
        case FromChanged():
            return _was_is(f"FROM{where}", one.old, one.new)
        case SourcesChanged():
            return _many("reads", one.removed, one.added)
        case GroupingChanged():
            return _was_is(f"GROUP BY{where}", ", ".join(one.old), ", ".join(one.new))
        case OrderChanged():
            return _was_is(f"ORDER BY{where}", ", ".join(one.old), ", ".join(one.new))
        case LimitChanged():
            return _was_is(f"LIMIT{where}", one.old, one.new)
        case DistinctChanged():
            return _was_is(f"DISTINCT{where}", one.old, one.new)
        case SetOperationChanged():
            return _was_is(f"set operation{where}", ", ".join(one.old), ", ".join(one.new))
        case RowsChanged():
            return [("~", f"rows{where}", one.why)]
        case PartAdded():
            return [("+", "part", one.part)]
        case PartRemoved():
            return [("-", "part", one.part)]
        case OtherChanged():
            found = _was_is(f"other{where}", one.old, one.new)
            return found or [("~", f"other{where}", "something else")]


def _readable(text: str) -> str:
    """Writes SQL in a line, with the names of nodes in the places of their ids."""
    return visible(_NODE.sub(lambda found: found["name"], " ".join(text.split())))


def _named(text: str, name: str) -> str:
    return name if text == name or text.endswith(f".{name}") else f"{text} AS {name}"
