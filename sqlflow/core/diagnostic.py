"""What the user is told about a mistake: data, not an exception."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlflow.core.codes import Code
from sqlflow.core.span import Span


class Severity(StrEnum):
    """How much a diagnostic matters: an error stops what was asked for, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Label(NamedTuple):
    """A further place that belongs to a diagnostic, and what is there."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message for the user.

    `message` is a short phrase that names the thing; `label` says what stands at `span`; `labels` are
    further places (the macro that was called, the other definition); `help` says what to do.
    """

    code: Code
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it stops what was asked for."""
        return self.severity is Severity.ERROR


class ProjectError(Exception):
    """Carries diagnostics out of a call that has no value to give without them."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Says whether any of the diagnostics is an error."""
    return any(d.is_error for d in diagnostics)


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Gives a help line with the closest of the known names, or an empty string where none is close."""
    known = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
    if not close:
        return ""
    return "did you mean " + " or ".join(f"`{known[c]}`" for c in close) + "?"
