"""Looks for views from outside the project that read what a plan replaces, before it is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlflow.adapter.protocol import Adapter, Session
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import InTheWay, views_in_the_way
from sqlflow.apply.publish import local_name
from sqlflow.bind.stand_in import reading_instead
from sqlflow.bind.types import Program
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation, RelationKind, ViewDefinition, ViewReader
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import name_key
from sqlflow.materialize.incremental import altered_columns
from sqlflow.materialize.relation import build_table, build_view, extends
from sqlflow.materialize.staging import all_rows
from sqlflow.materialize.types import Carry, Existing
from sqlflow.plan.losses import known_columns
from sqlflow.plan.replaced import Replaced, Way, find_replaced, made_again
from sqlflow.plan.types import Plan
from sqlflow.state.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideViews:
    """Views from outside the project that read what a plan replaces.

    Those that are `kept` are made again along with it; where one can't be, the `problems` say so.
    """

    kept: tuple[Relation, ...] = ()
    problems: tuple[Diagnostic, ...] = ()


def look_outside(
    plan: Plan,
    program: Program,
    published: Mapping[NodeId, Publication],
    catalog: Catalog,
    adapter: Adapter,
    session: Session,
    *,
    knows_types: bool,
) -> OutsideViews:
    """Asks what reads what a plan replaces, and whether it can be made again; nothing is changed.

    `published` has the last publication of each node; where the program `knows_types`, they are in the
    engine's words. What can't be told beforehand, as the columns of a dataframe, is left to the build.
    """
    if adapter.spec.views_bind_by_name or not plan.changes:
        return OutsideViews()
    there = [
        (one, kind)
        for one in find_replaced(plan, program, published)
        if (kind := catalog.kind(session, one.relation)) is not None and kind is not RelationKind.OTHER
    ]
    relations = tuple(dict.fromkeys(one.relation for one, _ in there))
    readers = session.readers(relations) if relations else ()
    if not readers:
        return OutsideViews()
    look = _Look(plan, program, adapter, session, readers, knows_types=knows_types)
    problems = [problem for one, kind in there for problem in look.problems(one, kind)]
    return OutsideViews(kept=tuple(sorted(look.kept, key=str)), problems=tuple(dict.fromkeys(problems)))


class _Look:
    """Looks at one replaced relation after the other; collects what is `kept`."""

    def __init__(
        self,
        plan: Plan,
        program: Program,
        adapter: Adapter,
        session: Session,
        readers: Sequence[ViewReader],
        *,
        knows_types: bool,
    ) -> None:
        self.kept: set[Relation] = set()
        self._program = program
        self._spec = program.spec
        self._adapter = adapter
        self._session = session
        self._knows_types = knows_types
        self._again = {local_name(self._spec, relation) for relation in made_again(plan, program)}
        nodes = (*program.models.values(), *program.seeds.values(), *program.sources.values())
        self._own = {local_name(self._spec, node.relation) for node in nodes}
        self._readers: dict[tuple[str, str], list[ViewReader]] = {}
        for reader in readers:
            self._readers.setdefault(local_name(self._spec, reader.reads), []).append(reader)

    def problems(self, one: Replaced, kind: RelationKind) -> Iterator[Diagnostic]:
        """Gives what is in the way of one relation, which is of a `kind`."""
        below = {
            reader.view: reader
            for reader in self._below(one.relation)
            if local_name(self._spec, reader.view) not in self._again
        }
        direct = [reader.view for reader in self._reading(one.relation) if reader.view in below]
        if not below:
            return
        if one.way is Way.DROPPED:
            yield from self._told(one, InTheWay.GONE, direct)
            return
        before, views = self._session.columns(one.relation) or (), self._session.dependents(one.relation)
        after = self._after(one, before)
        if after is None:
            return
        definitions = {view.relation: view for view in views}
        asked = [definitions[view] for view in direct if view in definitions and not below[view].stored]
        if one.way is Way.ALTERED:
            # A column that a view reads is neither dropped nor retyped.
            stays = [column for column in before if column in after]
            stuck = [
                view.relation for view in asked if self._follows(view, one.relation, before, stays) is False
            ]
            yield from self._told(one, InTheWay.ALTERED, stuck)
            return
        if not self._swaps(one, Existing(kind=kind, columns=before, dependents=views), after):
            return
        stored = [view for view, reader in below.items() if reader.stored]
        closed = [view for view, reader in below.items() if not reader.stored and not reader.replaceable]
        follows = {view.relation: self._follows(view, one.relation, before, after) for view in asked}
        stuck = [view for view, does in follows.items() if does is False]
        yield from self._told(one, InTheWay.STORED, stored)
        yield from self._told(one, InTheWay.RIGHTS, closed)
        yield from self._told(one, InTheWay.COLUMNS, stuck)
        unsure = {*stored, *closed, *(view for view, does in follows.items() if not does)}
        self.kept |= {v for v in below.keys() - unsure if local_name(self._spec, v) not in self._own}

    def _told(self, one: Replaced, why: InTheWay, views: Sequence[Relation]) -> Iterator[Diagnostic]:
        if views:
            yield views_in_the_way(one.name, why, views, one.span)

    def _reading(self, relation: Relation) -> Sequence[ViewReader]:
        return self._readers.get(local_name(self._spec, relation), ())

    def _below(self, relation: Relation) -> Iterator[ViewReader]:
        """All that reads a relation, directly or through others."""
        found: set[Relation] = set()
        left = [relation]
        while left:
            for reader in self._reading(left.pop()):
                if reader.view not in found:
                    found.add(reader.view)
                    left.append(reader.view)
                    yield reader

    def _after(self, one: Replaced, before: Sequence[Column]) -> tuple[Column, ...] | None:
        """Gives the columns that a relation will have; None where that is not known before it is built."""
        if one.way is Way.ADOPTED:
            return tuple(before)
        if one.table is not None:
            return self._session.columns(one.table)
        schema = self._program.schemas.get(one.node)
        known = (
            known_columns(self._spec, before, schema) if schema is not None and self._knows_types else None
        )
        incoming = self._in_words(before, known) if known is not None else None
        if incoming is None or one.model is None:
            return incoming
        return altered_columns(self._spec, one.model, before, incoming)

    def _in_words(self, before: Sequence[Column], known: Sequence[Column]) -> tuple[Column, ...] | None:
        """Gives columns with their types as the engine says them, of those that a relation has already."""
        old = {name_key(self._spec, column.name): column for column in before}
        changed = [c for c in known if (was := old.get(name_key(self._spec, c.name))) and was.type != c.type]
        told = self._described(sql.typed_columns(self._spec, changed)) if changed else ()
        if told is None:
            return None
        types = {was: now.type for was, now in zip(changed, told, strict=True)}
        return tuple(column._replace(type=types.get(column, column.type)) for column in known)

    def _swaps(self, one: Replaced, existing: Existing, after: Sequence[Column]) -> bool:
        """Whether views that read a relation have to be made again, by the steps that replace it."""
        spec, relation = self._spec, one.relation
        if one.way is Way.ADOPTED:
            return True
        if one.way is Way.TABLE:
            script = build_table(spec, relation, tuple(after), existing, after, (), lambda _: (), "")
        else:
            rows = all_rows(spec, relation)
            script = build_view(spec, relation, rows, existing, after, lambda _: (), "")
        return any(isinstance(step, Carry) for step in script.steps)

    def _follows(
        self, view: ViewDefinition, relation: Relation, before: Sequence[Column], after: Sequence[Column]
    ) -> bool | None:
        """Whether a view could be made again over other columns of what it reads; None where nobody knows.

        As CREATE OR REPLACE VIEW has it: with the columns that it has, and perhaps more.
        """
        now = self._described(view.query)
        then = self._over(view, relation, [column for column in after if column.type])
        if now is None:
            return None
        if then is not None and extends(self._spec, now, then):
            return True
        # That it fails means something only where it does not with the columns that there are.
        return False if self._over(view, relation, before) == now else None

    def _over(
        self, view: ViewDefinition, relation: Relation, columns: Sequence[Column]
    ) -> tuple[Column, ...] | None:
        query = reading_instead(view.query, relation, columns, self._spec)
        return self._described(query) if query is not None else None

    def _described(self, query: str) -> tuple[Column, ...] | None:
        """Gives the columns of a query; None where the engine refuses it."""
        try:
            return self._session.describe(query)
        except Exception as error:
            if self._adapter.classify(error).kind.is_of_all:
                raise
            return None
