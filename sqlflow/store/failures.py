"""Says in the user's terms what is wrong with the store of a project's state."""

from __future__ import annotations

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, Severity
from sqlflow.core.span import Span

REPAIR = "`sqlflow state repair` keeps what can be read, and puts the rest aside"


class StoreError(ProjectError):
    """Carries the diagnostic of a store that can't be used."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__([diagnostic])


def unreachable(where: str, why: str, span: Span | None, help: str = "") -> StoreError:
    """Says that a store can't be opened or written."""
    return StoreError(
        Diagnostic(
            code=Code.STATE_UNREACHABLE,
            message=f"the state in {where} can't be used: {why}",
            span=span,
            help=help or "`state:` in sqlflow.yml says where it is kept",
        )
    )


def on_network(where: str, kind: str, span: Span | None) -> StoreError:
    """Says that a file lies where locks can't be trusted."""
    return unreachable(
        where,
        f"it lies on a file system of type {kind}, over a network, where SQLite's locks can't be trusted",
        span,
        "keep it on a local disk (`state: sqlite:////var/lib/shop/state.db`), on a server "
        "(`state: postgresql://...`) or in the warehouse (`state: warehouse`)",
    )


def damaged(where: str, why: str, span: Span | None) -> StoreError:
    """Says that a store is there and can't be read."""
    return StoreError(
        Diagnostic(
            code=Code.STATE_DAMAGED,
            message=f"the state in {where} is damaged: {why}",
            span=span,
            help=REPAIR,
        )
    )


def newer(where: str, found: int, known: int, span: Span | None) -> StoreError:
    """Says that a store was written by a later version of sqlflow."""
    return StoreError(
        Diagnostic(
            code=Code.STATE_NEWER,
            message=f"the state in {where} has version {found} of its schema, "
            f"and this sqlflow knows {known} at most",
            span=span,
            help="use the version of sqlflow that wrote it, or a later one",
        )
    )


def not_empty(where: str, events: int, span: Span | None) -> StoreError:
    """Says that an import would mix two histories."""
    return StoreError(
        Diagnostic(
            code=Code.STATE_NOT_IMPORTED,
            message=f"nothing was imported: the state in {where} holds {events} events already",
            span=span,
            help="`--replace` puts them aside and takes those of the file instead",
        )
    )


def no_export(path: str, line: int, why: str) -> StoreError:
    """Says that a file to import is none that `sqlflow state export` wrote."""
    return StoreError(
        Diagnostic(
            code=Code.STATE_NOT_IMPORTED,
            message=f"nothing was imported: line {line} of `{path}` is no event: {why}",
            help="the file has to be one that `sqlflow state export` wrote",
        )
    )


def not_shared(where: str, target: str, span: Span | None, *, can_hold: bool) -> Diagnostic:
    """Warns that a warehouse that others use has its state on this machine alone.

    `can_hold` says whether the warehouse itself could have it.
    """
    server = "name a server (`state: postgresql://...`)"
    return Diagnostic(
        code=Code.STATE_NOT_SHARED,
        severity=Severity.WARNING,
        message=f"the target `{target}` is a server, and its state is kept in a file of this machine",
        span=span,
        label=f"kept in {where}",
        help="nobody else sees it there: "
        + (f"leave `state` out to keep it in the warehouse, or {server}" if can_hold else server),
    )


def not_written(error: StoreError) -> Diagnostic:
    """Warns at the end of a run that its events are not all in the store."""
    return Diagnostic(
        code=Code.STATE_UNREACHABLE,
        severity=Severity.WARNING,
        message=f"what the run did could not be kept: {error.diagnostic.message}",
        span=error.diagnostic.span,
        help="the warehouse is as the run left it, and its publish log is complete: "
        "the next build reads what is missing from there",
    )
