"""What PostgreSQL's errors say."""

from __future__ import annotations

import psycopg

from sqlflow.adapter.protocol import Failure, FailureKind

_KINDS = {
    "40001": FailureKind.TRANSIENT,
    "40P01": FailureKind.TRANSIENT,
    "53300": FailureKind.TRANSIENT,
    "55006": FailureKind.TRANSIENT,
    "55P03": FailureKind.TRANSIENT,
    "57P03": FailureKind.TRANSIENT,
    "57014": FailureKind.CANCELLED,
    "2BP01": FailureKind.DEPENDENTS,
    "25006": FailureKind.PERMISSION,
    "42501": FailureKind.PERMISSION,
    "42601": FailureKind.SYNTAX,
    "3F000": FailureKind.MISSING,
    "42P01": FailureKind.MISSING,
    "42703": FailureKind.MISSING,
    "42704": FailureKind.MISSING,
    "42883": FailureKind.MISSING,
    "3D000": FailureKind.CONNECTION,
    "57P01": FailureKind.CONNECTION,
    "57P02": FailureKind.CONNECTION,
}
_CLASSES = {
    "08": FailureKind.CONNECTION,
    "22": FailureKind.DATA,
    "23": FailureKind.CONSTRAINT,
    "28": FailureKind.CONNECTION,
}

_OPENING = "sqlflow_opening"

# What the server says of something that another transaction changed or dropped while it was being read.
_DROPPED_MEANWHILE = ("concurrently updated", "could not open relation with OID", "cache lookup failed")


class PoisonedTransactionError(Exception):
    """Raised by a COMMIT after a failed statement, which the server would answer by rolling back."""


class UnknownColumnError(Exception):
    """Raised by a load of rows that have a column which the table has not."""


class UnknownTableError(Exception):
    """Raised by a load into a table that is not there."""


class CancelledError(Exception):
    """Raised by a call that was cancelled before its statement was sent."""


def without_secret(error: psycopg.Error, secret: str | None) -> psycopg.Error:
    """Gives the error of a connection that failed, its message without the password, should it be there."""
    message = str(error)
    clean = type(error)(message.replace(secret, "***") if secret else message)
    setattr(clean, _OPENING, True)
    return clean


def classify(error: BaseException) -> Failure:
    """Reads an error that psycopg or this adapter raised."""
    match error:
        case psycopg.Error():
            return _server_failure(error)
        case UnknownColumnError() | UnknownTableError():
            return Failure(kind=FailureKind.MISSING, message=str(error))
        case CancelledError():
            return Failure(kind=FailureKind.CANCELLED, message=str(error))
        case _:
            return Failure(kind=FailureKind.OTHER, message=str(error) or type(error).__name__)


def _server_failure(error: psycopg.Error) -> Failure:
    """Reads an error of the server or of the connection to it."""
    diagnosis = error.diag
    lines = [diagnosis.message_primary or str(error).strip()]
    if diagnosis.message_detail:
        lines.append(diagnosis.message_detail)
    if diagnosis.context and diagnosis.context.startswith("COPY "):
        lines.append(diagnosis.context)
    place = diagnosis.statement_position
    return Failure(
        kind=_kind(error),
        message="\n".join(lines),
        offset=int(place) - 1 if place is not None else None,
        code=error.sqlstate,
        hint=diagnosis.message_hint,
    )


def _kind(error: psycopg.Error) -> FailureKind:
    """Sorts an error by its SQLSTATE; what has none was not said by the server."""
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.DataError):
            return FailureKind.DATA
        lost = isinstance(error, psycopg.OperationalError) or getattr(error, _OPENING, False)
        return FailureKind.CONNECTION if lost else FailureKind.OTHER
    if state == "XX000" and any(words in str(error) for words in _DROPPED_MEANWHILE):
        return FailureKind.TRANSIENT
    if state == "42710" or (state == "23505" and error.diag.schema_name == "pg_catalog"):
        # Two sessions gave one name at once; the second of them would have been told, or got another name.
        # IF NOT EXISTS looks for a table, and then runs into the row type of one that was made meanwhile.
        return FailureKind.TRANSIENT
    return _KINDS.get(state) or _CLASSES.get(state[:2], FailureKind.OTHER)
