"""Finds what differs between two queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

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
from sqlflow.bind.canonical.outline import Clauses, Outline, Part


def differences(old: Outline, new: Outline) -> tuple[Difference, ...]:
    """Gives what a person would say that differs; empty for two queries that mean the same.

    Types of columns are compared too, which other types of what is read can change.
    """
    if old.form == new.form:
        return tuple(_retyped(old, new))
    found = list(_between(old, new))
    return tuple(found) if found else (OtherChanged(part="", old="", new=""),)


def _between(old: Outline, new: Outline) -> Iterator[Difference]:
    removed = tuple(source for source in old.sources if source not in new.sources)
    added = tuple(source for source in new.sources if source not in old.sources)
    if removed or added:
        yield SourcesChanged(removed=removed, added=added)
    names = _matched(old, new)
    for part in old.selects:
        if part not in names:
            yield PartRemoved(part=part)
    for part in new.selects:
        if part not in names.values():
            yield PartAdded(part=part)
    for before, after in names.items():
        yield from _clauses(_with_names(old.selects[before], names), new.selects[after])
    for part in dict.fromkeys((*old.operations, *new.operations)):
        first, second = old.operations.get(part, ()), new.operations.get(part, ())
        if first != second:
            yield SetOperationChanged(part=part, old=first, new=second)
    yield from _retyped(old, new)


def _matched(old: Outline, new: Outline) -> dict[str, str]:
    """The parts of the one and of the other that are the same one: by name, else by what stands in them."""
    names = {part: part for part in old.selects if part in new.selects}
    # A query may have become the first arm of a UNION, or the other way round.
    for one, other in (("", "[1]"), ("[1]", "")):
        if one in old.selects and one not in names and other in new.selects and other not in names.values():
            names[one] = other
    for part, clauses in old.selects.items():
        if part in names:
            continue
        alike = [
            other
            for other, others in new.selects.items()
            if other not in names.values() and replace(others, part=part) == clauses
        ]
        if alike:
            names[part] = alike[0]
    return names


def _with_names(clauses: Clauses, names: Mapping[str, str]) -> Clauses:
    """The clauses with the new names of the parts that they read."""
    changed = {old.rpartition(".")[2]: new.rpartition(".")[2] for old, new in names.items() if old != new}
    changed = {old: new for old, new in changed.items() if old and new and "[" not in old + new}
    if not changed:
        return clauses

    def renamed(part: Part) -> Part:
        form = part.form
        for old, new in changed.items():
            form = form.replace(f"<{old}>", f"<{new}>")
        return replace(part, form=form, name=changed.get(part.name, part.name))

    def all_renamed(parts: Sequence[Part]) -> tuple[Part, ...]:
        return tuple(renamed(part) for part in parts)

    return replace(
        clauses,
        columns=tuple(replace(renamed(column), name=column.name) for column in clauses.columns),
        first=renamed(clauses.first) if clauses.first is not None else None,
        joins=all_renamed(clauses.joins),
        filters={word: all_renamed(parts) for word, parts in clauses.filters.items()},
        group=all_renamed(clauses.group),
        order=all_renamed(clauses.order),
    )


def _clauses(old: Clauses, new: Clauses) -> Iterator[Difference]:
    part = new.part
    listed = list(_columns(old, new))
    yield from listed
    if _form(old.first) != _form(new.first):
        yield FromChanged(part=part, old=_text(old.first), new=_text(new.first))
    yield from _joins(old, new)
    for word, parts in new.filters.items():
        removed, added = _apart(old.filters[word], parts)
        if removed or added:
            yield FilterChanged(part=part, clause=word.upper(), removed=removed, added=added)
    if _forms(old.group) != _forms(new.group):
        yield GroupingChanged(part=part, old=_texts(old.group), new=_texts(new.group))
    if _form(old.distinct) != _form(new.distinct):
        yield DistinctChanged(part=part, old=_text(old.distinct), new=_text(new.distinct))
    if _forms(old.order) != _forms(new.order):
        yield OrderChanged(part=part, old=_texts(old.order), new=_texts(new.order))
    if _form(old.limit) != _form(new.limit):
        yield LimitChanged(part=part, old=_text(old.limit), new=_text(new.limit))
    if _forms(old.other) != _forms(new.other):
        texts = [" ".join(_texts(clauses.other)) for clauses in (old, new)]
        yield OtherChanged(part=part, old=texts[0], new=texts[1])
    yield from _rows(old, new, bool([one for one in listed if not isinstance(one, ColumnRenamed)]))


def _columns(old: Clauses, new: Clauses) -> Iterator[Difference]:
    part = new.part
    olds = {column.name: column for column in old.columns}
    news = {column.name: column for column in new.columns}
    gone = [column for name, column in olds.items() if name not in news]
    come = [column for name, column in news.items() if name not in olds]
    for column in list(gone):
        same = next((other for other in come if other.form == column.form), None)
        if same is not None:
            yield ColumnRenamed(part=part, old=column.name, new=same.name, text=same.text)
            gone.remove(column)
            come.remove(same)
    for column in come:
        yield ColumnAdded(part=part, name=column.name, text=column.text)
    for column in gone:
        yield ColumnDropped(part=part, name=column.name, text=column.text)
    for name, column in news.items():
        before = olds.get(name)
        if before is not None and before.form != column.form:
            yield ColumnChanged(part=part, name=name, old=before.text, new=column.text)
    kept = [tuple(column.name for column in c.columns if column.name in olds and column.name in news)
            for c in (old, new)]  # fmt: skip
    if kept[0] != kept[1]:
        yield ColumnsReordered(part=part, old=kept[0], new=kept[1])


def _joins(old: Clauses, new: Clauses) -> Iterator[Difference]:
    part = new.part
    olds = {join.name: join for join in old.joins}
    news = {join.name: join for join in new.joins}
    for name, join in news.items():
        if name not in olds:
            yield JoinAdded(part=part, relation=name, text=join.text)
    for name, join in olds.items():
        if name not in news:
            yield JoinRemoved(part=part, relation=name, text=join.text)
    for name, join in news.items():
        if name in olds and olds[name].form != join.form:
            yield JoinChanged(part=part, relation=name, old=olds[name].text, new=join.text)
    kept = [[name for name in found if name in olds and name in news] for found in (olds, news)]
    for before, after in zip(*kept, strict=True):
        if before != after:
            yield JoinChanged(part=part, relation=after, old=olds[before].text, new=news[after].text)
            return


def _rows(old: Clauses, new: Clauses, listed: bool) -> Iterator[Difference]:
    """What a change of the list does to the rows."""
    if listed and old.distinct is not None and new.distinct is not None:
        yield RowsChanged(part=new.part, why="DISTINCT compares other columns")
    if listed and old.combined and new.combined:
        yield RowsChanged(part=new.part, why="a set operation compares other columns")
    if old.aggregated != new.aggregated:
        rows = "all rows become one" if new.aggregated else "rows are no longer made one"
        yield RowsChanged(part=new.part, why=f"{rows}, for an aggregate without GROUP BY")


def _retyped(old: Outline, new: Outline) -> Iterator[Difference]:
    for before, after in (("", ""), ("[1]", "[1]"), ("", "[1]"), ("[1]", "")):
        if before in old.selects and after in new.selects:
            olds = {column.name: column for column in old.selects[before].columns}
            for column in new.selects[after].columns:
                was = olds.get(column.name)
                if was is not None and was.type != column.type:
                    yield ColumnRetyped(part="", name=column.name, old=was.type, new=column.type)
            return


def _apart(old: Sequence[Part], new: Sequence[Part]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The texts of what only the one has and of what only the other has, as often as it does."""
    counts = [Counter(part.form for part in parts) for parts in (old, new)]
    out: list[tuple[str, ...]] = []
    for parts, more in ((old, counts[0] - counts[1]), (new, counts[1] - counts[0])):
        texts: list[str] = []
        for part in parts:
            if more[part.form] > 0:
                more[part.form] -= 1
                texts.append(part.text)
        out.append(tuple(texts))
    return out[0], out[1]


def _form(part: Part | None) -> str:
    return part.form if part is not None else ""


def _text(part: Part | None) -> str:
    return part.text if part is not None else ""


def _forms(parts: Sequence[Part]) -> list[str]:
    return [part.form for part in parts]


def _texts(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(part.text for part in parts)
