"""Asks the sources when their last rows came: how fresh they are, and whether they changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.failures import connection_lost
from sqlflow.bind.types import BoundSource
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, Severity
from sqlflow.core.freshness import Freshness, FreshnessStatus, LoadedAt
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.dialect import statements as sql
from sqlflow.project.durations import duration_text
from sqlflow.project.types import SourceDecl
from sqlflow.system.protocol import System


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceQuestion:
    """A source that can tell when its last rows came."""

    declared: SourceDecl
    bound: BoundSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFreshness:
    """What a source said.

    `loaded_at` is in UTC, with its zone; None for a source without rows. `version` is what it is known by
    from the outside: a source that gives another one has changed. None for both where it could not be
    asked; `diagnostic` then says why. `status` is None where no freshness is asked for, or nothing is known.
    """

    node: NodeId
    name: str
    loaded_at: datetime | None
    age: timedelta | None
    version: str | None
    limits: Freshness
    status: FreshnessStatus | None
    span: Span
    diagnostic: Diagnostic | None = None

    @property
    def limit(self) -> str:
        """The age that decides about its status, in words."""
        ages = self.limits
        if self.status is FreshnessStatus.ERROR and ages.error_after is not None:
            return f"error after {duration_text(ages.error_after)}"
        if ages.warn_after is not None:
            return f"warn after {duration_text(ages.warn_after)}"
        return f"error after {duration_text(ages.error_after)}" if ages.error_after is not None else ""


def ask_sources(
    questions: Iterable[SourceQuestion], session: Session | None, adapter: Adapter, system: System
) -> tuple[SourceFreshness, ...]:
    """Asks one source after the other; a source that is a file, for its time of change.

    A `session` of None will do for files. Raises ProjectError where the connection is lost.
    """
    now = system.now()
    return tuple(_ask(question, session, adapter, system, now) for question in questions)


def look_at_sources(
    questions: Sequence[SourceQuestion], connect: Callable[[], Warehouse], adapter: Adapter, system: System
) -> tuple[SourceFreshness, ...]:
    """Asks over a connection of its own, which is opened where a source is not a file.

    Raises ProjectError where the connection can't be had, or is lost.
    """
    first = next((q.bound for q in questions if q.declared.location is None), None)
    if first is None:
        return ask_sources(questions, None, adapter, system)
    with closing(connect()) as warehouse:
        try:
            session = warehouse.session()
        except Exception as error:
            failure = adapter.classify(error)
            raise ProjectError([connection_lost(failure, first.name, first.span)]) from error
        with closing(session):
            return ask_sources(questions, session, adapter, system)


def too_old(found: SourceFreshness) -> Diagnostic | None:
    """Warns of a source that is not as fresh as it has to be."""
    if found.status not in (FreshnessStatus.WARN, FreshnessStatus.ERROR):
        return None
    return Diagnostic(
        code=Code.STALE_SOURCE,
        severity=Severity.WARNING,
        message=f"the source `{found.name}` is not fresh: {last_rows(found)} ({found.limit})",
        span=found.span,
        help="look at what loads it; `sqlflow freshness` shows all sources",
    )


def reasons_to_wait(found: Iterable[SourceFreshness]) -> Mapping[NodeId, str]:
    """Says of the sources that are too old, and of those that can't tell whether they are, that they are."""
    out: dict[NodeId, str] = {}
    for source in found:
        if source.status is FreshnessStatus.ERROR:
            out[source.node] = f"{source.name} is not fresh: {last_rows(source)}"
        elif source.status is None and source.limits != Freshness():
            out[source.node] = f"{source.name} can't tell how fresh it is"
    return out


def last_rows(found: SourceFreshness) -> str:
    """Says in words when the last rows came."""
    if found.loaded_at is None or found.age is None:
        return "it has no rows"
    return f"its last rows came {age_text(found.age)} ago"


def age_text(age: timedelta) -> str:
    """Says an age in its two largest units: `3 days 4 h`."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return f"{max(0, int(age.total_seconds()))} s"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} {'day' if days == 1 else 'days'}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    return f"{minutes} min"


def _ask(
    question: SourceQuestion, session: Session | None, adapter: Adapter, system: System, now: datetime
) -> SourceFreshness:
    source, bound = question.declared, question.bound
    limits = source.freshness or Freshness()
    moment: datetime | None = None
    version: str | None = None
    problem: Diagnostic | None = None
    try:
        if source.location is not None:
            stat = system.stat(source.location)
            if stat is None:
                problem = _not_asked(bound, source.span, f"there is no file `{source.location}`", "")
            else:
                moment = datetime.fromtimestamp(stat.modified_ns / 1e9, UTC)
        elif source.loaded_at is not None and session is not None:
            value, version = _answer(source.loaded_at, limits, bound, session, adapter)
            moment = _moment(value)
            if moment is None and value is not None:
                why = f"it gave {_shown(value)}, which is no moment"
                problem = _not_asked(bound, source.loaded_at.span, why, "give a date or a timestamp")
                version = None
    except Exception as error:
        failure = adapter.classify(error)
        if failure.kind.is_of_all:
            raise ProjectError([connection_lost(failure, bound.name, bound.span)]) from error
        place = source.loaded_at.span if source.loaded_at is not None else source.span
        first = failure.message.strip().partition("\n")[0]
        problem, version = _not_asked(bound, place, first, failure.hint or ""), None
    age = now - moment if moment is not None else None
    judged = source.freshness is not None and problem is None
    return SourceFreshness(
        node=bound.id,
        name=bound.name,
        loaded_at=moment,
        age=age,
        version=version,
        limits=limits,
        status=limits.status(age) if judged else None,
        span=source.span,
        diagnostic=problem,
    )


def _answer(
    loaded_at: LoadedAt, limits: Freshness, bound: BoundSource, session: Session, adapter: Adapter
) -> tuple[object, str]:
    """Gives what tells the moment, and the version: that, with the number of rows where they are counted."""
    if bound.question is not None:
        query = bound.question.sql
    else:
        query = sql.last_loaded(bound.from_clause, loaded_at.text, limits.filter)
    rows = session.fetch(query)
    values = [column.to_pylist()[0] if len(column) else None for column in rows.columns]
    return (values[0] if values else None), "|".join(str(value) for value in values)


def _moment(value: object) -> datetime | None:
    """Reads a moment; without a zone, it is in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    return None


def _shown(value: object) -> str:
    return f"a value of the type {type(value).__name__}"


def _not_asked(source: BoundSource, span: Span, why: str, help_: str) -> Diagnostic:
    return Diagnostic(
        code=Code.SOURCE_NOT_ASKED,
        message=f"`{source.name}` can't tell when its last rows came: {why}",
        span=span,
        help=help_ or "what is asked is `max(loaded_at_field)`, or the `loaded_at_query`",
    )
