"""Runs tests: on what is published, or as audits on what is about to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sqlflow.apply.failed_rows import FailedRows
from sqlflow.apply.failures import WorkFailedError, test_not_run
from sqlflow.apply.outcome import AuditOutcome, Outcome
from sqlflow.apply.sender import Sender
from sqlflow.bind.splice import rebound
from sqlflow.bind.types import BoundQuery
from sqlflow.core.codes import Code
from sqlflow.core.config import TestSeverity
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import relation_sql
from sqlflow.plan.types import RunTest
from sqlflow.state.event import Status

if TYPE_CHECKING:
    import pyarrow

# How many of the rows that stopped a publishing are kept: they are read before it is rolled back.
_MOST_KEPT = 1000


class AuditFailedError(Exception):
    """Raised within the transaction that must not be committed."""


class _Found(NamedTuple):
    """What an audit found: how many rows, and the first of them where they stop the publishing."""

    seconds: float
    failures: int
    rows: pyarrow.Table | None = None


class Audits:
    """The audits of one action, and what they found in its last attempt.

    Where several batches are built at once, none `forgets` the rows that a test kept: they may be those that
    another one of them failed on.
    """

    def __init__(
        self,
        node: NodeId,
        tests: tuple[RunTest, ...],
        failed_rows: FailedRows,
        clock: Callable[[], float],
        *,
        forgets: bool = True,
    ) -> None:
        self.tests = tests
        self._node = node
        self._failed_rows = failed_rows
        self._clock = clock
        self._forgets = forgets
        self._found: dict[NodeId, _Found | AuditOutcome] = {}

    def run(self, on: Relation, sender: Sender) -> None:
        """Runs all tests on new contents; raises AuditFailedError where those may not be published."""
        self._found.clear()
        name = relation_sql(self._failed_rows.spec, on)
        stops = False
        for test in self.tests:
            began = self._clock()
            absent = _absent(test, self._failed_rows, sender)
            if absent:
                self._found[test.node] = AuditOutcome(test, _not_run(test, absent), 0.0)
                continue
            try:
                with sender.naming(test.name, test.span):
                    found = self._test(test, rebound(test.query, self._node, name), began, sender)
            except WorkFailedError as error:
                if error.kind is not None and error.kind.passes:
                    raise
                # The transaction is lost, and with it what the other tests would have said.
                failed = Outcome(Status.ERROR, diagnostics=error.diagnostics)
                self._found[test.node] = AuditOutcome(test, failed, self._clock() - began)
                raise AuditFailedError from error
            self._found[test.node] = found
            stops = stops or found.rows is not None
        if stops:
            raise AuditFailedError

    def _test(self, test: RunTest, query: BoundQuery, began: float, sender: Sender) -> _Found:
        failures = _count(query, sender)
        rows: pyarrow.Table | None = None
        if failures and test.config.severity is TestSeverity.ERROR:
            before, after = sql.first_rows(_MOST_KEPT)
            rows = sender.fetch(f"{before}{query.sql}{after}", query.map.shifted(len(before)))
        return _Found(self._clock() - began, failures, rows)

    def outcomes(self, sender: Sender) -> tuple[AuditOutcome, ...]:
        """Says, after the transaction, how each test ended that got to run; keeps its rows for a look."""
        out: list[AuditOutcome] = []
        for test in self.tests:
            match self._found.get(test.node):
                case AuditOutcome() as outcome:
                    out.append(outcome)
                case _Found() as found:
                    ended = _ended(test, found.failures, self._kept(test, found, sender))
                    out.append(AuditOutcome(test, ended, found.seconds))
                case None:
                    pass
        return tuple(out)

    def _kept(self, test: RunTest, found: _Found, sender: Sender) -> str | None:
        if found.rows is not None:
            return self._failed_rows.load(test, found.rows, sender)
        if found.failures and test.config.store_failures:
            return self._failed_rows.keep(test, sender)
        if not found.failures and self._forgets:
            self._failed_rows.forget(test, sender)
        return None


def run_test(test: RunTest, failed_rows: FailedRows, sender: Sender) -> Outcome:
    """Runs a test on what is published."""
    absent = _absent(test, failed_rows, sender)
    if absent:
        return _not_run(test, absent)
    failures = _count(test.query, sender)
    kept: str | None = None
    if failures and test.config.store_failures:
        kept = failed_rows.keep(test, sender)
    elif not failures:
        failed_rows.forget(test, sender)
    return _ended(test, failures, kept)


def _count(query: BoundQuery, sender: Sender) -> int:
    before, after = sql.COUNT_ROWS
    counted = sender.fetch(before + query.sql + after, query.map.shifted(len(before)))
    return int(counted.column(0)[0].as_py())


def _ended(test: RunTest, failures: int, kept: str | None) -> Outcome:
    if failures == 0:
        return Outcome(Status.SUCCESS, 0)
    warn = test.config.severity is TestSeverity.WARN
    rows = "1 row" if failures == 1 else f"{failures} rows"
    diagnostic = Diagnostic(
        code=Code.TEST_FAILED,
        severity=Severity.WARNING if warn else Severity.ERROR,
        message=f"the test `{test.name}` found {rows}",
        span=test.span,
        help=f"see them: sqlflow show {test.name}" if kept else "keep them for a look: --store-failures",
    )
    return Outcome(Status.WARN if warn else Status.FAIL, failures, kept=kept, diagnostics=(diagnostic,))


def _absent(test: RunTest, failed_rows: FailedRows, sender: Sender) -> tuple[Relation, ...]:
    with sender.asking() as session:
        return tuple(r for r in test.outside if failed_rows.catalog.kind(session, r) is None)


def _not_run(test: RunTest, absent: tuple[Relation, ...]) -> Outcome:
    return Outcome(Status.WARN, reason="not run", diagnostics=(test_not_run(test, absent),))
