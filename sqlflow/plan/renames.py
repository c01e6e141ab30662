"""Goes on with what was published under the names that nodes had before: nothing of it is computed.

Ids of nodes stand in publications and in the texts of versions. Where a node was renamed, those that are kept
are read as if it had always had its new id, and are written down so by the plan that renames it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from sqlflow.bind.bind import from_clause
from sqlflow.bind.types import BoundQuery, Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.names import quote, read_relation, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.impact import Impact
from sqlflow.plan.stale import Past
from sqlflow.plan.types import Carried, Plan
from sqlflow.plan.versions import Version
from sqlflow.state.publication import Publication

T = TypeVar("T")
# A node in the list of those that a model by time range reads parts of, as a version has it.
_TIMED = re.compile(r"\('(?:[^'\\]|\\.)*', TimeColumn\(.*?\)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """Ids that nodes had before, each with the one that the node has now."""

    new: Mapping[NodeId, NodeId] = field(default_factory=lambda: MappingProxyType({}))

    def due(self, published: Collection[NodeId]) -> Renames:
        """Gives those to be done where these are published: the old one is, the new one never was."""
        due = {old: new for old, new in self.new.items() if old in published and new not in published}
        return Renames(new=due)

    def concern(self, one: Publication) -> bool:
        """Whether a publication names a node by an old id: itself, or one that it read."""
        named = {one.node, *one.inputs, *one.tested, *one.origins, *one.unread}
        return not named.isdisjoint(self.new)

    def publication(self, one: Publication) -> Publication:
        """Gives a publication by the new ids; its code and its relation stay."""
        return replace(
            one,
            node=self.new.get(one.node, one.node),
            inputs=self._keys(one.inputs),
            tested=self._keys(one.tested),
            origins=self._keys(one.origins),
            unread=self._keys(one.unread),
        )

    def version(
        self, version: Version, spec: DialectSpec, relations: Mapping[str, str], *, own: bool
    ) -> Version:
        """Gives a version by the new ids.

        `relations` are old names of relations with the new ones, as SQL writes them. What is the renamed
        node's `own` has that in its queries too, where these read its table. What its queries mean is to be
        found out anew where their text is another one.
        """
        queries = {
            role: self._query(text, spec, relations if own else {}) for role, text in version.queries.items()
        }
        same = {role for role, text in queries.items() if text == version.queries[role]}
        return replace(
            version,
            parts={name: self._part(name, part, relations) for name, part in version.parts.items()},
            queries=queries,
            forms={role: form for role, form in version.forms.items() if role in same},
            reads={self.new.get(NodeId(node), node): columns for node, columns in version.reads.items()},
        )

    def _keys(self, found: Mapping[NodeId, T]) -> Mapping[NodeId, T]:
        return {self.new.get(node, node): value for node, value in found.items()}

    def _query(self, text: str, spec: DialectSpec, relations: Mapping[str, str]) -> str:
        for old, new in self.new.items():
            text = text.replace(quote(spec, old), quote(spec, new))
        return _replaced(text, relations)

    def _part(self, name: str, part: Any, relations: Mapping[str, str]) -> Any:
        if name == "relation":
            return relations.get(part, part)
        if name == "names":
            return sorted(relations.get(one, one) for one in part)
        if name == "times":
            return self._times(part)
        return _within(part, relations) if name in ("hooks", "strategy") else part

    def _times(self, text: str) -> str:
        for old, new in self.new.items():
            text = text.replace(repr(str(old)), repr(str(new)))
        found = sorted(_TIMED.findall(text))
        in_order = f"[{', '.join(found)}]"
        return in_order if len(in_order) == len(text) else text


def _replaced(text: str, relations: Mapping[str, str]) -> str:
    for old, new in relations.items():
        text = text.replace(old, new)
    return text


def _within(part: Any, relations: Mapping[str, str]) -> Any:
    """Replaces names in all texts of a list of lists."""
    return _replaced(part, relations) if isinstance(part, str) else [_within(one, relations) for one in part]


def find_carried(
    program: Program,
    past: Past,
    wanted: Collection[NodeId],
    effective: Mapping[NodeId, tuple[NodeId, ...]],
    impact: Impact | None,
) -> tuple[Carried, ...]:
    """Gives the publications that are to stand in the log under other ids, in the graph's order.

    All or none: those where something that is wanted was renamed, or reads what was.
    """
    renamed = {node for node, before in past.carried.items() if before.node != node}
    if not any(node in renamed or not renamed.isdisjoint(effective[node]) for node in wanted):
        return ()
    return tuple(_carried(program, past, impact))


def _carried(program: Program, past: Past, impact: Impact | None) -> Iterator[Carried]:
    for node in program.graph.order:
        bound = program.models.get(node) or program.seeds.get(node)
        if bound is None or node not in past.carried:
            continue
        before, last = past.carried[node], past.publications[node]
        is_renamed = before.node != node
        version = impact.published(node, last) if impact is not None else None
        is_view = last.table is None and version is not None and "names" in version.parts
        by_name = program.spec.views_bind_by_name and is_view and not is_renamed
        yield Carried(
            node=node,
            name=bound.name,
            span=bound.span,
            relation=bound.relation,
            indexes=bound.config.indexes,
            is_view=is_view,
            before=before,
            publication=replace(last, relation=relation_sql(program.spec, bound.relation)),
            query=query_of(program, version) if by_name and version is not None else None,
        )


def query_of(
    program: Program, version: Version, gone: Mapping[NodeId, str] = MappingProxyType({})
) -> BoundQuery | None:
    """Gives the query of a version with the environment's names in the places of nodes.

    `gone` has those of nodes that are not in the project. None where it has no single query.
    """
    if "full" not in version.queries:
        return None
    text = version.queries["full"]
    for node in version.reads:
        clause = from_clause(program, NodeId(node)) or gone.get(NodeId(node))
        if clause is not None:
            text = text.replace(quote(program.spec, node), clause)
    return BoundQuery(sql=text, map=TextMap((), 0))


def find_refused(plan: Plan, program: Program, past: Past) -> tuple[Diagnostic, ...]:
    """Says what can't be renamed."""
    return tuple(_refused(plan.carried, program, past))


def _refused(carried: Iterable[Carried], program: Program, past: Past) -> Iterator[Diagnostic]:
    spec = program.spec
    for one in carried:
        if not one.is_renamed:
            continue
        before = read_relation(spec, one.before.relation)
        why = ""
        if not spec.transactions:
            why = f"{spec.name} has no transactions"
        elif before[:2] != one.relation[:2]:
            why = f"`{before}` lies in another schema than `{one.relation}`"
        elif one.node in past.occupied:
            why = f"`{one.relation}` is in the warehouse already"
        if why:
            yield Diagnostic(
                code=Code.NOT_RENAMED,
                message=f"`{one.name}` can't go on with what `{one.old_name}` is: {why}",
                span=one.span,
                help="take `renamed_from` out: then it is built anew",
            )
