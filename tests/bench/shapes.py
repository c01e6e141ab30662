"""What the tables of a generated project are like: business entities with typed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Column(NamedTuple):
    """A column of a model.

    `kind` is "id", "key", "int", "amount", "ratio", "text", "date" or "flag". `size` bounds the power of ten
    of a number, so that sums of sums never overflow. `values` are all values of a text column.
    """

    name: str
    kind: str
    description: str
    size: int = 0
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A kind of raw table: its key, the keys that it refers to, and what it measures."""

    name: str
    plural: str
    rows: int
    keys: tuple[str, ...]
    counts: tuple[str, str]
    amount: str
    text: str
    values: tuple[str, ...]
    date: str
    flag: str

    @property
    def id(self) -> str:
        """The name of its own key."""
        return f"{self.name}_id"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its staging models."""
        keys = (Column(key, "id", f"The {key.removesuffix('_id')} that it belongs to.") for key in self.keys)
        return (
            Column(self.id, "id", f"Identifies the {self.name}."),
            *keys,
            *(Column(name, "int", f"The {words(name)} of the {self.name}.", 3) for name in self.counts),
            Column(self.amount, "amount", f"The {words(self.amount)} in euros.", 4),
            Column(self.text, "text", f"The {self.text} of the {self.name}.", 0, self.values),
            Column(self.date, "date", f"The day of the {self.name}."),
            Column(self.flag, "flag", f"Whether the {self.name} {words(self.flag)}."),
        )


def words(name: str) -> str:
    """Spells a name as words."""
    return name.replace("_", " ")


ENTITIES = (
    Entity(
        name="customer", plural="customers", rows=200, keys=("store_id",), counts=("age_years", "points"),
        amount="credit_limit", text="segment", values=("new", "regular", "loyal", "lapsed"),
        date="signed_up_on", flag="is_subscribed",
    ),
    Entity(
        name="order", plural="orders", rows=400, keys=("customer_id", "store_id"),
        counts=("quantity", "discount"),
        amount="order_amount", text="status", values=("placed", "paid", "shipped", "returned"),
        date="ordered_on", flag="is_gift",
    ),
    Entity(
        name="payment", plural="payments", rows=400, keys=("order_id", "customer_id", "store_id"),
        counts=("attempts", "instalments"), amount="paid_amount", text="method",
        values=("card", "transfer", "voucher", "cash"), date="paid_on", flag="is_refunded",
    ),
    Entity(
        name="product", plural="products", rows=80, keys=("store_id",),
        counts=("weight_grams", "stock_units"),
        amount="list_price", text="category", values=("tools", "garden", "kitchen", "toys", "books"),
        date="introduced_on", flag="is_active",
    ),
    Entity(
        name="visit", plural="visits", rows=500, keys=("customer_id", "product_id", "store_id"),
        counts=("page_views", "seconds_spent"), amount="basket_value", text="channel",
        values=("search", "mail", "social", "direct"), date="visited_on", flag="is_mobile",
    ),
    Entity(
        name="shipment", plural="shipments", rows=350, keys=("order_id", "product_id", "store_id"),
        counts=("parcels", "transit_days"), amount="freight_cost", text="carrier",
        values=("road", "rail", "air", "sea"), date="shipped_on", flag="is_express",
    ),
    Entity(
        name="return", plural="returns", rows=150, keys=("order_id", "product_id", "store_id"),
        counts=("units_returned", "days_kept"), amount="refund_amount", text="reason",
        values=("damaged", "late", "wrong_item", "changed_mind"), date="returned_on", flag="is_resellable",
    ),
    Entity(
        name="store", plural="stores", rows=20, keys=(), counts=("floor_area", "staff"),
        amount="monthly_rent", text="region", values=("north", "east", "south", "west"),
        date="opened_on", flag="has_parking",
    ),
)  # fmt: skip

BY_ID = {entity.id: entity for entity in ENTITIES}
SYSTEMS = ("shop", "billing", "crm", "web", "depot", "kiosk", "market", "outlet", "partner", "wholesale")
DOMAINS = ("sales", "finance", "customer_care", "logistics", "marketing", "supply", "planning", "quality")


def raw_name(column: str, entity: Entity) -> str:
    """Gives the name that a column has in the raw files."""
    if column == entity.id:
        return "id"
    if column.endswith("_id"):
        return f"{column.removesuffix('_id')}_ref"
    return {
        entity.amount: f"{column}_cents",
        entity.flag: f"{column.partition('_')[2]}_yn",
        entity.text: f"{column}_raw",
    }.get(column, column)
