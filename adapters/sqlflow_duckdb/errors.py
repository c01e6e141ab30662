"""What DuckDB's errors say."""

from __future__ import annotations

import json
import re
from typing import cast

import duckdb

from sqlflow.adapter.protocol import Failure, FailureKind

# What only the session knows about an error is kept with the error.
_OFFSET = "sqlflow_offset"
_OPENING = "sqlflow_opening"
_CLASS = re.compile(r"\A[A-Z][A-Za-z ]* Error: ")


class PoisonedTransactionError(Exception):
    """Raised by a COMMIT after a failed statement: DuckDB would roll back and report success."""


class CancelledError(Exception):
    """Raised by a call that was cancelled between two of its statements."""


def remember_opening(error: BaseException) -> None:
    """Marks an error as one of connecting."""
    setattr(error, _OPENING, True)


def remember_place(
    error: BaseException, sent: str, before: int = 0, told_by: BaseException | None = None
) -> None:
    """Keeps where in the user's statement an error is.

    DuckDB gives the place in bytes of what was `sent`, which has `before` characters that are not the
    user's at its beginning. `told_by` is a second error with the same message that knows the place.
    """
    teller = error if told_by is None else told_by
    position = _details(teller).get("position")
    if position is None or message_of(teller) != message_of(error):
        return
    data, start = sent.encode(), int(position)
    offset = len(data[:start].decode(errors="ignore")) - before
    if start <= len(data) and offset >= 0:
        setattr(error, _OFFSET, offset)


def lacks_place(error: BaseException) -> bool:
    """Says whether an error was found in reading a statement, but not where."""
    return isinstance(
        error, (duckdb.BinderException, duckdb.CatalogException)
    ) and "position" not in _details(error)


def is_missing(error: BaseException) -> bool:
    """Says whether an error is of a name that is not there."""
    return isinstance(error, duckdb.CatalogException) and _catalog_kind(
        message_of(error), _details(error)
    ) is (FailureKind.MISSING)


def message_of(error: BaseException) -> str:
    """Gives an error's message without DuckDB's JSON around it."""
    details = _details(error)
    text = details.get("exception_message")
    # "Binder Error: " and the like stand before it where there is no JSON.
    return text if text is not None else _CLASS.sub("", str(error), count=1)


def classify(error: BaseException) -> Failure:
    """Reads an error that DuckDB or this adapter raised."""
    details, message = _details(error), message_of(error)
    return Failure(
        kind=_kind(error, message, details),
        message=message,
        offset=getattr(error, _OFFSET, None),
        code=details.get("error_subtype"),
    )


def _details(error: BaseException) -> dict[str, str]:
    """Gives the fields that DuckDB puts into a message as JSON, after the name of the error's kind."""
    _, brace, rest = str(error).partition("{")
    if not brace:
        return {}
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(brace + rest)
    except ValueError:
        return {}
    if not isinstance(found, dict) or "exception_message" not in found:
        return {}
    return {str(key): str(value) for key, value in cast("dict[object, object]", found).items()}


def _kind(error: BaseException, message: str, details: dict[str, str]) -> FailureKind:
    """Sorts an error by its class, where that is not enough by its message."""
    match error:
        case duckdb.InterruptException() | CancelledError():
            return FailureKind.CANCELLED
        case duckdb.TransactionException():
            return FailureKind.TRANSIENT if re.search(r"(?i)conflict", message) else FailureKind.OTHER
        case duckdb.ParserException() | duckdb.SyntaxException():
            return FailureKind.SYNTAX
        case duckdb.IOException():
            return _io_kind(error, message)
        case duckdb.ConnectionException():
            return FailureKind.CONNECTION
        case duckdb.PermissionException():
            return FailureKind.PERMISSION
        case duckdb.ConstraintException():
            return FailureKind.CONSTRAINT
        case duckdb.DependencyException():
            return FailureKind.DEPENDENTS
        case duckdb.CatalogException():
            return _catalog_kind(message, details)
        case duckdb.BinderException():
            missing = details.get("error_subtype") == "COLUMN_NOT_FOUND" or re.search(
                r"not found|does not exist|does not have a column", message
            )
            return FailureKind.MISSING if missing else FailureKind.OTHER
        case duckdb.ConversionException() | duckdb.OutOfRangeException() | duckdb.TypeMismatchException():
            return FailureKind.DATA
        case duckdb.InvalidInputException():
            return _invalid_input_kind(message)
        case _:
            return FailureKind.CONNECTION if getattr(error, _OPENING, False) else FailureKind.OTHER


def _io_kind(error: BaseException, message: str) -> FailureKind:
    """Sorts an error of files: the database's own, or one that a query reads."""
    if "Could not set lock on file" in message:
        return FailureKind.TRANSIENT
    if getattr(error, _OPENING, False):
        # Who only reads makes no file.
        return FailureKind.MISSING if "database does not exist" in message else FailureKind.CONNECTION
    if re.search(r"No files found|No such file", message):
        return FailureKind.MISSING
    return FailureKind.OTHER


def _catalog_kind(message: str, details: dict[str, str]) -> FailureKind:
    """Sorts an error of the catalog."""
    if details.get("error_subtype") == "MISSING_ENTRY" or "does not exist" in message:
        return FailureKind.MISSING
    if "main key table" in message:
        return FailureKind.DEPENDENTS
    return FailureKind.OTHER


def _invalid_input_kind(message: str) -> FailureKind:
    """Sorts what DuckDB calls invalid input: settings, modes and values alike."""
    if "read-only mode" in message:
        return FailureKind.PERMISSION
    if message.startswith(("Values were not provided", "Cannot ")):
        return FailureKind.OTHER
    return FailureKind.DATA
