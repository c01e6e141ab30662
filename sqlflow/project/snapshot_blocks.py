"""Finds the `{% snapshot name %}` blocks of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.span import Span
from sqlflow.project.decode import invalid_value

_TAG = re.compile(
    r"""\{\#.*?\#\}
    |\{%[-+]?\s*(?P<word>\w+)(?P<rest>(?:'[^']*'|"[^"]*"|[^'"%]|%(?!\}))*?)[-+]?%\}""",
    re.DOTALL | re.VERBOSE,
)
_END_OF_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_NAME = re.compile(r"[^\W\d]\w*\Z")
_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_NEITHER_LINE_END = re.compile(r"[^\n]")


class SnapshotBlock(NamedTuple):
    """A snapshot of a file. `text` is the block's, each character at its offset in the file.

    What stands before it and after it is a comment that says nothing. `span` is the opening tag.
    """

    name: str
    text: str
    span: Span


def split_snapshots(text: str, path: str) -> tuple[tuple[SnapshotBlock, ...], tuple[Diagnostic, ...]]:
    """Gives the snapshots of a file; without any block the file is one query, and the result is empty."""
    found: list[SnapshotBlock] = []
    diagnostics: list[Diagnostic] = []
    opened: tuple[str, Span] | None = None
    outside = 0
    for tag in _tags(text):
        word, span = tag["word"], Span(path, tag.start(), tag.end())
        if word == "snapshot":
            if opened is not None:
                break
            diagnostics += _ignored(text, path, outside, tag.start())
            opened = tag["rest"].strip(), span
            if not _NAME.match(opened[0]):
                help_ = "write `{% snapshot orders_snapshot %}`"
                diagnostics.append(invalid_value("a snapshot needs a name", span, help_))
        elif word == "endsnapshot":
            if opened is None:
                diagnostics.append(_syntax("there is no snapshot that ends here", span))
                continue
            name, start = opened
            if _NAME.match(name):
                found.append(SnapshotBlock(name, _alone(text, start.end, tag.start()), start))
            opened, outside = None, tag.end()
    if opened is not None:
        diagnostics.append(_syntax("the snapshot has no end", opened[1]))
    elif found:
        diagnostics += _ignored(text, path, outside, len(text))
    return tuple(found), tuple(diagnostics)


def _tags(text: str) -> Iterator[re.Match[str]]:
    """Gives the statements of a template, those in comments or in `raw` left out."""
    at = 0
    while (tag := _TAG.search(text, at)) is not None:
        at = tag.end()
        if tag["word"] == "raw":
            end = _END_OF_RAW.search(text, at)
            at = end.end() if end is not None else len(text)
        elif tag["word"] is not None:
            yield tag


def _alone(text: str, start: int, end: int) -> str:
    """Blanks everything but a part, so that each character of it stays where it is."""
    # A tag is longer than the signs that make it, and all before it, a comment.
    return (
        "{#" + _blank(text[2 : start - 3]) + "-#}" + text[start:end] + "{#-" + _blank(text[end + 5 :]) + "#}"
    )


def _blank(text: str) -> str:
    return _NEITHER_LINE_END.sub(" ", text)


def _ignored(text: str, path: str, start: int, end: int) -> Iterator[Diagnostic]:
    """Tells of what stands outside of the blocks of a file and is not a comment."""
    rest = _COMMENT.sub(lambda found: _blank(found[0]), text[start:end])
    if rest.strip():
        first = start + len(rest) - len(rest.lstrip())
        yield Diagnostic(
            code=Code.SNAPSHOT_CONFIG,
            severity=Severity.WARNING,
            message="what stands outside of the snapshots of this file is not read",
            span=Span(path, first, start + len(rest.rstrip())),
            help="put it into a snapshot, a macro into a macro file",
        )


def _syntax(message: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.TEMPLATE_SYNTAX,
        message=message,
        span=span,
        help="a snapshot stands between `{% snapshot name %}` and `{% endsnapshot %}`",
    )
