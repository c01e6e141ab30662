"""How a diagnostic looks to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from sqlflow.cli.views.excerpt import Excerpt
from sqlflow.cli.views.paint import Paint, count, visible
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import LineIndex, Span

# Gives the text of a file of the project by its path; None where it is not there.
Lines: TypeAlias = Callable[[str], LineIndex | None]


def render(diagnostic: Diagnostic, lines: Lines, *, paint: Paint, width: int) -> str:
    """Draws one diagnostic: what is wrong, where in the file, what else belongs to it, what to do."""
    kind = diagnostic.severity.value
    title = paint(f"{kind}[{diagnostic.code.value}]", kind)
    first, *more = visible(diagnostic.message).splitlines() or [""]
    out = [f"{title}{paint(f': {first}', 'title')}", *(f"  {line}".rstrip() for line in more)]
    excerpt = Excerpt(paint=paint, gutter=_gutter(diagnostic, lines), width=width)
    places = [("-->", diagnostic.span, diagnostic.label, kind)] if diagnostic.span is not None else []
    places += [(":::", label.span, label.message, "place") for label in diagnostic.labels]
    drawn = False
    for arrow, span, label, label_kind in places:
        index = lines(span.path)
        out.append(excerpt.place(arrow, place(span, index)))
        if index is None:
            out += [f"{excerpt.blank()} {line}" for line in visible(label).splitlines()]
            drawn = drawn or bool(label)
        else:
            out += [excerpt.blank(), *excerpt.draw(index, span, label, label_kind)]
            drawn = True
    if drawn and (diagnostic.notes or diagnostic.help):
        out.append(excerpt.blank())
    for note in diagnostic.notes:
        out += [f"  {line}".rstrip() for line in visible(note).splitlines()]
    if diagnostic.help:
        help_first, *help_more = visible(diagnostic.help).splitlines()
        out.append(f"  {paint('help:', 'help')} {help_first}")
        out += [f"        {line}".rstrip() for line in help_more]
    return "\n".join(out)


def place(span: Span, index: LineIndex | None) -> str:
    """Writes a place as `path:line:column`, or the path alone where the file's text is not known."""
    path = visible(span.path)
    if index is None:
        return path
    position = index.position(span.start)
    return f"{path}:{position.line}:{position.column}"


def _gutter(diagnostic: Diagnostic, lines: Lines) -> int:
    """The width of the highest line number that is shown; two at least, to line up with the notes."""
    spans = [label.span for label in diagnostic.labels]
    if diagnostic.span is not None:
        spans.append(diagnostic.span)
    highest = 1
    for span in spans:
        index = lines(span.path)
        if index is not None:
            highest = max(highest, index.position(max(span.start, span.end - 1)).line)
    return max(2, len(str(highest)))


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """Counts: `2 errors, 1 warning`; empty where there are none."""
    errors = sum(d.is_error for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [count(errors, "error")] if errors else []
    parts += [count(warnings, "warning")] if warnings else []
    return ", ".join(parts)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Orders diagnostics by file and place, those of no place first; each of them once."""

    def key(diagnostic: Diagnostic) -> tuple[str, int]:
        span = diagnostic.span
        return (span.path, span.start) if span is not None else ("", 0)

    return sorted(dict.fromkeys(diagnostics), key=key)
