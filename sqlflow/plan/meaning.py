"""Compares the versions of a node by what they mean: whether they are the same one, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlflow.bind.canonical.changes import Difference
from sqlflow.bind.canonical.differences import differences
from sqlflow.bind.forms import KeptQuery, read_kept
from sqlflow.bind.parted import Reading
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.core.schema import parse_type
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.versions import Columns, Version, version_id, with_attached
from sqlflow.state.publication import Publication


def settled(
    now: Mapping[NodeId, Version],
    published: Mapping[NodeId, Sequence[Publication]],
    known: Mapping[str, Version],
    spec: DialectSpec,
) -> Mapping[NodeId, str]:
    """Gives the code of each node: the first one that it was published from and that means the same.

    `known` has the versions, by their ids, of what was published from another text.
    """
    out: dict[NodeId, str] = {}
    for node, version in now.items():
        id = version.id
        for found in dict.fromkeys(version_id(last.code) for last in published.get(node, ())):
            old = known.get(found)
            if found == id or (old is not None and same_meaning(old, version, spec)):
                id = found
                break
        out[node] = with_attached(id, version.attached)
    return out


def same_meaning(old: Version, new: Version, spec: DialectSpec) -> bool:
    """Says whether two versions of a node give the same rows from the same data.

    What can't be decided is another version.
    """
    if old.parts != new.parts or old.queries.keys() != new.queries.keys():
        return False
    return all(_same_query(role, old, new, spec) for role in old.queries)


def query_differences(old: Version, new: Version, spec: DialectSpec) -> Mapping[str, tuple[Difference, ...]]:
    """Gives what differs between the queries of two versions, by what these are for.

    A query that only one of them has, or that can't be read any more, is left out.
    """
    out: dict[str, tuple[Difference, ...]] = {}
    for role in sorted(old.queries.keys() & new.queries.keys()):
        before, after = _read(role, old, spec), _read(role, new, spec)
        if before is not None and after is not None:
            out[role] = differences(before.outline, after.outline)
    return out


def _same_query(role: str, old: Version, new: Version, spec: DialectSpec) -> bool:
    if old.queries[role] == new.queries[role]:
        if old.forms.get(role) == new.forms.get(role) or _same_columns(old, new):
            return True
    elif old.canonical == new.canonical and new.forms[role] and old.forms.get(role) == new.forms[role]:
        return True
    # What was written by another canonicaliser is read again.
    before, after = _read(role, old, spec), _read(role, new, spec)
    if before is None or after is None:
        return False
    return before.form == after.form or (not _is_view(new) and _same_but_unread(role, old, new, spec))


def _same_columns(old: Version, new: Version) -> bool:
    """Whether stars stand for the same, as far as that is known: where it is not, it says nothing new."""
    for node in old.reads.keys() & new.reads.keys():
        before, after = ([name for name, _ in version.reads[node]] for version in (old, new))
        if before and after and before != after:
            return False
    return True


def _is_view(version: Version) -> bool:
    """Whether it is of a view: some engines keep also what of its query nothing reads."""
    return "names" in version.parts


def _same_but_unread(role: str, old: Version, new: Version, spec: DialectSpec) -> bool:
    """Whether two queries differ only in columns of subqueries that nothing reads."""
    found = [read_again(role, version, spec, load_rules(spec)).meaning() for version in (old, new)]
    return found[0] is not None and found[0] == found[1]


def read_again(
    role: str,
    version: Version,
    spec: DialectSpec,
    rules: TypeRules | None,
    own: tuple[Relation, Table] | None = None,
) -> Reading:
    """Reads a query of a version again, with the columns that its tables had; `own` is its own table."""
    unknown = Table(columns=(), open=True, why_open="its columns are not known")
    tables = {**dict.fromkeys(version.reads, unknown), **_tables(version)}
    return Reading(version.queries[role], spec, rules, tables, own)


def _read(role: str, version: Version, spec: DialectSpec) -> KeptQuery | None:
    return read_kept(version.queries[role], spec, load_rules(spec), _tables(version))


def _tables(version: Version) -> Mapping[str, Table]:
    return {node: known_table(node, columns) for node, columns in version.reads.items() if columns}


def known_table(node: str, columns: Columns) -> Table:
    """Gives a node's table, as far as its columns are known."""
    return Table(
        columns=tuple(
            Column(
                name=name or None,
                value=Value(
                    type=parse_type(type_) if type_ else None,
                    sources=frozenset({ColumnRef(NodeId(node), name)}),
                ),
            )
            for name, type_ in columns
        )
    )
