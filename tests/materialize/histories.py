"""Random histories of a source, their snapshots on an engine, and a replay of them in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sqlflow.adapter.protocol import Session
from sqlflow.bind.types import BoundModel, BoundQuery
from sqlflow.core.config import HardDeletes, Materialization, NodeConfig, SnapshotConfig, SnapshotStrategy
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.snapshot import build_snapshot
from sqlflow.materialize.types import Existing, Refuse, Run, Script

START = datetime(2024, 1, 1)
FOREVER = datetime(9999, 12, 31)
TICK = timedelta(microseconds=1)
TABLE, SOURCE = Relation(None, None, "s"), Relation(None, None, "src")
# A source's rows by their key: (name, n, extra, changed).
Rows = Mapping[tuple[int, str], tuple[str | None, int, str | None, datetime]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """The source as it is when a snapshot is made, and whether it has the column `extra`."""

    now: datetime
    rows: Rows
    has_extra: bool


@dataclass(frozen=True, kw_only=True)
class Case:
    """A history. An `honest` one tells of each change when it happened, and its clock goes on."""

    config: SnapshotConfig
    steps: tuple[Step, ...]
    honest: bool
    zoned: bool


@dataclass
class Version:
    """A version of a row: `end` is None where it is current."""

    values: tuple[Any, ...]
    updated: datetime
    begin: datetime
    deleted: bool = False
    end: datetime | None = None


_KEYS = st.tuples(st.integers(1, 3), st.sampled_from(["x", "y"]))
_VALUES = st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 1), st.sampled_from(["e", None]))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    honest, strategy = draw(st.booleans()), draw(st.sampled_from(SnapshotStrategy))
    is_check = strategy is SnapshotStrategy.CHECK
    config = SnapshotConfig(
        strategy=strategy,
        updated_at=None if is_check and draw(st.booleans()) else "changed",
        check_cols=draw(st.sampled_from([None, ("n", "name")])) if is_check else None,
        hard_deletes=draw(st.sampled_from(HardDeletes)),
        valid_to_current=draw(st.sampled_from([None, f"CAST('{FOREVER}' AS TIMESTAMP)"])),
    )
    steps: list[Step] = []
    rows: dict[tuple[int, str], tuple[str | None, int, str | None, datetime]] = {}
    now, has_extra = START, draw(st.booleans())
    for _ in range(draw(st.integers(1, 6))):
        before = now
        now += timedelta(seconds=draw(st.integers(1 if honest else -1, 9)))
        for key in draw(st.lists(_KEYS, unique=True, max_size=4)):
            values = draw(_VALUES)
            if draw(st.booleans()):
                rows.pop(key, None)
            elif honest:
                rows[key] = (*values, before + timedelta(seconds=0.5))
            else:
                rows[key] = (*values, START + timedelta(seconds=draw(st.integers(-5, 30))))
        has_extra ^= draw(st.integers(0, 3)) == 0
        steps.append(Step(now=now, rows=dict(rows), has_extra=has_extra))
    return Case(config=config, steps=tuple(steps), honest=honest, zoned=draw(st.booleans()))


@dataclass
class Replay:
    """What a snapshot has to hold, made step by step."""

    config: SnapshotConfig
    versions: dict[tuple[int, str], list[Version]] = field(default_factory=dict)
    knows_extra: bool | None = None

    def step(self, step: Step) -> None:
        """Takes in the source as it is at a step."""
        new_column = step.has_extra and self.knows_extra is False
        self.knows_extra = step.has_extra or bool(self.knows_extra)
        compares_extra = self.config.check_cols is None
        is_check = self.config.strategy is SnapshotStrategy.CHECK
        for key, (name, n, extra, changed) in step.rows.items():
            values = (name, n, extra if step.has_extra else None, changed)
            known = self.versions.setdefault(key, [])
            last = known[-1] if known else None
            open_ = last is not None and last.end is None
            if last is not None and open_ and not last.deleted:
                if is_check:
                    same = last.values[:2] == values[:2]
                    if compares_extra:
                        same = same and last.values[3] == changed and not new_column
                        same = same and (not step.has_extra or last.values[2] == values[2])
                else:
                    same = changed <= last.updated
                if same:
                    continue
            updated = step.now if self.config.updated_at is None else changed
            floor = None if last is None else last.begin if open_ else last.end
            begin = updated
            if floor is not None and updated <= floor:
                begin = floor + TICK if floor >= step.now else step.now
            if last is not None and open_:
                last.end = begin
            known.append(Version(values, updated, begin))
        if self.config.hard_deletes is HardDeletes.IGNORE:
            return
        for key, known in self.versions.items():
            last = known[-1]
            if key in step.rows or last.end is not None or last.deleted:
                continue
            last.end = last.begin + TICK if last.begin >= step.now else step.now
            if self.config.hard_deletes is HardDeletes.NEW_RECORD:
                known.append(Version(last.values, step.now, last.end, deleted=True))

    def rows(self) -> list[tuple[Any, ...]]:
        """All versions as rows, with `extra` only where the table has it."""
        found: list[tuple[Any, ...]] = []
        for (id, part), versions in self.versions.items():
            for v in versions:
                name, n, extra, changed = v.values
                values = (name, n, *((extra,) if self.knows_extra else ()), changed)
                end = v.end or (FOREVER if self.config.valid_to_current else None)
                deleted = (str(v.deleted),) if self.config.hard_deletes is HardDeletes.NEW_RECORD else ()
                found.append((id, part, *values, v.updated, v.begin, end, *deleted))
        return found


def model_of(config: SnapshotConfig) -> BoundModel:
    return BoundModel(
        id=NodeId("snapshot.shop.s"),
        name="s",
        path="snapshots/s.sql",
        config=NodeConfig(materialized=Materialization.SNAPSHOT, unique_key=("id", "part"), snapshot=config),
        relation=TABLE,
        full=None,
        incremental=None,
        function=None,
        pre_hooks=(),
        post_hooks=(),
        from_clause="s",
        span=Span("snapshots/s.sql", 0, 0),
    )


@dataclass
class Snapshot:
    """A snapshot on an engine; its source is the table `src`."""

    session: Session
    spec: DialectSpec
    case: Case

    def put(self, step: Step) -> None:
        """Makes the source as it is at a step."""
        kind = "TIMESTAMP WITH TIME ZONE" if self.case.zoned else "TIMESTAMP"
        extra = "extra VARCHAR, " if step.has_extra else ""
        self.session.execute("DROP TABLE IF EXISTS src")
        self.session.execute(
            f"CREATE TABLE src (part VARCHAR, {extra}id INTEGER, name VARCHAR, n INTEGER, changed {kind})"
        )
        for (id, part), (name, n, more, changed) in step.rows.items():
            values = [part, *([more] if step.has_extra else []), id, name, n, f"{changed}{self._zone}"]
            written = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
            self.session.execute(f"INSERT INTO src VALUES ({written})")

    @property
    def _zone(self) -> str:
        return "+00" if self.case.zoned else ""

    def script(self, now: datetime) -> Script:
        """The steps of a build at a time."""
        query = BoundQuery(sql="SELECT * FROM src", map=TextMap((), 0))
        columns = self.session.columns(TABLE)
        existing = Existing(kind=RelationKind.TABLE, columns=columns) if columns else Existing()
        made = build_snapshot(
            self.spec,
            model_of(self.config),
            query,
            existing,
            self.session.describe(query.sql),
            lambda on: (),
            run="r",
            now=now.replace(tzinfo=UTC),
        )
        assert not isinstance(made, Diagnostic), made
        return made

    @property
    def config(self) -> SnapshotConfig:
        """The settings, with the times' own zone."""
        return self.case.config

    def build(self, now: datetime) -> int:
        """Runs a build; gives the number of rows that its statements changed in the table."""
        changed = 0
        self.session.begin()
        for step in self.script(now).steps:
            if isinstance(step, Refuse):
                assert self.session.fetch(step.sql).num_rows == 0, step.because.message
            elif isinstance(step, Run):
                count = self.session.execute(step.sql)
                if step.sql.startswith(("UPDATE", 'INSERT INTO "s" ')):
                    changed += count or 0
        self.session.commit()
        return changed

    def rows(self, where: str = "TRUE") -> list[tuple[Any, ...]]:
        """The versions in the table, times in UTC without a zone."""
        there = {column.name for column in self.session.columns(TABLE) or ()}
        columns = ["id", "part", "name", "n", *(["extra"] if "extra" in there else [])]
        times = ["changed", "dbt_valid_from", "dbt_valid_to"]
        updated = self._time("dbt_updated_at", zoned=self._is_zoned("dbt_updated_at"))
        columns += [self._time(times[0], zoned=self.case.zoned), updated]
        columns += [self._time(name, zoned=self._is_zoned(name)) for name in times[1:]]
        columns += ["dbt_is_deleted"] if "dbt_is_deleted" in there else []
        found = self.session.fetch(f"SELECT {', '.join(columns)} FROM s WHERE {where}")
        return [tuple(row.values()) for row in found.to_pylist()]

    def _is_zoned(self, name: str) -> bool:
        kinds = {column.name: column.type.upper() for column in self.session.columns(TABLE) or ()}
        return kinds[name].endswith("WITH TIME ZONE")

    def _time(self, name: str, *, zoned: bool) -> str:
        return f"({name} AT TIME ZONE 'UTC') AS {name}" if zoned else name

    def as_of(self, moment: datetime) -> list[tuple[Any, ...]]:
        """The rows that held at a time."""
        zoned = self._is_zoned("dbt_valid_from")
        at = f"TIMESTAMP WITH TIME ZONE '{moment}+00'" if zoned else f"TIMESTAMP '{moment}'"
        where = f"dbt_valid_from <= {at} AND (dbt_valid_to > {at} OR dbt_valid_to IS NULL)"
        if self.config.hard_deletes is HardDeletes.NEW_RECORD:
            where += " AND dbt_is_deleted = 'False'"
        return self.rows(where)


def seen(steps: Sequence[Step], deletes: HardDeletes) -> dict[tuple[int, str], tuple[Any, ...]]:
    """The source as a snapshot has to show it at the last of some steps, without `extra`."""
    found: dict[tuple[int, str], tuple[Any, ...]] = {}
    for step in steps:
        if deletes is not HardDeletes.IGNORE:
            found = {}
        found |= {key: (name, n) for key, (name, n, _, _) in step.rows.items()}
    return found
