"""Says in the user's terms why something failed while a plan ran."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from sqlflow.adapter.protocol import Failure, FailureKind
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label, Severity
from sqlflow.core.relation import Relation
from sqlflow.core.span import LineIndex, Span
from sqlflow.core.textmap import TextMap
from sqlflow.plan.types import RunTest

_WORD = re.compile(r'"(?:[^"]|"")*"|\w+')
_HELP = {
    FailureKind.CONNECTION: "the connection to the warehouse was lost: check that it is up, then build again",
    FailureKind.TRANSIENT: "another transaction was in the way: build again",
    FailureKind.PERMISSION: "the user of this target may not do that: grant it, or choose another target",
    FailureKind.DEPENDENTS: "something in the warehouse depends on it: drop that first, or keep the columns",
}


class WorkFailedError(Exception):
    """Carries the diagnostics of an action that could not be done; `kind` is the engine's, if it refused."""

    def __init__(self, *diagnostics: Diagnostic, kind: FailureKind | None = None) -> None:
        self.diagnostics = diagnostics
        self.kind = kind
        super().__init__("; ".join(d.message for d in diagnostics))


class StoppedError(Exception):
    """Raised in a worker whose statement was cancelled, or that finds that the run was stopped."""


def published_meanwhile(name: str, span: Span) -> Diagnostic:
    """Says that what is to be renamed is not what was planned any more."""
    return Diagnostic(
        code=Code.PLAN_OUT_OF_DATE,
        message=f"`{name}` was published since the plan was made",
        span=span,
        help="nothing was done; build again",
    )


def statement_failed(
    failure: Failure, name: str, span: Span, text_map: TextMap | None, sql: str = ""
) -> Diagnostic:
    """Points at the template where the engine says that the statement is wrong, else at the node.

    Engines give where it begins: in `sql`, the statement, the word that begins there is what is wrong.
    """
    if failure.kind is FailureKind.CONNECTION:
        return connection_lost(failure, name, span)
    first, _, rest = failure.message.strip().partition("\n")
    frames = ()
    if text_map is not None and failure.offset is not None:
        word = _WORD.match(sql, failure.offset)
        inside = sql[failure.offset - 1 : failure.offset + 1].isalnum() and failure.offset > 0
        # What fails on a value inside of a view has its place in the view's text, which is not this one.
        begins = word is not None or sql[failure.offset : failure.offset + 1] in ("'", "(", "[", "{", "-")
        lies = failure.kind is FailureKind.DATA and (inside or not begins)
        frames = () if lies else text_map.locate(failure.offset, word.end() if word else None)
    notes = [line for line in rest.splitlines() if line.strip()]
    if failure.hint:
        notes.append(failure.hint)
    return Diagnostic(
        code=Code.STATEMENT_FAILED,
        message=f"the warehouse refused a statement of `{name}`: {first}",
        span=frames[0] if frames else span,
        label="here" if frames else "",
        labels=tuple(Label(frame, "written here") for frame in frames[1:]),
        notes=tuple(notes),
        help=_HELP.get(failure.kind, ""),
    )


def connection_lost(failure: Failure, name: str, span: Span) -> Diagnostic:
    """Says that the session could not be opened, or that it ended while it was needed."""
    first, _, rest = failure.message.strip().partition("\n")
    return Diagnostic(
        code=Code.NO_CONNECTION,
        message=f"there is no connection to the warehouse for `{name}`: {first}",
        span=span,
        notes=tuple(line for line in rest.splitlines() if line.strip()),
        help=_HELP[FailureKind.CONNECTION],
    )


def commit_unknown(name: str, span: Span) -> Diagnostic:
    """Says that the connection was lost while the engine committed, and could not be had again."""
    return Diagnostic(
        code=Code.NO_CONNECTION,
        message=f"the connection was lost while `{name}` was published: nobody knows yet whether it is",
        span=span,
        help="build again when the warehouse is up: what was published then counts as built, and only that",
    )


class InTheWay(StrEnum):
    """Why a view can't be led from what it reads to what takes its place."""

    COLUMNS = "can't follow its new columns"
    RIGHTS = "can't be replaced by the user of this target"
    STORED = "hold rows of their own, and so can't be made again"
    ALTERED = "read columns that are dropped or get another type"
    GONE = "would have nothing to read any more"


def views_in_the_way(name: str, why: InTheWay, views: Iterable[Relation], span: Span | None) -> Diagnostic:
    """Says that a node can't be replaced, or dropped, since views read it that would break."""
    names = ", ".join(f"`{view}`" for view in views)
    keep = "keep the columns that they read"
    return Diagnostic(
        code=Code.VIEWS_IN_THE_WAY,
        message=f"`{name}` is read by views that {why.value}: {names}",
        span=span,
        help="drop these views" if why is InTheWay.GONE else f"change or drop these views, or {keep}",
    )


def something_in_the_way(name: str, error: WorkFailedError, span: Span, *, dropped: bool) -> Diagnostic:
    """Says that what is replaced, or `dropped`, is in use: the engine named what hangs on it."""
    return Diagnostic(
        code=Code.VIEWS_IN_THE_WAY,
        message=f"`{name}` can't be {'dropped' if dropped else 'replaced'}: something else in the warehouse "
        "hangs on it",
        span=span,
        notes=tuple(note for found in error.diagnostics for note in found.notes),
        help=f"change or drop what hangs on it{'' if dropped else ', or keep its columns'}",
    )


def timed_out(name: str, span: Span, seconds: float, *, published: bool) -> Diagnostic:
    """Says that a node took longer than its `timeout`; what was published by then stays."""
    left = "its hooks after the commit were cut short" if published else "nothing of it was published"
    return Diagnostic(
        code=Code.TIMED_OUT,
        message=f"`{name}` took longer than its timeout of {seconds:g} seconds",
        span=span,
        help=f"{left}; raise `timeout`, or make the query faster",
    )


def test_not_run(work: RunTest, absent: Sequence[Relation]) -> Diagnostic:
    """Says that a test reads what is neither there nor built by this run."""
    names = ", ".join(f"`{relation}`" for relation in absent)
    return Diagnostic(
        code=Code.TEST_NOT_RUN,
        severity=Severity.WARNING,
        message=f"the test `{work.name}` was not run: it reads {names}, which this run does not build",
        span=work.span,
        help="build what it reads as well; a build of the whole project runs every test",
    )


def hook_failed(diagnostic: Diagnostic, name: str) -> Diagnostic:
    """Adds to the failure of a hook after the commit that it undoes nothing."""
    note = f"`{name}` was published before, and stays so; what reads it was not built"
    help_ = diagnostic.help or f"build it again with --force to run its hooks again: -s {name}"
    return replace(diagnostic, notes=(*diagnostic.notes, note), help=help_)


def grant_refused(error: WorkFailedError, name: str, span: Span) -> WorkFailedError:
    """Says that a right can't be granted, or taken away, as the engine says: to a role that is not there."""
    told = error.diagnostics[0]
    why = told.message.partition(": ")[2] or told.message
    return WorkFailedError(
        Diagnostic(
            code=Code.GRANT_REFUSED,
            message=f"the grants of `{name}` can't be made: {why}",
            span=span,
            label="set here",
            notes=told.notes,
            help="nothing was published; make the role, or name it as the warehouse spells it",
        ),
        kind=error.kind,
    )


def line_span(path: str, text: str, line: int) -> Span:
    """Gives the place of a line of a file, without its indentation; lines count from 1."""
    start, end = LineIndex(text).line_bounds(line)
    return Span(path, start + len(text[start:end]) - len(text[start:end].lstrip()), end)


def lease_held(name: str, holder: str, seconds: float, span: Span) -> Diagnostic:
    """Says that another run, which is named where that is known, went on writing to a table for too long."""
    who = f"`{holder}`" if holder else "another run"
    return Diagnostic(
        code=Code.LEASE,
        message=f"`{name}` was not built: {who} has been writing to it for {seconds:g} s",
        span=span,
        help="build again when that run has ended, or set a longer `lock-timeout`",
    )


def environment_held(name: str, holder: str, span: Span | None) -> Diagnostic:
    """Says that another run changes an environment."""
    return Diagnostic(
        code=Code.LEASE,
        message=f"nothing was done: `{holder}` is changing the environment `{name}`",
        span=span,
        help="when that run has ended, make the plan again and look at it",
    )


def lease_lost(name: str, holder: str, span: Span) -> Diagnostic:
    """Says that a run stood still for so long that another one took its place."""
    who = f"`{holder}`" if holder else "another run"
    return Diagnostic(
        code=Code.LEASE,
        message=f"`{name}` was not published: this run stood still for too long, and {who} took its place",
        span=span,
        help="nothing was changed; build again",
    )
