"""The account of a run after its end: how many, what failed and why, what was skipped because of what."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.cli.views.diagnostics import Lines, in_order, render
from sqlflow.cli.views.paint import Paint, count, seconds, visible
from sqlflow.state.event import NodeFinished, RunFinished, RunHooksFinished, Status

# How many names a line lists before it only counts the rest.
NAMES = 8

_WORDS = {
    Status.SUCCESS: ("ok", "good"),
    Status.UNCHANGED: ("unchanged", "dim"),
    Status.WARN: ("warn", "warning"),
    Status.FAIL: ("FAIL", "error"),
    Status.ERROR: ("ERROR", "error"),
    Status.HELD: ("held", "warning"),
    Status.SKIPPED: ("skipped", "dim"),
    Status.CANCELLED: ("cancelled", "warning"),
}
_ORDER = (
    Status.ERROR,
    Status.FAIL,
    Status.CANCELLED,
    Status.SKIPPED,
    Status.HELD,
    Status.WARN,
    Status.SUCCESS,
    Status.UNCHANGED,
)


def node_line(event: NodeFinished, paint: Paint) -> str:
    """Says in one line how a node ended: `ok         model  stg_orders  view  0.12 s`."""
    word, kind = _WORDS[event.status]
    what = _what(event)
    facts = [event.materialized] if event.materialized not in ("", event.kind) else []
    if event.rows is not None and (event.rows or event.kind != "test"):
        facts.append(count(event.rows, "wrong row" if event.kind == "test" else "row"))
    if event.status in (Status.SKIPPED, Status.HELD):
        facts = []
    else:
        facts.append(seconds(event.seconds))
    line = f"{paint(f'{word:<10}', kind)} {what}  {paint(', '.join(facts), 'dim')}".rstrip()
    return f"{line}  {visible(_reason(event))}" if _reason(event) else line


def hooks_line(event: RunHooksFinished, paint: Paint) -> str:
    """Says in one line how the statements ended that run when a run starts or ends."""
    word, kind = _WORDS[event.status]
    facts = f"{count(event.statements, 'statement')}, {seconds(event.seconds)}"
    return f"{paint(f'{word:<10}', kind)} {event.hook}  {paint(facts, 'dim')}"


def summary(
    finished: RunFinished, nodes: Sequence[NodeFinished], lines: Lines, *, paint: Paint, width: int
) -> str:
    """Draws the account. `nodes` are those that ended other than well, or with something to say."""
    blocks: list[str] = []
    for node in sorted(nodes, key=lambda n: _ORDER.index(n.status), reverse=True):
        if node.status in (Status.SKIPPED, Status.HELD, Status.SUCCESS) and not node.diagnostics:
            continue
        if node.status is Status.CANCELLED and not node.diagnostics:
            continue
        blocks.append(_failure(node, lines, paint=paint, width=width))
    shown = {d for node in nodes for d in node.diagnostics}
    rest = [d for d in in_order(finished.diagnostics) if d not in shown]
    blocks += [render(d, lines, paint=paint, width=width) for d in rest]
    for status in (Status.CANCELLED, Status.SKIPPED, Status.HELD):
        left = [node for node in nodes if node.status is status]
        if left:
            blocks.append(_not_done(status, left, paint))
    blocks.append(_last_line(finished, paint))
    return "\n\n".join(blocks)


def _failure(node: NodeFinished, lines: Lines, *, paint: Paint, width: int) -> str:
    word, kind = _WORDS[node.status]
    head = f"{paint(word, kind)} {_what(node)}"
    facts: list[str] = []
    if node.kind == "test" and node.rows is not None:
        facts.append(count(node.rows, "wrong row"))
    if node.kept:
        facts.append(f"kept in {visible(node.kept)}")
    if _reason(node):
        facts.append(visible(_reason(node)))
    if facts:
        head += f" ({'; '.join(facts)})"
    drawn = [render(d, lines, paint=paint, width=width) for d in in_order(node.diagnostics)]
    return "\n".join([head, *drawn])


def _not_done(status: Status, nodes: Sequence[NodeFinished], paint: Paint) -> str:
    word, kind = _WORDS[status]
    by_reason: dict[str, list[str]] = {}
    # Models say more than their tests.
    for node in sorted(nodes, key=lambda node: node.kind == "test"):
        by_reason.setdefault(_reason(node), []).append(visible(node.name))
    out = [f"{paint(word, kind)} {count(len(nodes), 'node')}"]
    for reason, names in by_reason.items():
        listed = ", ".join(names[:NAMES])
        more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
        out.append(f"  {listed}{more}" + (f": {visible(reason)}" if reason else ""))
    return "\n".join(out)


def _last_line(finished: RunFinished, paint: Paint) -> str:
    numbers = dict(finished.counts)
    parts = [f"{number} {_WORDS[status][0].lower()}" for status in _ORDER if (number := numbers.get(status))]
    if finished.interrupted:
        verdict, kind = "interrupted", "warning"
    elif finished.ok:
        verdict, kind = "done", "good"
    else:
        verdict, kind = "failed", "error"
    told = ", ".join(parts) or "nothing to do"
    return f"{paint(verdict, kind)}: {told} in {seconds(finished.seconds)}"


def _reason(node: NodeFinished) -> str:
    """What there is to say beyond the status itself, and beyond the rows that a test found."""
    said_already = node.reason == node.status.value or (node.kind == "test" and node.rows)
    return "" if said_already else node.reason


def _what(node: NodeFinished) -> str:
    return f"{node.kind} {visible(node.name)}"
