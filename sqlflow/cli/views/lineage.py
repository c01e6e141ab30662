"""Where columns come from, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rich.cells import cell_len, set_cell_size

from sqlflow.cli.views.paint import Paint, count, visible
from sqlflow.core.ids import NodeId, has_query, kind_of

if TYPE_CHECKING:
    from sqlflow.api import Hop
    from sqlflow.bind.query.values import ColumnRef

Record: TypeAlias = dict[str, object]

# How many columns a line lists before it only counts the rest.
NAMES = 8
_UNNAMED = "(unnamed)"
_CUT = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A column, and those at the other end of its lineage: its sources, or its readers by their kind."""

    column: str | None
    values: tuple[ColumnRef, ...]
    rows: tuple[ColumnRef, ...]
    opaque: tuple[ColumnRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What nodes are called, and which of them are dataframe models, whose insides are not seen."""

    names: Mapping[NodeId, str]
    opaque: frozenset[NodeId]

    def column(self, ref: ColumnRef) -> str:
        """Writes a column as `node.column`."""
        return f"{self.names[NodeId(ref.table)]}.{ref.column or _UNNAMED}"


def sources_text(
    id: NodeId, links: Sequence[Link], rows: Sequence[ColumnRef], names: Names, *, paint: Paint
) -> str:
    """Draws a node's columns with the columns they come from; `rows` are those that decide its rows."""
    kind = kind_of(id)
    none = "no column" if has_query(id) else f"({kind.value})"
    lines = _aligned(
        [
            (link.column, [*map(names.column, link.values), *_anything(link.opaque, names)], none)
            for link in links
        ],
        paint,
    )
    return "\n".join([*lines, *_after("rows", map(names.column, rows), paint)])


def readers_text(links: Sequence[Link], names: Names, *, paint: Paint) -> str:
    """Draws a node's columns with the columns that read them directly."""
    lines = _aligned([(link.column, [*map(names.column, link.values)], "nothing") for link in links], paint)
    rows = {names.names[NodeId(ref.table)] for link in links for ref in link.rows}
    opaque = {names.names[NodeId(ref.table)] for link in links for ref in link.opaque}
    return "\n".join([*lines, *_after("rows", sorted(rows), paint), *_after("opaque", sorted(opaque), paint)])


def trace_text(hops: Sequence[Hop], names: Names, *, down: bool, paint: Paint, width: int | None) -> str:
    """Draws the hops of one column: those that take its values, then those that only decide rows."""
    drawing = _Trace(names, down=down, paint=paint, width=width)
    blocks = ["\n".join(drawing.tree([hop for hop in hops if hop.kind == "value"], 0))]
    rows = [hop for hop in hops if hop.kind == "rows"]
    if rows:
        # Whatever reads a row of a model reads all of its columns: their expressions say nothing more.
        lines = drawing.nodes(rows) if down else drawing.tree(rows, 1)
        blocks.append("\n".join([paint("rows:", "title"), *lines]))
    opaque = [hop for hop in hops if hop.kind == "opaque"]
    if opaque:
        blocks.append("\n".join([paint("opaque:", "title"), *drawing.nodes(opaque)]))
    return "\n".join(blocks)


def sources_records(
    id: NodeId, links: Sequence[Link], rows: Sequence[ColumnRef], names: Names
) -> list[Record]:
    """Gives an object for each column, and a last one for the columns that decide the rows."""
    head: Record = {"id": id, "name": names.names[id]}
    records: list[Record] = [
        {
            "event": "lineage",
            **head,
            "column": link.column,
            "sources": [_reference(ref, "value") for ref in link.values]
            + [_reference(ref, "opaque") for ref in link.opaque],
        }
        for link in links
    ]
    records.append({"event": "rows", **head, "sources": [_reference(ref, "rows") for ref in rows]})
    return records


def readers_records(id: NodeId, links: Sequence[Link], names: Names) -> list[Record]:
    """Gives an object for each column, with what reads it directly."""
    return [
        {
            "event": "lineage",
            "id": id,
            "name": names.names[id],
            "column": link.column,
            "readers": [
                _reference(ref, kind)
                for kind, refs in (("value", link.values), ("rows", link.rows), ("opaque", link.opaque))
                for ref in refs
            ],
        }
        for link in links
    ]


def hop_record(hop: Hop, names: Names) -> Record:
    """Gives one hop of a trace; `opaque` marks a column that a dataframe model computes."""
    return {
        "event": "hop",
        "id": hop.node,
        "name": hop.name,
        "column": hop.column,
        "depth": hop.depth,
        "kind": hop.kind,
        "text": hop.text,
        "reads": [{"id": ref.table, "column": ref.column} for ref in hop.reads],
        "opaque": hop.node in names.opaque,
    }


class _Trace:
    """Draws hops as indented lines."""

    def __init__(self, names: Names, *, down: bool, paint: Paint, width: int | None) -> None:
        self._names = names
        self._down = down
        self._paint = paint
        self._width = width

    def tree(self, hops: Sequence[Hop], indent: int) -> list[str]:
        """Puts each hop below the one that it was reached from; what is below it is drawn once."""
        onward = self._onward(hops)
        reached = {id(hop) for below in onward.values() for hop in below}
        lines: list[str] = []
        drawn: set[int] = set()
        # What can't be tied to a hop before it still stands as deep as it is.
        waiting = [(hop, indent or hop.depth) for hop in reversed(hops) if id(hop) not in reached]
        while waiting:
            hop, depth = waiting.pop()
            below = onward[id(hop)]
            again = id(hop) in drawn and bool(below)
            lines.append(self._line(hop, depth, again=again))
            if not again:
                drawn.add(id(hop))
                waiting += [(next_, depth + 1) for next_ in reversed(below)]
        return lines

    def nodes(self, hops: Sequence[Hop]) -> list[str]:
        """Gives one line for each node, with its columns."""
        columns: dict[NodeId, list[str]] = {}
        for hop in hops:
            columns.setdefault(hop.node, []).append(hop.column or _UNNAMED)
        return [
            self._fit(
                f"  {visible(self._names.names[node])}",
                f"{count(len(found), 'column')}: {_abridged(found)}",
            )
            for node, found in columns.items()
        ]

    def _onward(self, hops: Sequence[Hop]) -> Mapping[int, list[Hop]]:
        """Gives the hops that a hop leads to, by its identity."""
        found = {(str(hop.node), hop.column): hop for hop in hops}
        onward: dict[int, list[Hop]] = {id(hop): [] for hop in hops}
        for hop in hops:
            for ref in hop.reads:
                source = found.get((ref.table, ref.column))
                # Above the place where a trace goes down from, there is nothing of it.
                if source is None or source is hop:
                    continue
                first, then = (source, hop) if self._down else (hop, source)
                onward[id(first)].append(then)
        return onward

    def _line(self, hop: Hop, depth: int, *, again: bool) -> str:
        head = "  " * depth + visible(f"{hop.name}.{hop.column or _UNNAMED}")
        if again:
            return self._fit(head, "(see above)")
        kind = kind_of(hop.node)
        if not has_query(hop.node):
            return self._fit(head, f"({kind.value})")
        if hop.node in self._names.opaque:
            return self._fit(head, "(opaque: a dataframe model)")
        # A star stands for a column by its name.
        return self._fit(head, hop.text or hop.column or _UNNAMED)

    def _fit(self, head: str, text: str) -> str:
        text = visible(" ".join(text.split()))
        if self._width is not None:
            room = max(len(_CUT) + 1, self._width - cell_len(head) - 2)
            if cell_len(text) > room:
                text = set_cell_size(text, room - len(_CUT)) + _CUT
        return f"{head}  {self._paint(text, 'dim')}"


def _aligned(rows: Sequence[tuple[str | None, Sequence[str], str]], paint: Paint) -> list[str]:
    heads = [visible(name if name is not None else _UNNAMED) for name, _, _ in rows]
    size = max(map(cell_len, heads), default=0)
    return [
        f"{head}{' ' * (size - cell_len(head))}  {_abridged(found) if found else paint(none, 'dim')}"
        for head, (_, found, none) in zip(heads, rows, strict=True)
    ]


def _after(title: str, names: Iterable[str], paint: Paint) -> list[str]:
    found = list(names)
    return [f"{paint(title + ':', 'title')} {_abridged(found)}"] if found else []


def _anything(refs: Iterable[ColumnRef], names: Names) -> list[str]:
    nodes = dict.fromkeys(NodeId(ref.table) for ref in refs)
    return [f"anything that {names.names[node]} reads (opaque)" for node in nodes]


def _abridged(names: Sequence[str]) -> str:
    """A rest of one is no shorter than its name."""
    shown = list(names) if len(names) <= NAMES + 1 else list(names[:NAMES])
    rest = len(names) - len(shown)
    return visible(", ".join(shown)) + (f" and {rest:,} more" if rest else "")


def _reference(ref: ColumnRef, kind: str) -> Record:
    return {"id": ref.table, "column": ref.column, "kind": kind}
