"""How a comparison of two sides is drawn, written for a pull request, and given as data."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from sqlflow.cli.views.diff import Names, diff_markdown, diff_record, diff_text
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.plan.comparison import (
    ColumnDifference,
    ColumnsChanged,
    Comparison,
    Key,
    KeyOrigin,
    RowsCompared,
    Sample,
    Side,
)

NAMES = Names("prod", "dev")
ROWS = RowsCompared(
    key=Key(columns=("id",), origin=KeyOrigin.UNIQUE_KEY),
    columns=("amount", "note"),
    left=Side(rows=1200),
    right=Side(rows=1203, no_key=1, repeated_keys=2),
    only_left=1,
    only_right=3,
    equal=1190,
    different=2,
    changed=(
        ColumnDifference(
            name="amount", rows=2, samples=(Sample(key=(7,), left=Decimal("1.50"), right=None),)
        ),
    ),
    first_left=((4,),),
    first_right=((1201,), (1202,)),
)
ORDERS = Comparison(
    node=NodeId("model.shop.orders"),
    name="orders",
    left=Relation(None, "main", "orders"),
    right=Relation(None, "main__dev", "orders"),
    columns=ColumnsChanged(
        added=(Column("note", "VARCHAR"),),
        removed=(Column("old", "INTEGER"),),
        retyped=(("amount", "INTEGER", "DECIMAL(9,2)"),),
    ),
    rows=ROWS,
)
SAME = replace(ORDERS, name="same", right=ORDERS.left, columns=ColumnsChanged(), rows=None)
GONE = replace(ORDERS, name="gone", right=None, columns=ColumnsChanged(), rows=None)
KEYLESS = replace(
    ORDERS,
    name="keyless",
    columns=ColumnsChanged(),
    rows=replace(
        ROWS,
        key=Key(why_none="there is no key"),
        right=Side(rows=1201),
        different=0,
        changed=(),
        first_left=((1, "a|b"),),
        first_right=(),
    ),
)
ALL = (ORDERS, SAME, GONE, KEYLESS)
TEXT = """\
diff of prod and dev: 4 models, 3 differ, 1 equal, 1 of them one table for both

~ orders  by id (unique_key)
    - column  old INTEGER
    + column  note VARCHAR
    ~ column  amount: INTEGER is now DECIMAL(9,2)
    rows    1,200 and 1,203: 1 only in prod, 3 only in dev, 1,190 equal, 2 different
    1 row of dev without a key, not compared
    2 keys of dev in several rows, not compared
    ~ value   amount in 2 rows
        id | prod | dev
        ---+------+-----
         7 | 1.50 | NULL
    only in prod, the first:
        id
        --
         4
    only in dev, the first:
          id
        ----
        1201
        1202

~ gone
    is not there in dev

~ keyless  by whole rows: there is no key
    rows    1,200 and 1,201: 1 only in prod, 3 only in dev, 1,190 equal
    only in prod, the first:
        amount | note
        -------+-----
             1 | a|b"""


def test_it_is_drawn() -> None:
    assert diff_text(ALL, NAMES) == TEXT
    assert (
        diff_text((SAME,), NAMES)
        == "diff of prod and dev: 1 model, 0 differ, 1 equal, 1 of them one table for both"
    )


def test_it_is_written_for_a_pull_request() -> None:
    lines = diff_markdown(ALL, NAMES).splitlines()
    assert lines[0] == "### diff of prod and dev: 4 models, 3 differ, 1 equal, 1 of them one table for both"
    assert lines[2] == "| model | rows | only in prod | only in dev | equal | different |"
    assert lines[4:7] == [
        "| orders | 1,200 and 1,203 | 1 | 3 | 1,190 | 2 |",
        "| gone |  |  |  |  |  |",
        "| keyless | 1,200 and 1,201 | 1 | 3 | 1,190 | 0 |",
    ]
    assert lines[8] == "**orders**  by id (unique_key)"
    assert lines[10] == "- column  old INTEGER"
    assert diff_markdown((SAME,), NAMES).splitlines()[1:] == []


def test_it_is_data() -> None:
    record = json.loads(json.dumps(diff_record(ALL, NAMES)))
    assert (record["event"], record["left"], record["right"], record["equal"]) == (
        "diff",
        "prod",
        "dev",
        False,
    )
    orders, same, gone, keyless = record["models"]
    assert orders["columns"]["retyped"] == [{"name": "amount", "left": "INTEGER", "right": "DECIMAL(9,2)"}]
    assert orders["rows"]["right"] == {
        "rows": 1203, "only": 3, "no_key": 1, "repeated_keys": 2, "first": [[1201], [1202]],
    }  # fmt: skip
    assert orders["rows"]["changed"] == [
        {"column": "amount", "rows": 2, "samples": [{"key": [7], "left": "1.50", "right": None}]}
    ]
    assert (same["equal"], same["rows"], gone["right"]) == (True, None, None)
    assert (keyless["rows"]["key"], keyless["rows"]["why_no_key"]) == ([], "there is no key")
