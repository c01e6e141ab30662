"""Puts the warehouse's names into a query in the place of the project's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlflow.bind.translate.types import TranslatedQuery
from sqlflow.bind.types import BoundQuery, Read
from sqlflow.core.ids import NodeId
from sqlflow.core.textmap import Edit, Segment, TextMap, splice
from sqlflow.dialect.names import lookup_key, quote
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Links
from sqlflow.parse.types import ParsedQuery, Qualifier, TableUse
from sqlflow.render.types import PLACEHOLDER, THIS, RenderedQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class TableText:
    """How a node is written in a FROM clause, and the name that the query sees it under without an alias.

    `inner` is the query that stands in the clause, from its character `inner_start` on; None for a relation.
    """

    from_clause: str
    visible: str
    inner: BoundQuery | None = None
    inner_start: int = 0


def in_brackets(query: BoundQuery, visible: str) -> TableText:
    """Writes a query as a table; the line breaks end a comment that it may end with."""
    sql = query.sql
    indent = len(sql) - len(sql.lstrip())
    text, text_map = splice(sql, query.map, [Edit(0, indent, ""), Edit(len(sql.rstrip()), len(sql), "")])
    inner = BoundQuery(sql=text, map=text_map, reads=tuple(read.shifted(-indent) for read in query.reads))
    return TableText(from_clause=f"(\n{text}\n)", visible=visible, inner=inner, inner_start=2)


def cut(query: BoundQuery, start: int, end: int) -> BoundQuery:
    """Takes a part of a text, with the places of tables in it."""
    text, text_map = splice(query.sql, query.map, [Edit(0, start, ""), Edit(end, len(query.sql), "")])
    reads = (read.shifted(-start) for read in query.reads if start <= read.start < end)
    return BoundQuery(sql=text, map=text_map, reads=tuple(reads))


def rebound(query: BoundQuery, node: NodeId, relation: str) -> BoundQuery:
    """Reads another relation, as SQL writes it, in the place of a node's own."""
    places = (*query.reads, *query.own)
    edits = [Edit(place.start, place.end, relation + place.alias) for place in places if place.node == node]
    if all(query.sql[edit.start : edit.end] == relation for edit in edits):
        return query
    sql, text_map = splice(query.sql, query.map, edits)
    reads, inlined, own = (
        tuple(_moved(found, edits, node, len(relation))) for found in (query.reads, query.inlined, query.own)
    )
    return BoundQuery(sql=sql, map=text_map, reads=reads, inlined=inlined, own=own)


def _moved(places: Iterable[Read], edits: Sequence[Edit], node: NodeId, length: int) -> Iterator[Read]:
    def grown(position: int) -> int:
        return sum(len(edit.text) - (edit.end - edit.start) for edit in edits if edit.start < position)

    for place in places:
        start = place.start + grown(place.start)
        if place.node == node:
            yield place._replace(start=start, end=start + length, alias="")
        else:
            yield place._replace(start=start, end=place.end + grown(place.end))


TextOf = Callable[[NodeId], TableText]


def bind_query(
    query: RenderedQuery,
    facts: ParsedQuery | None,
    links: Links,
    this: TableText | None,
    text_of: TextOf,
    spec: DialectSpec,
    *,
    own: NodeId | None = None,
) -> BoundQuery:
    """Replaces the spans of table names, and nothing else of what the user wrote.

    A table that had no alias gets the name that the query sees it under, if that is not the name that now
    stands there. A placeholder outside a table's place (in a text literal, a hook, a qualifier) becomes
    the relation's name as well. `facts` is None for a hook, whose statement is not parsed: there, the places
    of `this` are known as reads of the node that is its `own`.
    """
    edits: list[Edit] = []
    tables: dict[Edit, _Table] = {}
    mine: dict[Edit, _Table] = {}
    if facts is not None:
        for use, node in zip(facts.tables, links.tables, strict=True):
            if node is not None:
                text = _text(use.parts[-1].text, node, this, text_of)
                edit, alias = _table_edit(use, text, spec)
                edits.append(edit)
                (mine if text is this else tables)[edit] = _Table(node, text, alias)
                if use.keyword is not None:
                    edits.append(Edit(use.keyword, use.start, "SELECT * FROM "))
        edits.extend(_qualifier_edits(facts, links, this, text_of, spec))
    taken = [(edit.start, edit.end) for edit in edits]
    for start, end, text in _placeholders(query.text, links, this, text_of):
        if not any(begin <= start < stop for begin, stop in taken):
            edits.append(Edit(start, end, text.from_clause))
            if own is not None and text is this:
                (tables if facts is None else mine)[edits[-1]] = _Table(own, text, "")
    if facts is not None and facts.end < len(query.text):
        tail = query.text[facts.end :]
        edits = [edit for edit in edits if edit.start < facts.end]
        if ";" in tail or "--" in tail or "/*" in tail:
            edits.append(Edit(facts.end, len(query.text), ""))
    return _spliced(query.text, query.map, edits, tables, mine)


def bind_translated(
    query: TranslatedQuery, links: Links, this: TableText | None, text_of: TextOf
) -> BoundQuery:
    """Puts the names of tables into a query that was written in the target's dialect."""
    edits: list[Edit] = []
    tables: dict[Edit, _Table] = {}
    mine: dict[Edit, _Table] = {}
    for place in query.tables:
        text = this if place.is_this and this is not None else text_of(place.node)
        edits.append(Edit(place.start, place.end, text.from_clause))
        (mine if text is this else tables)[edits[-1]] = _Table(place.node, text, "")
    for start, end, text in _placeholders(query.text, links, this, text_of):
        edits.append(Edit(start, end, text.from_clause))
    return _spliced(query.text, query.map, edits, tables, mine)


class _Table(NamedTuple):
    """What an edit put in the place of a table's name."""

    node: NodeId
    text: TableText
    alias: str


def _spliced(
    text: str,
    text_map: TextMap,
    edits: Sequence[Edit],
    tables: Mapping[Edit, _Table],
    mine: Mapping[Edit, _Table],
) -> BoundQuery:
    """Applies edits; a query that was put in keeps its own places, below that of the name it replaced.

    `mine` are those of the tables that are `this`.
    """
    sql, text_map = splice(text, text_map, edits)
    reads: list[Read] = []
    inlined: list[Read] = []
    own: list[Read] = []
    grown = 0
    for edit in sorted(edits):
        table = tables.get(edit)
        start = edit.start + grown
        if edit in mine:
            found = mine[edit]
            own.append(Read(start, start + len(found.text.from_clause), found.node, found.alias))
        if table is not None and table.text.inner is not None:
            inlined.append(Read(start, start + len(table.text.from_clause), table.node, table.alias))
            start += table.text.inner_start
            text_map = _nest(text_map, start, table.text.inner.map)
            reads.extend(read.shifted(start) for read in table.text.inner.reads)
        elif table is not None:
            reads.append(Read(start, start + len(table.text.from_clause), table.node, table.alias))
        grown += len(edit.text) - (edit.end - edit.start)
    return BoundQuery(sql=sql, map=text_map, reads=tuple(reads), inlined=tuple(inlined), own=tuple(own))


def _nest(text_map: TextMap, start: int, inner: TextMap) -> TextMap:
    frames = text_map.locate(start)
    end = start + inner.length
    before = [segment for segment in text_map.segments if segment.start < start]
    after = [segment for segment in text_map.segments if segment.start > end]
    nested = [Segment(s.start + start, (*frames, *s.frames), s.exact) for s in inner.segments]
    return TextMap((*before, *nested, Segment(end, frames, False), *after), text_map.length)


def _text(name: str, node: NodeId, this: TableText | None, text_of: TextOf) -> TableText:
    return this if this is not None and name.lower() == THIS else text_of(node)


def _table_edit(use: TableUse, text: TableText, spec: DialectSpec) -> tuple[Edit, str]:
    """Gives the edit, and the alias that another relation would need in the place of this one."""
    if use.aliased:
        return Edit(use.start, use.end, text.from_clause), ""
    written = use.parts[-1]
    special = PLACEHOLDER.fullmatch(written.text) or written.text.lower() == THIS
    seen_as = text.visible if special else written.text
    alias = f" AS {quote(spec, seen_as) if special or written.quoted else seen_as}"
    if _ends_with_name(text.from_clause, seen_as, written.quoted or bool(special), spec):
        return Edit(use.start, use.end, text.from_clause), alias
    return Edit(use.start, use.end, text.from_clause + alias), ""


def _ends_with_name(clause: str, name: str, quoted: bool, spec: DialectSpec) -> bool:
    """Whether a relation's last part is the name that the query uses, so that no alias is needed."""
    last = quote(spec, lookup_key(spec, name, quoted))
    return clause == last or lookup_key(spec, clause, True).endswith("." + last)


def _qualifier_edits(
    facts: ParsedQuery, links: Links, this: TableText | None, text_of: TextOf, spec: DialectSpec
) -> list[Edit]:
    """Shortens `raw.orders.id` to `orders.id` where `raw.orders` is a table that now has another name."""
    replaced: set[tuple[str, ...]] = set()
    for use, node in zip(facts.tables, links.tables, strict=True):
        if node is not None and len(use.parts) > 1 and not use.aliased:
            parts = tuple(lookup_key(spec, part.text, part.quoted) for part in use.parts)
            replaced.update(parts[i:] for i in range(len(parts) - 1))
    edits: list[Edit] = []
    for qualifier in facts.qualifiers:
        node = _placeholder_node(qualifier, links)
        last = qualifier.parts[-1].text
        if len(qualifier.parts) == 1 and (node is not None or last.lower() == THIS):
            text = this if last.lower() == THIS else text_of(node) if node is not None else None
            if text is not None:
                edits.append(Edit(qualifier.start, qualifier.end, quote(spec, text.visible)))
        elif tuple(lookup_key(spec, part.text, part.quoted) for part in qualifier.parts) in replaced:
            edits.append(Edit(qualifier.start, qualifier.last_start, ""))
    return edits


def _placeholder_node(qualifier: Qualifier, links: Links) -> NodeId | None:
    match = PLACEHOLDER.fullmatch(qualifier.parts[-1].text)
    return links.references[int(match.group(1))] if match else None


def _placeholders(
    text: str, links: Links, this: TableText | None, text_of: TextOf
) -> list[tuple[int, int, TableText]]:
    out: list[tuple[int, int, TableText]] = []
    for match in PLACEHOLDER.finditer(text):
        index = int(match.group(1))
        node = links.references[index] if index < len(links.references) else None
        if node is not None:
            out.append((match.start(), match.end(), text_of(node)))
    if this is not None:
        at = text.find(THIS)
        while at != -1:
            out.append((at, at + len(THIS), this))
            at = text.find(THIS, at + 1)
    return out
