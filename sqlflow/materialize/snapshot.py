"""Brings a snapshot's table, which keeps every version of each row, up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlflow.bind.types import BoundModel, BoundQuery
from sqlflow.core.codes import Code
from sqlflow.core.config import HardDeletes, MetaColumns, SnapshotConfig, SnapshotStrategy
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.history import MOMENT, ZONED, History, add_deleted, moment_of, null_columns
from sqlflow.dialect.names import name_key, shorten
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.widening import holds
from sqlflow.materialize.types import Checks, Existing, Refuse, Rows, Run, Script, Step, around


def build_snapshot(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    existing: Existing,
    incoming: Sequence[Column],
    checks: Checks,
    *,
    run: str,
    now: datetime,
) -> Script | Diagnostic:
    """Makes the table of a snapshot, or adds the versions that are new at the run's time.

    `incoming` are the columns of the query. A version that is there is never changed, but for its end. Gives
    a diagnostic where the columns of the query don't go with the settings or with the table's history.
    """
    config = model.config.snapshot
    if config is None or not isinstance(rows, BoundQuery):
        raise ValueError(f"{model.id} is no snapshot of a query")
    found = _read(spec, model, config, incoming)
    if isinstance(found, Diagnostic):
        return found
    if existing.kind is None:
        history = _history(spec, model, config, found, incoming, now)
        before, after = history.first()
        filled = around(before, rows, after, counts=True)
        return Script(steps=(filled, *_key_checks(history, model, history.table), *checks(model.relation)))
    if existing.kind is not RelationKind.TABLE:
        return _no_history(model, "what has its name is a view")
    change = _change(spec, model, config, found, existing.columns, incoming)
    if isinstance(change, Diagnostic):
        return change
    history = _history(spec, model, config, change.columns, change.table, now)
    return Script(steps=(*_versions(history, model, rows, change, run), *checks(model.relation)))


def _versions(
    history: History, model: BoundModel, rows: BoundQuery, change: _Change, run: str
) -> Iterator[Step]:
    """Compares the query's rows with the current versions; what differs is known before any is written."""
    spec, table = history.spec, history.table
    batch, changes = (
        # A temporary table lies in a schema of its own.
        Relation(None, None, shorten(spec, table.identifier, f"__sqlflow_{name}_{run}"))
        for name in ("batch", "changes")
    )
    yield from change.alter
    yield around(sql.create_table_as(spec, batch, temporary=True), rows)
    yield from _key_checks(history, model, batch)
    yield from _history_checks(history, model)
    yield Run(sql=history.changes(batch, changes))
    deletes = model.config.snapshot.hard_deletes if model.config.snapshot is not None else HardDeletes.IGNORE
    if deletes is HardDeletes.NEW_RECORD:
        yield Run(sql=history.versions_of_deleted(batch, changes))
    if deletes is HardDeletes.INVALIDATE:
        yield Run(sql=history.ends_of_deleted(batch))
    yield Run(sql=history.ends_of_changed(changes))
    yield Run(sql=history.insert(changes), counts=True)
    for passing in (batch, changes):
        yield Run(sql=f"DROP TABLE {sql.names(spec, [passing.identifier])}")


def unfit_for_history(
    spec: DialectSpec, model: BoundModel, table: Sequence[Column], incoming: Sequence[Column]
) -> Diagnostic | None:
    """Says why columns of a query don't go with a snapshot's settings or its table; None where they do."""
    config = model.config.snapshot
    if config is None:
        raise ValueError(f"{model.id} is no snapshot")
    found = _read(spec, model, config, incoming)
    if not isinstance(found, Diagnostic):
        found = _change(spec, model, config, found, table, incoming)
    return found if isinstance(found, Diagnostic) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """The columns that the settings name, each as the engine spells it.

    `given` are those of the query, `compared` is as in History, `moment` and `updated` are types.
    """

    keys: tuple[str, ...]
    given: frozenset[str]
    updated_at: str | None
    compared: tuple[str, ...] | None
    moment: str
    updated: str
    marks_deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What the table is altered by, and its columns then, those of the history itself left out."""

    alter: tuple[Step, ...]
    table: tuple[Column, ...]
    columns: _Columns


def _history(
    spec: DialectSpec,
    model: BoundModel,
    config: SnapshotConfig,
    found: _Columns,
    columns: Sequence[Column],
    now: datetime,
) -> History:
    return History(
        spec=spec,
        table=model.relation,
        keys=found.keys,
        columns=tuple(columns),
        given=found.given,
        names=config.columns,
        updated_at=found.updated_at,
        compared=found.compared,
        moment=found.moment,
        updated=found.updated,
        forever=config.valid_to_current,
        marks_deleted=found.marks_deleted,
        now=now,
    )


def _read(
    spec: DialectSpec, model: BoundModel, config: SnapshotConfig, incoming: Sequence[Column]
) -> _Columns | Diagnostic:
    """Finds the columns that the settings name among those of the query."""
    by_key = {name_key(spec, column.name): column for column in incoming}
    wanted = {
        "unique_key": model.config.unique_key,
        "updated_at": (config.updated_at,) if config.updated_at is not None else (),
        "check_cols": config.check_cols or (),
    }
    found: dict[str, tuple[Column, ...]] = {}
    for setting, names in wanted.items():
        missing = [name for name in names if name_key(spec, name) not in by_key]
        if missing:
            listed = [column.name for column in incoming]
            return _wrong(
                model,
                f"the query of `{model.name}` has no column `{missing[0]}`, which `{setting}` names",
                did_you_mean(missing[0], listed) or f"it has: {', '.join(listed)}",
            )
        found[setting] = tuple(by_key[name_key(spec, name)] for name in names)
    names = config.columns
    reserved = (*config.added, names.dbt_is_deleted)
    taken = next((name for name in reserved if name_key(spec, name) in by_key), None)
    if taken is not None:
        return _wrong(
            model,
            f"the query of `{model.name}` has a column `{taken}`, which the snapshot adds",
            "rename it in the query, or the snapshot's by `snapshot_meta_column_names`",
        )
    updated = found["updated_at"][0] if found["updated_at"] else None
    moment = moment_of(updated.type) if updated is not None else MOMENT
    if moment is None:
        return _wrong(
            model,
            f"`{updated.name if updated else ''}` is {updated.type if updated else ''}, and `updated_at` "
            "has to be a time",
            "cast it to TIMESTAMP in the query",
        )
    is_check = config.strategy is SnapshotStrategy.CHECK
    compared = found["check_cols"] or tuple(incoming)
    return _Columns(
        keys=tuple(column.name for column in found["unique_key"]),
        given=frozenset(column.name for column in incoming),
        updated_at=updated.name if updated is not None else None,
        compared=tuple(column.name for column in compared) if is_check else None,
        moment=moment,
        updated=updated.type if updated is not None else MOMENT,
        marks_deleted=config.hard_deletes is HardDeletes.NEW_RECORD,
    )


def _change(
    spec: DialectSpec,
    model: BoundModel,
    config: SnapshotConfig,
    found: _Columns,
    table: Sequence[Column],
    incoming: Sequence[Column],
) -> _Change | Diagnostic:
    """Makes the table fit the query: columns are added and widened, none is dropped."""
    names, relation = config.columns, model.relation
    there = {name_key(spec, column.name): column for column in table}
    meta = {
        name: there.get(name_key(spec, name))
        for name in (names.dbt_scd_id, names.dbt_updated_at, names.dbt_valid_from, names.dbt_valid_to)
    }
    lacking = [name for name, column in meta.items() if column is None]
    if lacking:
        return _no_history(model, f"the table of its name has no column `{lacking[0]}`")
    own = {name_key(spec, name) for name in (*meta, names.dbt_is_deleted)}
    data = {key: column for key, column in there.items() if key not in own}
    keyless = [name for name in found.keys if name_key(spec, name) not in data]
    if keyless:
        return _changed(
            model,
            f"the key `{keyless[0]}` of `{model.name}` is not in its table: rows could not be told apart",
            "name a key that the history has",
        )
    times = _times(spec, model, names, meta, found)
    if isinstance(times, Diagnostic):
        return times
    alter, updated = times
    new = {name_key(spec, column.name): column for column in incoming}
    kept = [_wider(spec, model, column, new.get(key)) for key, column in data.items()]
    for column, before in zip(kept, data.values(), strict=True):
        if isinstance(column, Diagnostic):
            return column
        if column != before:
            alter.append(Run(sql=sql.change_type(spec, relation, column)))
    kept = [column for column in kept if isinstance(column, Column)]
    added = [column for key, column in new.items() if key not in data]
    alter += [Run(sql=sql.add_column(spec, relation, column)) for column in added]
    marks_deleted = name_key(spec, names.dbt_is_deleted) in there
    if found.marks_deleted and not marks_deleted:
        alter.append(Run(sql=add_deleted(spec, relation, names.dbt_is_deleted)))
    spelled = {name_key(spec, column.name): column.name for column in (*kept, *added)}
    compared = found.compared
    if compared is not None:
        fresh = {column.name for column in added}
        # What was never compared may have changed in every row.
        compared = () if fresh & set(compared) else tuple(spelled[name_key(spec, c)] for c in compared)
    columns = replace(
        found,
        given=frozenset(spelled[key] for key in new),
        compared=compared,
        updated=updated,
        marks_deleted=found.marks_deleted or marks_deleted,
    )
    return _Change(alter=tuple(alter), table=(*kept, *added), columns=columns)


def _wider(spec: DialectSpec, model: BoundModel, column: Column, given: Column | None) -> Column | Diagnostic:
    """Gives a column of the table with a type that holds both its values and the query's."""
    if given is None or holds(spec, column.type, given.type):
        return column
    if holds(spec, given.type, column.type):
        return column._replace(type=given.type)
    return _changed(
        model,
        f"`{column.name}` is {column.type} in the history of `{model.name}`, and the query gives "
        f"{given.type}",
        f"cast it to {column.type} in the query, or give the new values another name",
    )


def _times(
    spec: DialectSpec,
    model: BoundModel,
    names: MetaColumns,
    meta: Mapping[str, Column | None],
    found: _Columns,
) -> tuple[list[Step], str] | Diagnostic:
    """Gives what alters the columns of times, and the type of `dbt_updated_at` then.

    Times with a zone and times without one can't be compared without a guess.
    """
    alter: list[Step] = []
    updated = found.updated
    for name in (names.dbt_valid_from, names.dbt_valid_to, names.dbt_updated_at):
        column = meta[name]
        kind = column.type if column is not None else ""
        if moment_of(kind) != found.moment:
            return _changed(
                model,
                f"`{name}` is {kind} in the history of `{model.name}`, and its times of changes are "
                f"{found.updated}",
                f"cast `{found.updated_at or name}` in the query to {_words(moment_of(kind))}",
            )
        if name == names.dbt_updated_at:
            wider = not holds(spec, kind, found.updated) and holds(spec, found.updated, kind)
            updated = found.updated if wider else kind
            if wider:
                alter.append(Run(sql=sql.change_type(spec, model.relation, Column(name, updated))))
        elif kind.upper() == "DATE":
            alter.append(Run(sql=sql.change_type(spec, model.relation, Column(name, found.moment))))
    return alter, updated


def _words(moment: str | None) -> str:
    return moment if moment in (MOMENT, ZONED) else f"{MOMENT} or {ZONED}"


def _key_checks(history: History, model: BoundModel, relation: Relation) -> Iterator[Step]:
    """Refuses rows that can't be told apart, or that don't tell when they changed."""
    keys, name = ", ".join(model.config.unique_key), f"the rows of `{model.name}`"
    yield Refuse(
        sql=sql.null_keys(history.spec, history.keys, relation),
        because=_keys(model, f"{name} hold NULL in their unique_key", f"give ({keys}) a value in each row"),
    )
    yield Refuse(
        sql=sql.duplicate_keys(history.spec, history.keys, relation),
        because=_keys(
            model,
            f"{name} hold a unique_key more than once",
            f"make ({keys}) unique in the query, or add a column to the key",
        ),
    )
    if history.updated_at is not None:
        yield Refuse(
            sql=null_columns(
                history.spec, [history.updated_at], [*history.keys, history.updated_at], relation
            ),
            because=_keys(
                model,
                f"{name} hold NULL in `{history.updated_at}`, which tells when they changed",
                "give it a value by COALESCE, or leave these rows out",
            ),
        )


def _history_checks(history: History, model: BoundModel) -> Iterator[Step]:
    """Refuses a history in which the current version of a key can't be told."""
    spec, table, name = history.spec, history.table, f"the history of `{model.name}`"
    yield Refuse(
        sql=null_columns(spec, history.keys, history.keys, table),
        because=_keys(
            model, f"{name} holds NULL in its unique_key", "go back to the key that it was made with"
        ),
    )
    yield Refuse(
        sql=history.double_current(),
        because=_keys(
            model,
            f"{name} holds more than one current version of a key",
            "go back to the key that it was made with, or end all of these versions but one",
        ),
    )
    yield Refuse(
        sql=history.ends_ahead(),
        because=_keys(
            model,
            f"{name} has versions that end in the future and are not current",
            "if `dbt_valid_to_current` was changed, update these ends to it, or go back to the old value",
        ),
    )


def _keys(model: BoundModel, message: str, help_: str) -> Diagnostic:
    return Diagnostic(code=Code.DUPLICATE_KEYS, message=message, span=model.span, help=help_)


def _wrong(model: BoundModel, message: str, help_: str) -> Diagnostic:
    return Diagnostic(code=Code.SNAPSHOT_COLUMNS, message=message, span=model.span, help=help_)


def _changed(model: BoundModel, message: str, help_: str) -> Diagnostic:
    return Diagnostic(code=Code.SCHEMA_CHANGED, message=message, span=model.span, help=help_)


def _no_history(model: BoundModel, why: str) -> Diagnostic:
    return Diagnostic(
        code=Code.NOT_A_SNAPSHOT,
        message=f"the snapshot `{model.name}` can't go on from what is in the warehouse: {why}",
        span=model.span,
        help=f"rename or drop `{model.relation}`, or give the snapshot another `alias` or `schema`; where "
        "its columns have other names, say so in `snapshot_meta_column_names`",
    )
