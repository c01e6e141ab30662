"""How old the rows of a source may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlflow.core.span import Span


class FreshnessStatus(StrEnum):
    """Whether a source is as fresh as it has to be."""

    PASS = "pass"  # noqa: S105  (a word, not a secret)
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The ages from which on a source is warned about, and is too old; None for no such age.

    `filter` is an SQL condition on the rows that are looked at.
    """

    warn_after: timedelta | None = None
    error_after: timedelta | None = None
    filter: str | None = None

    def status(self, age: timedelta | None) -> FreshnessStatus:
        """Judges an age; that of a source without rows, None, is more than any other."""
        if self.error_after is not None and (age is None or age > self.error_after):
            return FreshnessStatus.ERROR
        if self.warn_after is not None and (age is None or age > self.warn_after):
            return FreshnessStatus.WARN
        return FreshnessStatus.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAt:
    """How a source tells when its last rows came: by an SQL expression over its columns, or by a query.

    `query` says that the text is the template of a whole query, which gives one value.
    """

    text: str
    query: bool
    span: Span
