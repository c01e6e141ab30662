"""Does the work of one action: builds a node, or runs a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.files import read_rows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundModel, BoundSeed, BoundSource
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization, TestSeverity
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.build import build_model, build_rows, is_increment
from sqlflow.materialize.types import Carry, Existing, Load, Refuse, Run, Script
from sqlflow.plan.types import BuildModel, LoadSeed, LoadSource, RunTest, Work
from sqlflow.state.event import Status
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow

_SAVEPOINT = "sqlflow_carry"


class Outcome(NamedTuple):
    """How an action ended: its status, rows written or found, a remark, what was kept, diagnostics."""

    status: Status
    rows: int | None = None
    reason: str = ""
    kept: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all actions of a run share.

    `run` is a short id of the run, for the names of passing relations; `planned` are the relations that
    the plan builds, for views that will be made again anyway.
    """

    spec: DialectSpec
    system: System
    functions: FunctionRunner
    run: str
    planned: frozenset[Relation]

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
        existing = self._existing(model.relation, sender)
        increment = is_increment(model, existing, full_refresh)
        loaded: pyarrow.Table | None = None
        incoming: tuple[Column, ...]
        if model.function is not None:
            loaded = self.functions.run(model, sender)
            incoming = self._columns_of(loaded)
            rows = incoming
        else:
            query = model.incremental if increment and model.incremental is not None else model.full
            if query is None:
                raise ValueError(f"{model.id} has no query")
            rows = query
            incoming = ()
            if self._needs_columns(model, existing, increment):
                with sender.asking(query.map) as session:
                    incoming = session.describe(query.sql)
        script = build_model(self.spec, model, rows, existing, incoming, increment=increment, run=self.run)
        if isinstance(script, Diagnostic):
            raise WorkFailedError(script)
        written, remarks = self._run(script, loaded, sender)
        return Outcome(
            Status.SUCCESS, written, "; ".join(("incremental", *remarks) if increment else remarks)
        )

    def _needs_columns(self, model: BoundModel, existing: Existing, increment: bool) -> bool:
        """Columns are asked for only where a decision hangs on them."""
        if increment:
            return True
        if existing.kind is None:
            return False
        if model.config.materialized is Materialization.VIEW:
            return self.spec.replace_view_keeps_columns
        return not self.spec.create_or_replace_table

    def _seed(self, seed: BoundSeed, sender: Sender) -> Outcome:
        rows = read_rows(self.system, seed.path, seed.span, delimiter=seed.config.delimiter)
        declared = {
            lookup_key(self.spec, name, True): type for name, type in seed.config.column_types.items()
        }
        columns = tuple(
            Column(column.name, declared.get(name_key(self.spec, column.name), column.type))
            for column in self._columns_of(rows.as_text(frozenset(seed.config.column_types)))
        )
        script = build_rows(
            self.spec,
            seed.relation,
            columns,
            self._existing(seed.relation, sender),
            indexes=seed.config.indexes,
            pre_hooks=seed.pre_hooks,
            post_hooks=seed.post_hooks,
            run=self.run,
        )
        written, remarks = self._run(script, rows.as_text(frozenset(seed.config.column_types)), sender)
        return Outcome(Status.SUCCESS, written, "; ".join(remarks))

    def _source(self, source: BoundSource, sender: Sender) -> Outcome:
        if source.load is None:
            raise ValueError(f"{source.id} has no file to load")
        rows = read_rows(self.system, source.load, source.span).as_text(frozenset())
        script = build_rows(
            self.spec,
            source.relation,
            self._columns_of(rows),
            self._existing(source.relation, sender),
            run=self.run,
        )
        written, remarks = self._run(script, rows, sender)
        return Outcome(Status.SUCCESS, written, "; ".join(remarks))

    def _test(self, work: RunTest, sender: Sender) -> Outcome:
        query = work.query
        before, after = sql.COUNT_ROWS
        counted = sender.fetch(before + query.sql + after, query.map.shifted(len(before)))
        failures = int(counted.column(0)[0].as_py())
        if failures == 0:
            return Outcome(Status.SUCCESS, 0)
        kept = self._keep(work, sender) if work.config.store_failures else None
        warn = work.config.severity is TestSeverity.WARN
        rows = "1 row" if failures == 1 else f"{failures} rows"
        diagnostic = Diagnostic(
            code=Code.TEST_FAILED,
            severity=Severity.WARNING if warn else Severity.ERROR,
            message=f"the test `{work.name}` found {rows}",
            span=work.span,
            help=f"see them: SELECT * FROM {kept}" if kept else "keep them for a look with --store-failures",
        )
        return Outcome(Status.WARN if warn else Status.FAIL, failures, f"{rows} found", kept, (diagnostic,))

    def _keep(self, work: RunTest, sender: Sender) -> str:
        """Puts the rows that a test found into a table, in the place of those it found before."""
        existing = self._existing(work.failures, sender)
        with sender.transaction():
            if existing.kind is not None:
                sender.execute(sql.drop(self.spec, existing.kind, work.failures))
            before = sql.create_table_as(self.spec, work.failures)
            sender.execute(before + work.query.sql, work.query.map.shifted(len(before)))
        return str(work.failures)

    def _existing(self, relation: Relation, sender: Sender) -> Existing:
        with sender.asking() as session:
            schema = relation.schema or self.spec.default_schema
            kinds = session.relations(relation.database, schema)
            kind = next(
                (
                    k
                    for name, k in kinds.items()
                    if name_key(self.spec, name) == name_key(self.spec, relation.identifier)
                ),
                None,
            )
            if kind is None:
                return Existing()
            bound = not self.spec.views_bind_by_name
            return Existing(
                kind=kind,
                columns=session.columns(relation) or (),
                dependents=session.dependents(relation) if bound else (),
                grants=session.grants(relation) if bound else (),
            )

    def _columns_of(self, rows: pyarrow.Table) -> tuple[Column, ...]:
        return tuple(Column(field.name, column_type(self.spec, field.type)) for field in rows.schema)

    def _run(
        self, script: Script, rows: pyarrow.Table | None, sender: Sender
    ) -> tuple[int | None, Sequence[str]]:
        """Runs a script in one transaction; gives the rows that it wrote, and what else there is to say."""
        written: int | None = None
        remarks: list[str] = []
        with sender.transaction():
            for step in script.steps:
                match step:
                    case Run():
                        count = sender.execute(step.sql, step.map)
                        written = count if step.counts else written
                    case Load():
                        if rows is None:
                            raise ValueError("a script loads rows, and there are none")
                        written = sender.load(step.relation, rows)
                    case Refuse():
                        self._refuse(step, sender)
                    case Carry():
                        remarks += self._carry(step, sender)
        return written, remarks

    def _refuse(self, step: Refuse, sender: Sender) -> None:
        found = sender.fetch(f"{step.sql}\nLIMIT 3")
        if found.num_rows == 0:
            return
        examples = tuple(
            "for example " + ", ".join(f"{name} = {value}" for name, value in row.items())
            for row in found.to_pylist()
        )
        because = step.because
        raise WorkFailedError(
            Diagnostic(
                code=because.code,
                message=because.message,
                span=because.span,
                notes=examples,
                help=because.help,
            )
        )

    def _carry(self, step: Carry, sender: Sender) -> list[str]:
        """Makes views again so that they read the new relation; each in a savepoint of its own.

        A view that can't be made again, but that this plan builds later, goes on reading the old relation
        until then. Any other such view stops the publishing.
        """
        stuck: list[Relation] = []
        for view in step.dependents:
            sender.execute(f"SAVEPOINT {_SAVEPOINT}")
            try:
                sender.execute(sql.create_view(self.spec, view.relation, replace=True) + view.query)
            except WorkFailedError:
                sender.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
                stuck.append(view.relation)
            else:
                sender.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        foreign = [view for view in stuck if view not in self.planned]
        if foreign:
            names = ", ".join(f"`{view}`" for view in foreign)
            raise WorkFailedError(
                Diagnostic(
                    code=Code.VIEWS_IN_THE_WAY,
                    message=f"views read it and can't follow its new columns: {names}",
                    help="change or drop these views, or keep the columns that they read",
                )
            )
        if stuck:
            return [f"the old rows stay for {', '.join(str(view) for view in stuck)} until it is built"]
        sender.execute(sql.drop(self.spec, step.kind, step.aside))
        return []
