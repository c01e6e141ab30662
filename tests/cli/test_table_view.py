"""Rows as a table."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.cells import cell_len

from sqlflow.cli.views.paint import colour, no_colour
from sqlflow.cli.views.table import fit, table

COLUMNS = ("id", "name", "amount", "at", "ok")
ROWS = (
    (1, "Ada", Decimal("10.50"), datetime(2024, 3, 1, 12, 0, tzinfo=UTC), True),
    (22, "東京\nline", None, None, False),
)


def test_a_table_is_drawn_in_full_without_a_width() -> None:
    assert table(COLUMNS, ROWS, paint=no_colour, width=None).splitlines() == [
        "id | name       | amount | at                        | ok",
        "---+------------+--------+---------------------------+------",
        " 1 | Ada        |  10.50 | 2024-03-01 12:00:00+00:00 | true",
        "22 | 東京\\nline |   NULL | NULL                      | false",
    ]


@pytest.mark.parametrize("width", [20, 33, 40, 60, 80, 200])
def test_a_table_fits(width: int) -> None:
    rows = [("x" * 50, i, "東" * 40, None, [1, 2, {"a": i}]) for i in range(3)]
    drawn = table([f"column_{i}" for i in range(5)], rows, paint=no_colour, width=width)
    body = [line for line in drawn.splitlines() if "more column" not in line]
    assert max(cell_len(line) for line in body) <= width


def test_columns_that_do_not_fit_are_counted() -> None:
    drawn = table([f"c{i}" for i in range(30)], [["value"] * 30], paint=no_colour, width=40)
    assert drawn.splitlines()[-1] == "25 more columns: widen the terminal, or use --json"


def test_what_is_cut_is_marked() -> None:
    drawn = table(["text"], [["abcdefghijkl"]], paint=no_colour, width=8)
    assert drawn.splitlines()[2] == "abcde..."


def test_short_columns_leave_their_room_to_long_ones() -> None:
    assert fit([2, 50, 3], 40) == [2, 29, 3]
    assert fit([10, 10], 40) == [10, 10]
    assert sum(fit([50, 50], 43)) == 40


def test_text_is_never_markup_and_never_steers_the_terminal() -> None:
    drawn = table(["[b]"], [["[red]x[/red]\x1b[2J\r\n"]], paint=no_colour, width=None)
    assert "[red]x[/red]" in drawn
    assert "\x1b" not in drawn
    assert len(drawn.splitlines()) == 3


def test_colours_do_not_move_columns() -> None:
    plain = table(COLUMNS, ROWS, paint=no_colour, width=None)
    assert plain.splitlines()[2:] == table(COLUMNS, ROWS, paint=colour, width=None).splitlines()[2:]


def test_no_rows_are_a_head_alone() -> None:
    assert table(["a", "b"], [], paint=no_colour, width=80) == "a | b\n--+--"
