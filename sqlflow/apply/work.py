"""Does the work of one action: builds a node, or runs a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlflow.adapter.protocol import FailureKind
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import WorkFailedError, test_not_run
from sqlflow.apply.files import read_rows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.publish import Publisher, Written
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundModel, BoundQuery, BoundSeed, BoundSource
from sqlflow.core.codes import Code
from sqlflow.core.config import Index, Materialization, TestSeverity
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.relation import Column, Relation, RelationKind, ViewDefinition
from sqlflow.dialect import statements as sql
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.build import build_model, hook_steps, is_increment
from sqlflow.materialize.relation import build_table
from sqlflow.materialize.types import Existing, Rows
from sqlflow.plan.types import BuildModel, LoadSeed, LoadSource, RunTest, Work
from sqlflow.state.event import Status
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow

# How often a transaction is begun again that another one was in the way of, and the pauses in seconds.
_ATTEMPTS = 10
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Outcome(NamedTuple):
    """How an action ended: its status, rows written or found, a remark, what was kept, diagnostics."""

    status: Status
    rows: int | None = None
    reason: str = ""
    kept: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all actions of a run share. `run` is a short id of the run, for the names of passing relations."""

    spec: DialectSpec
    system: System
    functions: FunctionRunner
    catalog: Catalog
    publisher: Publisher
    run: str

    def do(self, work: Work, sender: Sender) -> Outcome:
        """Does the work; raises WorkFailedError or StoppedError where it can't be done."""
        match work:
            case BuildModel():
                return self._model(work.model, work.full_refresh, sender)
            case LoadSeed():
                return self._seed(work.seed, sender)
            case LoadSource():
                return self._source(work.source, sender)
            case RunTest():
                return self._test(work, sender)

    def _model(self, model: BoundModel, full_refresh: bool, sender: Sender) -> Outcome:
        # Before the transaction: nothing is locked while Python runs.
        loaded = self.functions.run(model, sender) if model.function is not None else None
        return _again(sender, lambda: self._build(model, full_refresh, loaded, sender))

    def _build(
        self, model: BoundModel, full_refresh: bool, loaded: pyarrow.Table | None, sender: Sender
    ) -> Outcome:
        is_view = model.config.materialized is Materialization.VIEW
        dependents = self._dependents(model.relation, sender)
        with sender.transaction():
            # What they make, the query may read: all that is asked is asked after them.
            self.publisher.run(hook_steps(model.pre_hooks), None, sender)
            kind = self._kind(model.relation, sender)
            increment = is_increment(model, kind, full_refresh)
            rows = self._rows(model, increment, loaded, sender)
            existing = self._existing(
                model.relation, kind, dependents, sender, increment=increment, view=is_view
            )
            incoming: tuple[Column, ...] = ()
            if existing.columns:
                incoming = self._described(rows, sender)
            script = build_model(
                self.spec, model, rows, existing, incoming, increment=increment, run=self.run
            )
            if isinstance(script, Diagnostic):
                raise WorkFailedError(script)
            steps = (*script.steps, *hook_steps(model.post_hooks))
            written = self.publisher.run(steps, loaded, sender)
        self.catalog.put(model.relation, RelationKind.VIEW if is_view else RelationKind.TABLE)
        is_incremental = model.config.materialized is Materialization.INCREMENTAL
        return _success(written, "made anew" if is_incremental and not increment else "")

    def _rows(self, model: BoundModel, increment: bool, loaded: pyarrow.Table | None, sender: Sender) -> Rows:
        if loaded is not None:
            return self._columns_of(loaded, sender, Code.PYTHON_RESULT)
        query = model.incremental if increment and model.incremental is not None else model.full
        if query is None:
            raise ValueError(f"{model.id} has no query")
        return query

    def _described(self, rows: Rows, sender: Sender) -> tuple[Column, ...]:
        """Gives the columns of rows in the engine's words."""
        if isinstance(rows, BoundQuery):
            with sender.asking(rows.map) as session:
                return session.describe(rows.sql)
        with sender.asking() as session:
            return session.describe(sql.typed_columns(self.spec, rows))

    def _seed(self, seed: BoundSeed, sender: Sender) -> Outcome:
        file = read_rows(self.system, seed.path, seed.span, delimiter=seed.config.delimiter)
        rows, declared = file.rows(self.spec, seed.config.column_types)
        columns = tuple(
            column._replace(type=declared.get(column.name, column.type))
            for column in self._columns_of(rows, sender, Code.SEED_NOT_LOADED)
        )
        table = _FileTable(seed.relation, columns, seed.config.indexes, seed.pre_hooks, seed.post_hooks)
        return _again(sender, lambda: self._load(table, rows, sender))

    def _source(self, source: BoundSource, sender: Sender) -> Outcome:
        if source.load is None:
            raise ValueError(f"{source.id} has no file to load")
        rows, _ = read_rows(self.system, source.load, source.span).rows(self.spec, {})
        table = _FileTable(source.relation, self._columns_of(rows, sender, Code.SEED_NOT_LOADED))
        return _again(sender, lambda: self._load(table, rows, sender))

    def _load(self, table: _FileTable, rows: pyarrow.Table, sender: Sender) -> Outcome:
        dependents = self._dependents(table.relation, sender)
        with sender.transaction():
            self.publisher.run(hook_steps(table.pre_hooks), None, sender)
            kind = self._kind(table.relation, sender)
            existing = self._existing(table.relation, kind, dependents, sender)
            incoming = self._described(table.columns, sender) if existing.columns else ()
            script = build_table(
                self.spec, table.relation, table.columns, existing, incoming, table.indexes, self.run
            )
            steps = (*script.steps, *hook_steps(table.post_hooks))
            written = self.publisher.run(steps, rows, sender)
        self.catalog.put(table.relation, RelationKind.TABLE)
        return _success(written)

    def _test(self, work: RunTest, sender: Sender) -> Outcome:
        absent = [relation for relation in work.outside if self._kind(relation, sender) is None]
        if absent:
            return Outcome(Status.WARN, reason="not run", diagnostics=(test_not_run(work, absent),))
        query = work.query
        before, after = sql.COUNT_ROWS
        counted = sender.fetch(before + query.sql + after, query.map.shifted(len(before)))
        failures = int(counted.column(0)[0].as_py())
        if failures == 0:
            if work.config.store_failures:
                _again(sender, lambda: self._forget(work, sender))
            return Outcome(Status.SUCCESS, 0)
        kept: str | None = None
        if work.config.store_failures:
            kept = _again(sender, lambda: self._keep(work, sender))
        warn = work.config.severity is TestSeverity.WARN
        rows = "1 row" if failures == 1 else f"{failures} rows"
        diagnostic = Diagnostic(
            code=Code.TEST_FAILED,
            severity=Severity.WARNING if warn else Severity.ERROR,
            message=f"the test `{work.name}` found {rows}",
            span=work.span,
            help=f"see them: sqlflow show {work.name}" if kept else "keep them for a look: --store-failures",
        )
        return Outcome(Status.WARN if warn else Status.FAIL, failures, kept=kept, diagnostics=(diagnostic,))

    def _keep(self, work: RunTest, sender: Sender) -> str:
        """Puts the rows that a test found into a table, in the place of those it found before."""
        kind = self._kind(work.failures, sender)
        with sender.transaction():
            if kind is not None:
                sender.execute(sql.drop(self.spec, kind, work.failures))
            before = sql.create_table_as(self.spec, work.failures)
            sender.execute(before + work.query.sql, work.query.map.shifted(len(before)))
        self.catalog.put(work.failures, RelationKind.TABLE)
        return relation_sql(self.spec, work.failures)

    def _forget(self, work: RunTest, sender: Sender) -> None:
        """Drops what an earlier run kept: there is nothing wrong any more."""
        kind = self._kind(work.failures, sender)
        if kind is not None:
            with sender.transaction():
                sender.execute(sql.drop(self.spec, kind, work.failures))
            self.catalog.put(work.failures, None)

    def _kind(self, relation: Relation, sender: Sender) -> RelationKind | None:
        with sender.asking() as session:
            kind = self.catalog.kind(session, relation)
        if kind is RelationKind.OTHER:
            raise WorkFailedError(
                Diagnostic(
                    code=Code.STATEMENT_FAILED,
                    message=f"`{relation}` is in the warehouse, and is neither a table nor a view",
                    span=sender.span,
                    help="drop it, or choose another name with `alias`",
                )
            )
        return kind

    def _dependents(self, relation: Relation, sender: Sender) -> tuple[ViewDefinition, ...]:
        """Asks before the transaction: to tell definitions, an engine may lock all that the views read."""
        if self.spec.views_bind_by_name or self._kind(relation, sender) is None:
            return ()
        with sender.asking() as session:
            return session.dependents(relation)

    def _existing(
        self,
        relation: Relation,
        kind: RelationKind | None,
        dependents: tuple[ViewDefinition, ...],
        sender: Sender,
        *,
        increment: bool = False,
        view: bool = False,
    ) -> Existing:
        """Asks what a decision hangs on, no more: columns, views that read it, rights on it."""
        if kind is None:
            return Existing()
        if self.spec.views_bind_by_name and not increment:
            return Existing(kind=kind)
        with sender.asking() as session:
            if increment:
                return Existing(kind=kind, columns=session.columns(relation) or ())
            same = kind is (RelationKind.VIEW if view else RelationKind.TABLE)
            matters = same and (view or bool(dependents))
            return Existing(
                kind=kind,
                columns=(session.columns(relation) or ()) if matters else (),
                dependents=dependents,
                grants=session.grants(relation),
            )

    def _columns_of(self, rows: pyarrow.Table, sender: Sender, code: Code) -> tuple[Column, ...]:
        columns: list[Column] = []
        for field in rows.schema:
            try:
                columns.append(Column(field.name, column_type(self.spec, field.type)))
            except ValueError as error:
                raise WorkFailedError(
                    Diagnostic(
                        code=code,
                        message=f"the column `{field.name}` of `{sender.name}` can't be stored: {error}",
                        span=sender.span,
                        help="give it another type",
                    )
                ) from error
        return tuple(columns)


class _FileTable(NamedTuple):
    """A table that a file is loaded into."""

    relation: Relation
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    pre_hooks: tuple[BoundQuery, ...] = ()
    post_hooks: tuple[BoundQuery, ...] = ()


_T = TypeVar("_T")


def _again(sender: Sender, attempt: Callable[[], _T]) -> _T:
    """Makes an attempt, and again where another transaction was in the way of it: it left nothing behind."""
    for number in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except WorkFailedError as error:
            if error.kind is not FailureKind.TRANSIENT or sender.broken:
                raise
        sender.wait(min(_PAUSE * 2**number, _LONGEST_PAUSE))
    return attempt()


def _success(written: Written, *remarks: str) -> Outcome:
    said = [remark for remark in (*remarks, *written.remarks) if remark]
    return Outcome(Status.SUCCESS, written.rows, "; ".join(said))
