"""The project that is disturbed: every materialization, built on one morning's data, then on the next's.

The second day has new orders, changed ones and one that is gone; a test stops one of its models. With
`layout: virtual` some code is another as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlflow.core.ranges import Range
from sqlflow.dialect.environments import Layout
from tests.safety.subject import Subject

_MORNING = datetime(2025, 1, 1, 6)
# The days that orders come on: a batch each of the model that is built by time range.
_DATES = tuple(datetime(2025, 1, 1) + timedelta(days=days) for days in range(5))

_MODELS = {
    "models/stg_orders.sql": "select order_id, customer_id, amount, updated_at from orders",
    "models/by_customer.sql": """{{ config(materialized='table') }}
        select customer_id, count(*) as orders, sum(amount) as amount from stg_orders group by customer_id""",
    "models/changed.sql": """{{ config(materialized='incremental', unique_key='order_id') }}
        select order_id, amount, updated_at from orders
        {% if is_incremental() %}where updated_at > (select max(updated_at) from {{ this }}){% endif %}""",
    "models/replaced.sql": """{{ config(materialized='incremental', incremental_strategy='delete+insert',
        unique_key=['customer_id']) }}
        select customer_id, order_id, amount from orders
        {% if is_incremental() %}where customer_id in (3, 5, 11){% endif %}""",
    "models/appended.sql": """{{ config(materialized='incremental', incremental_strategy='append') }}
        select order_id, amount from orders
        {% if is_incremental() %}where order_id > (select max(order_id) from {{ this }}){% endif %}""",
    # Orders of each of its batches change, so all that there are get looked back at.
    "models/ranged.sql": """{{ config(materialized='incremental', incremental_strategy='time_range',
        event_time='at', begin='2025-01-01', batch_size='day', lookback=10) }}
        select order_id, amount, cast(ordered_at as timestamp) as at from orders""",
    "snapshots/history.sql": """{{ config(strategy='timestamp', unique_key='order_id',
        updated_at='updated_at') }}
        select order_id, amount, updated_at from orders""",
    "models/framed.py": """import pyarrow as pa
import sqlflow


@sqlflow.model(materialized="table")
def framed(by_customer: pa.Table) -> pa.Table:
    rows = by_customer.sort_by("customer_id")
    return rows.append_column("place", pa.array(range(rows.num_rows), pa.int64()))
""",
    "models/joined.sql": """{{ config(materialized='table') }}
        select c.order_id, c.amount, b.orders, f.place
        from changed as c
        join orders as o on o.order_id = c.order_id
        join by_customer as b on b.customer_id = o.customer_id
        join framed as f on f.customer_id = o.customer_id""",
    "models/guarded.sql": """{{ config(materialized='table') }} select order_id from orders""",
    "tests/guarded_is_small.sql": "select order_id from {{ ref('guarded') }} where order_id > 200",
    "models/properties.yml": json.dumps(
        {
            "models": [
                {"name": name, "columns": [{"name": key, "tests": ["unique", "not_null"]}]}
                for name, key in [
                    ("stg_orders", "order_id"), ("by_customer", "customer_id"), ("changed", "order_id"),
                    ("appended", "order_id"), ("framed", "customer_id"), ("joined", "order_id"),
                ]
            ]
        }
    ),
}  # fmt: skip

# Where tables are made by version, code changes as well on the second day: of a table, and of what is filled
# anew for that. What reads the seed is, too, since its rows are code: so some read the same rows from a file.
_FEED = {
    "models/sources.yml": json.dumps(
        {"sources": [{"name": "feed", "tables": [{"name": "feed", "location": "data/feed.csv"}]}]}
    ),
    **{
        path: _MODELS[path].replace("from orders", "from {{ source('feed', 'feed') }}")
        for path in ("models/replaced.sql", "models/appended.sql", "models/ranged.sql")
    },
    # Its batches are shown all at once.
    "models/refilled.sql": _MODELS["models/ranged.sql"],
}
_CHANGED = {
    "models/by_customer.sql": """{{ config(materialized='table') }}
        select customer_id, count(*) as orders, sum(amount) as amount, max(amount) as most
        from stg_orders where amount > 0 group by customer_id""",
    "models/changed.sql": """{{ config(materialized='incremental', unique_key='order_id') }}
        select order_id, amount + 1 as amount, updated_at, customer_id from orders
        {% if is_incremental() %}where updated_at > (select max(updated_at) from {{ this }}){% endif %}""",
}


def _orders(day: int) -> str:
    lines = ["order_id,customer_id,amount,updated_at,ordered_at"]
    for number in range(1, 201 if day == 1 else 301):
        if day == 2 and number == 17:
            continue
        changed = day == 2 and (number % 4 == 0 or number > 200)
        at = _MORNING + timedelta(minutes=number) + timedelta(days=1 if changed else 0)
        amount = number * 7 % 101 + (1000 if changed else 0)
        lines.append(f"{number},{number % 13},{amount},{at},{_DATES[number // 75]:%Y-%m-%d} 12:00:00")
    return "\n".join(lines) + "\n"


def _write(root: Path, target: Mapping[str, Any], settings: Mapping[str, Any], day: int) -> None:
    is_virtual = settings.get("layout") == Layout.VIRTUAL
    files = {
        **_MODELS,
        **({**_FEED, "data/feed.csv": _orders(day)} if is_virtual else {}),
        **(_CHANGED if is_virtual and day == 2 else {}),
        "seeds/orders.csv": _orders(day),
        "sqlflow.yml": json.dumps({"name": "shop", "targets": {"dev": {**target, "threads": 2}}, **settings}),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


SHOP = Subject(
    name="shop",
    write=_write,
    # The first day has three batches, the second one two more.
    clock={1: datetime(2025, 1, 4, 6, tzinfo=UTC), 2: datetime(2025, 1, 6, 6, tzinfo=UTC)},
    stopped=frozenset({"guarded"}),
    same=frozenset({"guarded"}),
    batches={"ranged": ("at", tuple(Range(date, date + timedelta(days=1)) for date in _DATES))},
)
