"""What stands for a table in a template."""

from __future__ import annotations

from sqlflow.core.relation import Relation
from sqlflow.render.types import THIS


class Table:
    """What `ref`, `source` and `this` give: printed, it is the name that the linker replaces."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


class This(Table):
    """`this` where the model's name is known: in its hooks."""

    __slots__ = ("database", "identifier", "name", "schema", "table")

    def __init__(self, relation: Relation) -> None:
        super().__init__(THIS)
        self.database = relation.database
        self.schema = relation.schema
        self.identifier = self.name = self.table = relation.identifier
