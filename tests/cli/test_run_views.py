"""How a run is told: plain lines, the account at the end, JSON lines, the live line."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from sqlflow.cli.views.human import live_line
from sqlflow.cli.views.json import JsonView, diagnostic_record, json_value, never_started
from sqlflow.cli.views.paint import count, no_colour, seconds, visible
from sqlflow.cli.views.plain import PlainView
from sqlflow.cli.views.summary import summary
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.state.event import RunHooksFinished, Status
from tests.cli.runs import AT, failing_run, finished, node, started, terminal
from tests.cli.shapes import SHAPES, at, lines

ACCOUNT = """\
warn test not_null_b (1 wrong row)
warning[SF0707]: the test `not_null_b` found 1 row

FAIL test unique_a (2 wrong rows; kept in dbg.unique_a)
error[SF0707]: the test `unique_a` found 2 rows
  help: keep them for a look

ERROR model orders
error[SF0701]: the warehouse refused a statement of `orders`: no such column
  --> models/orders.sql:4:41
   |
 4 |     'Größe 東京 [bold]x[/bold]' as label, o.wrong,
   |                                           ^^^^^^^ here

cancelled 1 node
  slow

skipped 11 nodes
  late, mart_0, mart_1, mart_2, mart_3, mart_4, mart_5, mart_6 and 3 more: because of orders (error)

failed: 1 error, 1 fail, 1 cancelled, 11 skipped, 1 warn, 3 ok in 1 min 15 s
"""


def test_plain_lines_and_the_account(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainView(terminal(), lines) as view:
        for event in failing_run():
            view.show(event)
    told = capsys.readouterr()
    assert told.out == ""
    steps, _, account = told.err.partition("\n\n")
    assert steps.splitlines()[:4] == [
        "build on target dev: 18 steps, 2 threads",
        " 1/18 ok         seed raw  1 row, 0.12 s",
        " 2/18 ok         model stg  view, 0.12 s",
        " 3/18 ERROR      model orders  table, 0.12 s",
    ]
    assert steps.splitlines()[4] == " 4/18 skipped    model late  because of orders (error)"
    assert steps.splitlines()[-1] == "18/18 ok         model other  table, 12,345 rows, 0.12 s"
    assert account == ACCOUNT


def test_a_good_run_has_one_line_of_account() -> None:
    nodes = [node("a"), node("b")]
    text = summary(finished(nodes), [], lines, paint=no_colour, width=80)
    assert text == "done: 2 ok in 1 min 15 s"


def test_an_empty_run_says_so() -> None:
    assert summary(finished([]), [], lines, paint=no_colour, width=80) == "done: nothing to do in 1 min 15 s"


def test_an_interrupted_run_says_so() -> None:
    nodes = [node("a"), node("b", Status.CANCELLED), node("c", Status.SKIPPED, reason="the run was stopped")]
    text = summary(finished(nodes, interrupted=True), nodes[1:], lines, paint=no_colour, width=80)
    assert text.splitlines()[-1] == "interrupted: 1 cancelled, 1 skipped, 1 ok in 1 min 15 s"
    assert "  c: the run was stopped" in text


def hooks(hook: str, *diagnostics: Diagnostic) -> RunHooksFinished:
    status = Status.ERROR if diagnostics else Status.SUCCESS
    return RunHooksFinished(
        hook=hook, status=status, at=AT, seconds=0.25, statements=2, diagnostics=diagnostics
    )


def test_the_hooks_of_a_run_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    message, place = "a statement of `on-run-end`", at("models/orders.sql", "o.wrong")
    wrong = Diagnostic(code=Code.STATEMENT_FAILED, message=message, span=place)
    ended = node("a")
    events = (
        started(1),
        hooks("on-run-start"),
        ended,
        hooks("on-run-end", wrong),
        finished([ended], diagnostics=[wrong]),
    )
    with PlainView(terminal(), lines) as view:
        for event in events:
            view.show(event)
    told = capsys.readouterr().err
    assert told.splitlines()[:4] == [
        "build on target dev: 1 step, 2 threads",
        "ok         on-run-start  2 statements, 0.25 s",
        "1/1 ok         model a  table, 0.12 s",
        "ERROR      on-run-end  2 statements, 0.25 s",
    ]
    assert told.count("error[SF0701]: a statement of `on-run-end`") == 1
    assert told.splitlines()[-1] == "failed: 1 ok in 1 min 15 s"
    with JsonView(terminal("json"), lines) as view:
        for event in events:
            view.show(event)
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [start, end] = [record for record in records if record["event"] == "run_hooks_finished"]
    assert (start["hook"], start["status"], start["statements"]) == ("on-run-start", "success", 2)
    assert (end["hook"], end["status"]) == ("on-run-end", "error")
    assert end["diagnostics"][0]["path"] == "models/orders.sql"


def test_what_the_run_itself_has_to_say_is_told_once() -> None:
    own = Diagnostic(code=Code.STATEMENT_FAILED, message="the schemas of this plan can't be made")
    text = summary(finished([], diagnostics=[own, own]), [], lines, paint=no_colour, width=80)
    assert text.count("the schemas") == 1
    assert text.splitlines()[-1].startswith("failed: ")


def test_json_lines_are_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    events = failing_run()
    with JsonView(terminal("json"), lines) as view:
        for event in events:
            view.show(event)
    told = capsys.readouterr()
    assert told.err == ""
    records = [json.loads(line) for line in told.out.splitlines()]
    assert len(records) == len(events)
    assert [record["event"] for record in records[:4]] == [
        "run_started",
        "node_started",
        "statement_sent",
        "node_finished",
    ]
    assert records[0] == {
        "event": "run_started",
        "run": "r1",
        "at": "2024-03-01T12:30:00+00:00",
        "command": "build",
        "target": "dev",
        "actions": 18,
        "threads": 2,
    }
    error = next(record for record in records if record.get("status") == "error")
    assert error["diagnostics"][0]["line"] == 4
    last = records[-1]
    assert last["event"] == "run_finished"
    assert last["ok"] is False
    assert last["counts"] == {
        "success": 3, "warn": 1, "fail": 1, "error": 1, "skipped": 11, "cancelled": 1
    }  # fmt: skip
    assert "model.shop.orders" in last["not_done"]


def test_a_diagnostic_in_json_has_lines_and_columns() -> None:
    record = diagnostic_record(SHAPES["macro"], lines)
    assert record == {
        "event": "diagnostic",
        "code": "SF0203",
        "severity": "error",
        "message": "unknown column `custmer_id`",
        "path": "models/orders.sql",
        "line": 3,
        "column": 7,
        "end_line": 3,
        "end_column": 27,
        "label": "renders to `custmer_id`",
        "labels": [
            {
                "path": "macros/keys.sql",
                "line": 3,
                "column": 3,
                "end_line": 3,
                "end_column": 13,
                "message": "in macro key",
            }
        ],
        "notes": ["stg_orders has: customer_id BIGINT, order_id BIGINT"],
        "help": "did you mean `customer_id`?",
    }


def test_a_diagnostic_without_a_known_place_has_none_in_json() -> None:
    nowhere = diagnostic_record(SHAPES["no_place"], lines)
    assert (nowhere["path"], nowhere["line"]) == (None, None)
    elsewhere = Diagnostic(code=Code.SEED_NOT_LOADED, message="m", span=Span("seeds/x.csv", 1, 2))
    record = diagnostic_record(elsewhere, lines)
    assert (record["path"], record["line"]) == ("seeds/x.csv", None)


def test_a_run_that_never_started_ends_like_any_other() -> None:
    with_events = json.loads(json.dumps(never_started(AT, interrupted=True)))
    assert with_events["event"] == "run_finished"
    assert with_events["ok"] is False
    assert with_events["interrupted"] is True


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (12, 12),
        ("a\ud800", "a\ud800"),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("1.10"), "1.10"),
        (date(2024, 3, 1), "2024-03-01"),
        (datetime(2024, 3, 1, 1, 2, 3, tzinfo=UTC), "2024-03-01T01:02:03+00:00"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=1), 60.0),
        (b"\x00\xff", "00ff"),
        ([1, Decimal(2)], [1, "2"]),
        ({"a": (1, None)}, {"a": [1, None]}),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_of_rows_become_json(value: object, told: object) -> None:
    assert json_value(value) == told
    json.dumps(json_value(value), allow_nan=False)


def test_the_live_line_counts_and_names() -> None:
    running = {NodeId(f"model.shop.m{i}"): f"m{i}" for i in range(6)}
    assert live_line(12, 40, running, 1, 67.9).plain == "12/40  1:07  1 failed  running m0, m1, m2, m3 +2"
    assert live_line(0, 3, {}, 0, 0.0).plain == "0/3  0:00"


def test_the_live_line_reads_no_markup() -> None:
    assert live_line(0, 1, {NodeId("x"): "[bold]a[/bold]"}, 0, 0).plain.endswith("[bold]a[/bold]")


def test_names_in_lines_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainView(terminal(), lines) as view:
        view.show(started(1))
        view.show(node("a\x1b[2Jb", Status.SKIPPED, reason="because \x1b[2J"))
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.041, "0.04 s"), (9.99, "9.99 s"), (9.996, "10.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"),
     (125, "2 min 05 s"), (3599.6, "1 h 00 min"), (3725, "1 h 02 min")],
)  # fmt: skip
def test_durations(value: float, told: str) -> None:
    assert seconds(value) == told


def test_counts_and_visible_text() -> None:
    assert count(1, "row") == "1 row"
    assert count(1234, "row") == "1,234 rows"
    assert count(2, "query", "queries") == "2 queries"
    assert visible("a\u202eb\tc\nd\x7f\u200d") == "a\ufffdb\tc\nd\ufffd\u200d"
