"""Keeps a node's descriptions as comments on its table or view."""

from __future__ import annotations

from sqlflow.bind.types import Docs
from sqlflow.core.relation import Comments, Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.types import Checks, Comment, Existing


def comments(
    spec: DialectSpec,
    docs: Docs | None,
    relation: Relation,
    kind: RelationKind,
    existing: Existing,
    *,
    increment: bool = False,
) -> Checks:
    """Gives the step that describes what holds a node's new contents; none where nothing is to be kept.

    A table that is made anew has no comments, and is not asked for them.
    """
    if docs is None or not spec.comments:
        return lambda on: ()
    stays = existing.kind is kind and (increment or not spec.create_or_replace_table)
    return lambda on: (Comment(on=on, kind=kind, docs=docs, old=stays and on == relation),)


def comment_statements(
    spec: DialectSpec, step: Comment, now: Comments
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Gives the statements for what is not said yet, and the described columns that are not there.

    What has no description loses its comment: the properties say all that there is to say.
    """
    out: list[str] = []
    docs = step.docs
    if docs.description is not None and docs.description != (now.relation or ""):
        out.append(sql.comment(spec, step.kind, step.on, docs.description or None))
    if docs.columns is None:
        return tuple(out), ()
    stored = {name_key(spec, name): name for name in now.columns}
    wanted: dict[str, str] = {}
    missing: list[str] = []
    for name, text in docs.columns.items():
        found = stored.get(name_key(spec, name)) or stored.get(lookup_key(spec, name))
        if found is None:
            missing.append(name)
        else:
            wanted[found] = text
    for name, text in now.columns.items():
        if wanted.get(name, "") != (text or ""):
            out.append(sql.comment_column(spec, step.on, name, wanted.get(name)))
    return tuple(out), tuple(missing)
