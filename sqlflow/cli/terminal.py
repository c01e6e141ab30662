"""Where text goes: data to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from sqlflow.cli.views.paint import Paint, colour, no_colour

# Lines of messages are cut at this width where there is no terminal that would say its own.
PIPED_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The two streams of a process and what they can show.

    `format` is "human", "plain" or "json"; `live` says that a line may be redrawn on standard error;
    `paint` colours text for standard error, `paint_data` for standard output; `table_width` is None where
    a table need not fit into anything.
    """

    format: str
    live: bool
    paint: Paint
    paint_data: Paint
    width: int
    table_width: int | None

    @property
    def is_json(self) -> bool:
        """Whether everything is told in JSON lines."""
        return self.format == "json"

    def data(self, text: str) -> None:
        """Writes a line of data."""
        _write(sys.stdout, text)

    def tell(self, text: str) -> None:
        """Writes a line for the person who watches, after the data that came before it."""
        sys.stdout.flush()
        _write(sys.stderr, text)

    def record(self, record: Mapping[str, object]) -> None:
        """Writes one JSON object as a line of data, at once: whoever reads along waits for it."""
        # ASCII only, so that no encoding of a pipe can spoil it.
        _write(sys.stdout, json.dumps(record, separators=(",", ":"), allow_nan=False))
        sys.stdout.flush()


def terminal(asked: str | None) -> Terminal:
    """Looks at the process's streams; `asked` is the form of the output that the user wants, if any."""
    errors_to_person = _is_terminal(sys.stderr)
    format_ = asked or ("human" if errors_to_person else "plain")
    dumb = os.environ.get("TERM") in ("dumb", "unknown")
    coloured = format_ == "human" and not dumb and not os.environ.get("NO_COLOR")
    data_to_person = _is_terminal(sys.stdout)
    return Terminal(
        format=format_,
        live=format_ == "human" and errors_to_person and not dumb,
        paint=colour if coloured and errors_to_person else no_colour,
        paint_data=colour if coloured and data_to_person else no_colour,
        width=_columns(sys.stderr) if errors_to_person else PIPED_WIDTH,
        table_width=_columns(sys.stdout) if data_to_person else None,
    )


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # a closed stream
        return False


def _columns(stream: TextIO) -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or PIPED_WIDTH
    except (OSError, ValueError):
        return PIPED_WIDTH


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
