"""How much a diagnostic matters in one project, or on one line of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity, did_you_mean
from sqlflow.core.source import SourceTree
from sqlflow.core.span import LineIndex, Span

# What the compiler concludes about columns can be wrong about what a team wants; what it can't read, or
# what it can't build, is no matter of taste.
_ADJUSTABLE = "SF03"
_COMMENT = re.compile(
    r"(?:--|#|//|\{#-?|/\*)[ \t]*sqlflow:[ \t]*(?P<level>ignore|warning|error)\b[ \t]*"
    r"(?P<codes>[A-Za-z0-9, \t]*)"
)
_ALONE = re.compile(r"\s*\Z")


class Level(StrEnum):
    """What becomes of a diagnostic."""

    ERROR = "error"
    WARNING = "warning"
    IGNORE = "ignore"


def adjustable_codes() -> tuple[str, ...]:
    """Gives the codes whose severity a project may set."""
    return tuple(code.value for code in Code if code.value.startswith(_ADJUSTABLE))


def unknown_code(text: str, span: Span, severity: Severity = Severity.ERROR) -> Diagnostic:
    """Says that the severity of something can't be set."""
    known = adjustable_codes()
    exists = text in {code.value for code in Code}
    return Diagnostic(
        code=Code.INVALID_VALUE,
        message=f"the severity of {text} can't be set" if exists else f"there is no diagnostic `{text}`",
        severity=severity,
        span=span,
        help=did_you_mean(text, known) if not exists else f"it can be for {known[0]} to {known[-1]}",
    )


def adjusted(
    diagnostics: Iterable[Diagnostic], levels: Mapping[Code, Level], tree: SourceTree
) -> tuple[Diagnostic, ...]:
    """Gives diagnostics the severities that the project and the lines they point at say.

    `-- sqlflow: ignore SF0309` holds for its line, or, alone on a line, for the next one; `warning` and
    `error` as well. A comment goes over the project. What is ignored is left out.
    """
    comments = {file.path: _Comments(file.path, file.text) for file in tree.files.values() if file.text}
    found: list[Diagnostic] = []
    for diagnostic in diagnostics:
        level = levels.get(diagnostic.code)
        span = diagnostic.span
        if span is not None and span.path in comments and diagnostic.code.startswith(_ADJUSTABLE):
            level = comments[span.path].level(span, diagnostic.code) or level
        if level is None:
            found.append(diagnostic)
        elif level is not Level.IGNORE:
            found.append(replace(diagnostic, severity=Severity(level.value)))
    for written in comments.values():
        found += written.mistakes()
    return tuple(found)


class _Comments:
    """The comments of one file that set severities."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        # Most files have none, and are not searched for lines.
        self._matches = list(_COMMENT.finditer(text)) if "sqlflow:" in text else []
        self._lines = LineIndex(text) if self._matches else None

    def level(self, span: Span, code: Code) -> Level | None:
        """Gives what a comment says of a code where the span begins."""
        if self._lines is None:
            return None
        line = self._lines.position(span.start).line
        for match in self._matches:
            if line == self._line_of(self._lines, match) and code.value in _codes(match):
                return Level(match["level"])
        return None

    def _line_of(self, lines: LineIndex, match: re.Match[str]) -> int:
        line = lines.position(match.start()).line
        before = self._text[lines.line_bounds(line)[0] : match.start()]
        return line + 1 if _ALONE.match(before) else line

    def mistakes(self) -> Iterator[Diagnostic]:
        """Gives what is wrong with the comments."""
        known = set(adjustable_codes())
        for match in self._matches:
            span = Span(self._path, match.start(), match.end())
            codes = _codes(match)
            for code in codes:
                if code not in known:
                    yield unknown_code(code, span, Severity.WARNING)
            if not codes:
                yield Diagnostic(
                    code=Code.INVALID_VALUE,
                    message="the comment names no diagnostic",
                    severity=Severity.WARNING,
                    span=span,
                    help=f"write `sqlflow: {match['level']} SF0301`",
                )


def _codes(match: re.Match[str]) -> list[str]:
    """The codes of a comment; the first word that is none of a code's form ends them: a remark follows."""
    found: list[str] = []
    for word in match["codes"].replace(",", " ").split():
        if not re.fullmatch(r"[A-Za-z]{2}\d+", word):
            break
        found.append(word.upper())
    return found
