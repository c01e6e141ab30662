"""Diagnostics of many shapes, and the files that they point into."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label, Severity
from sqlflow.core.span import LineIndex, Span

ORDERS = """\
select
\to.order_id,
    o.{{ key('custmer') }},
    'Größe 東京 [bold]x[/bold]' as label, o.wrong,
    case
        when o.amount > 0

        then 'paid'
        else 'open'
    end as status
from stg_orders as o
"""
MACROS = "{# Keys. #}\n{% macro key(name) %}\n  {{ name }}_id\n{% endmacro %}\n"
LONG = "select " + ", ".join(f"column_{i:03d}" for i in range(60)) + ", oops from stg_orders\n"
MANY = "-- line\n" * 1233 + "select oops\n"
NASTY = "select '\x1b[2J\x07' as cleared, oops\n"
LAST = "select 1 +"

FILES: Mapping[str, str] = {
    "models/orders.sql": ORDERS,
    "macros/keys.sql": MACROS,
    "models/long.sql": LONG,
    "models/many.sql": MANY,
    "models/nasty.sql": NASTY,
    "models/last.sql": LAST,
}


def lines(path: str) -> LineIndex | None:
    text = FILES.get(path)
    return LineIndex(text) if text is not None else None


def at(path: str, part: str, upto: str = "") -> Span:
    """The place of a part of a file; with `upto`, up to the end of that."""
    text = FILES[path]
    start = text.index(part)
    end = text.index(upto, start) + len(upto) if upto else start + len(part)
    return Span(path, start, end)


SHAPES: Mapping[str, Diagnostic] = {
    "one_line": Diagnostic(
        code=Code.UNKNOWN_REFERENCE,
        message="unknown table `stg_orders`",
        span=at("models/orders.sql", "stg_orders"),
        label="no model, seed or source has this name",
        help="did you mean `stg_order`?",
    ),
    "no_place": Diagnostic(
        code=Code.PROJECT_NOT_FOUND,
        message="there is no sqlflow.yml in shop",
        help="name the project's folder with --project",
    ),
    "nothing_but_a_message": Diagnostic(code=Code.INTERNAL, message="sqlflow itself failed: KeyError"),
    "macro": Diagnostic(
        code=Code.UNKNOWN_REFERENCE,
        message="unknown column `custmer_id`",
        span=at("models/orders.sql", "{{ key('custmer') }}"),
        label="renders to `custmer_id`",
        labels=(Label(at("macros/keys.sql", "{{ name }}"), "in macro key"),),
        notes=("stg_orders has: customer_id BIGINT, order_id BIGINT",),
        help="did you mean `customer_id`?",
    ),
    "tab": Diagnostic(
        code=Code.SQL_SYNTAX,
        message="the SQL does not parse",
        span=at("models/orders.sql", "order_id"),
        label="here",
    ),
    "wide_characters_and_brackets": Diagnostic(
        code=Code.SQL_SYNTAX,
        message="the SQL does not parse near `o.wrong [red]`",
        span=at("models/orders.sql", "o.wrong"),
        label="[/bold] is not markup",
    ),
    "several_lines": Diagnostic(
        code=Code.SQL_SYNTAX,
        message="the SQL does not parse",
        span=at("models/orders.sql", "when", "'paid'"),
        label="this branch",
    ),
    "many_lines": Diagnostic(
        code=Code.SQL_SYNTAX,
        message="the SQL does not parse",
        span=at("models/orders.sql", "case", "end"),
        label="all of this",
        help="take it out",
    ),
    "long_line": Diagnostic(
        code=Code.UNKNOWN_REFERENCE,
        message="unknown column `column_040`",
        span=at("models/long.sql", "column_040"),
        label="here",
    ),
    "end_of_a_long_line": Diagnostic(
        code=Code.UNKNOWN_REFERENCE, message="unknown column `oops`", span=at("models/long.sql", "oops")
    ),
    "high_line_number": Diagnostic(
        code=Code.UNKNOWN_REFERENCE, message="unknown column `oops`", span=at("models/many.sql", "oops")
    ),
    "control_characters": Diagnostic(
        code=Code.STATEMENT_FAILED,
        message="the warehouse said \x1b[31mno\x1b[0m",
        span=at("models/nasty.sql", "oops"),
        label="bell \x07",
    ),
    "end_of_file": Diagnostic(
        code=Code.SQL_SYNTAX,
        message="the SQL does not parse",
        span=Span("models/last.sql", len(LAST), len(LAST)),
        label="something is missing",
    ),
    "message_of_several_lines": Diagnostic(
        code=Code.STATEMENT_FAILED,
        severity=Severity.WARNING,
        message="the warehouse refused it:\ncolumn x\n  is not there",
        span=at("models/orders.sql", "status"),
        label="first\nsecond",
        notes=("a note\nof two lines", "another note"),
        help="do this\nor that",
    ),
    "file_that_is_not_known": Diagnostic(
        code=Code.SEED_NOT_LOADED,
        message="`seeds/orders.csv` can't be loaded",
        span=Span("seeds/orders.csv", 10, 20),
        label="row 3",
        help="correct the row",
    ),
    "label_in_the_same_file": Diagnostic(
        code=Code.CYCLE,
        message="models read each other in a cycle: orders -> orders",
        span=at("models/orders.sql", "stg_orders"),
        label="orders reads stg_orders",
        labels=(Label(at("models/orders.sql", "o.order_id"), "and here"),),
    ),
}
