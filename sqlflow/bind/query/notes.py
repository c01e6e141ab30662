"""What binding a query finds out of the nodes of its tree, for writing it in another dialect."""

from __future__ import annotations

from sqlglot import exp

from sqlflow.bind.query.meanings import Meanings, StarColumn
from sqlflow.bind.query.scope import Scope
from sqlflow.core.schema import SqlType
from sqlflow.dialect.names import lookup_key


class Notes(Meanings):
    """Types besides the meanings, by the identity of nodes; the tree has to be kept as long as these.

    `names` has the name of a column as it is stored, `aliases` are the names that mean an item of the
    SELECT's own list, `fields` those that go on into a struct. `stars` has what a star with EXCLUDE, REPLACE
    or RENAME stands for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.types: dict[int, SqlType] = {}
        self.names: dict[int, str] = {}
        self.aliases: set[int] = set()
        self.fields: set[int] = set()
        self.stars: dict[int, tuple[StarColumn, ...]] = {}

    def note(self, node: exp.Expr, kind: SqlType | None, scope: Scope) -> None:
        """Keeps what is known of a node."""
        super().note(node, kind, scope)
        if kind is not None:
            self.types[id(node)] = kind
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
            self._column(node, scope)

    def _column(self, node: exp.Column, scope: Scope) -> None:
        parts = [
            p
            for key in ("catalog", "db", "table", "this")
            if isinstance(p := node.args.get(key), exp.Identifier)
        ]
        keys = [lookup_key(scope.spec, part.name, bool(part.args.get("quoted"))) for part in parts]
        for size in range(len(keys) - 1, 0, -1):
            table = scope.find_table(keys[size - 1], tuple(keys[: size - 1]))
            if table is not None:
                column = table.named(keys[size])
                self._found(node, column.column.name if column is not None else None, size + 1 < len(keys))
                return
        here: Scope | None = scope
        while here is not None:
            if keys[0] in here.lambdas:
                return
            columns = here.find_columns(keys[0])
            if columns:
                self._found(node, columns[0].bare().name, len(keys) > 1)
                return
            if keys[0] in here.aliases:
                self.aliases.add(id(node))
                return
            here = here.parent

    def _found(self, node: exp.Column, name: str | None, is_field: bool) -> None:
        if is_field:
            self.fields.add(id(node))
        elif name is not None:
            self.names[id(node)] = name
