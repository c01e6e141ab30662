"""How diagnostics look, compared with texts that were looked at.

To write the texts anew after a change that is meant: SQLFLOW_WRITE_SNAPSHOTS=1 pytest tests/cli.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from sqlflow.cli.views.diagnostics import in_order, render, tally
from sqlflow.cli.views.paint import colour, no_colour
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.span import LineIndex, Span
from tests.cli.shapes import SHAPES, lines

SNAPSHOTS = Path(__file__).parent / "snapshots"
WIDTH = 100


@pytest.mark.parametrize("name", SHAPES)
def test_a_diagnostic_looks_as_it_should(name: str) -> None:
    drawn = render(SHAPES[name], lines, paint=no_colour, width=WIDTH) + "\n"
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("SQLFLOW_WRITE_SNAPSHOTS"):
        file.write_text(drawn, encoding="utf-8")
    assert drawn == file.read_text(encoding="utf-8")


def test_no_snapshot_is_left_over() -> None:
    assert {file.stem for file in SNAPSHOTS.glob("*.txt")} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_colours_change_nothing_but_colours(name: str) -> None:
    plain = render(SHAPES[name], lines, paint=no_colour, width=WIDTH)
    coloured = render(SHAPES[name], lines, paint=colour, width=WIDTH)
    assert coloured != plain
    unpainted = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in unpainted.splitlines()] == [
        line.rstrip() for line in plain.splitlines()
    ]


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_steers_the_terminal(name: str) -> None:
    drawn = render(SHAPES[name], lines, paint=no_colour, width=WIDTH)
    assert not any(ord(char) < 32 and char != "\n" for char in drawn)


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("name", ["long_line", "end_of_a_long_line"])
def test_a_long_line_is_cut_to_the_terminal_with_the_place_in_view(name: str, width: int) -> None:
    drawn = render(SHAPES[name], lines, paint=no_colour, width=width).splitlines()
    excerpt, carets = drawn[3], drawn[4]
    assert cell_len(excerpt) <= max(width, 25)
    at = slice(carets.index("^"), carets.rindex("^") + 1)
    assert excerpt[at] in ("column_040", "oops")


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a\n\n\n", "\t\t", "東", "a\r\nb\r\n", "e\u0301x", "x" * 500]
)
def test_no_place_in_any_text_is_too_odd_to_draw(text: str) -> None:
    index = LineIndex(text)
    for start in range(min(len(text), 12) + 3):
        for end in range(start, min(len(text), 14) + 4):
            found = Diagnostic(
                code=Code.SQL_SYNTAX, message="m", span=Span("a.sql", start, end), label="here"
            )
            drawn = render(found, lambda _: index, paint=no_colour, width=60)
            assert drawn.count("^") >= 1
            assert "here" in drawn


def test_diagnostics_are_told_once_and_by_place() -> None:
    def make(message: str, span: Span | None) -> Diagnostic:
        return Diagnostic(code=Code.SQL_SYNTAX, message=message, span=span)

    late, early = make("late", Span("a.sql", 9, 10)), make("early", Span("a.sql", 1, 2))
    other, nowhere = make("other", Span("b.sql", 0, 1)), make("nowhere", None)
    assert in_order([other, late, early, late, nowhere]) == [nowhere, early, late, other]


def test_the_tally_counts_errors_and_warnings() -> None:
    error = Diagnostic(code=Code.SQL_SYNTAX, message="m")
    warning = Diagnostic(code=Code.SQL_SYNTAX, message="m", severity=Severity.WARNING)
    assert tally([error]) == "1 error"
    assert tally([error, error, warning]) == "2 errors, 1 warning"
    assert tally([]) == ""
