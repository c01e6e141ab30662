"""Writes the keys of GROUP BY, ORDER BY, DISTINCT ON: places in the list, aliases, expressions."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlglot import exp

from sqlflow.bind.canonical.context import Context, Listed
from sqlflow.bind.canonical.expressions import order_key, rest, write
from sqlflow.bind.query.clauses import has_grouping_sets, is_all_key
from sqlflow.bind.query.functions import has_aggregate
from sqlflow.dialect.names import lookup_key, name_key


class Output:
    """A column of a query: its name as written, empty for none, its form, its expression, its item."""

    __slots__ = ("form", "inner", "item", "name", "open")

    def __init__(self, name: str, form: str, inner: exp.Expr | None, item: exp.Expr, open_: bool) -> None:
        self.name = name
        self.form = form
        self.inner = inner
        self.item = item
        self.open = open_


class Outputs:
    """The columns of a query, in their order; an open one stands for several that are not known."""

    def __init__(self) -> None:
        self.columns: list[Output] = []
        self.stars: list[str] = []
        self._first: dict[str, int] = {}

    def add(self, name: str, form: str, inner: exp.Expr | None, item: exp.Expr) -> None:
        """Adds a column."""
        if form:
            self._first.setdefault(form, len(self.columns))
        self.columns.append(Output(name, form, inner, item, False))

    def add_open(self, form: str, item: exp.Expr) -> None:
        """Adds what stands for several columns."""
        self.columns.append(Output("", form, None, item, True))

    @property
    def is_open(self) -> bool:
        """Whether places in the list are not those of the columns."""
        return any(column.open for column in self.columns)

    def listed(self, names: Sequence[str] | None) -> list[Listed]:
        """Gives the columns with their names, none for a query of which nobody sees them."""
        marks = "".join(self.stars)
        more = [Listed(marks, None)] if marks else []
        if names is None:
            return [Listed(column.form, column.item, ("", column.form)) for column in self.columns] + more
        if len(names) != len(self.columns):
            forms = [
                Listed(f"({json.dumps(c.name)} {c.form})", c.item, (c.name, c.form)) for c in self.columns
            ]
            return [*forms, Listed(json.dumps(names), None), *more]
        pairs = zip(names, self.columns, strict=True)
        return [Listed(f"({json.dumps(name)} {c.form})", c.item, (name, c.form)) for name, c in pairs] + more

    def place(self, index: int, context: Context) -> str:
        """Writes a place in the list, of columns that are the same the first."""
        if self.is_open or not 0 <= index < len(self.columns):
            return f"(place {index})"
        column = self.columns[index]
        if context.apart is not None:
            return f"(column {column.form})"
        first = self._first.get(column.form, index)
        if first != index and column.inner is not None and context.is_volatile(column.inner):
            first = index
        return f"@{first}"

    def same(self, form: str, node: exp.Expr, context: Context) -> str:
        """Writes an expression as the place of the column that is the same, where there is one."""
        found = self._first.get(form)
        if found is None or self.is_open or context.is_volatile(node):
            return form
        if context.apart is not None:
            return self.place(found, context)
        return f"@{found}"


def keys(
    given: Sequence[exp.Expr], outputs: Outputs, context: Context, *, by_output: bool | None
) -> list[str]:
    """Writes keys; `by_output` says whether a bare name means a column of the result before all else.

    None is for that it may.
    """
    return [_key(key, outputs, context, by_output) for key in given]


def _key(key: exp.Expr, outputs: Outputs, context: Context, by_output: bool | None) -> str:
    if isinstance(key, exp.Literal) and not key.args.get("is_string"):
        text = str(key.this)
        if text.isascii() and text.isdecimal() and len(text) < 10:
            return outputs.place(int(text) - 1, context) + context.mark(key)
    if by_output is not False and isinstance(key, exp.Column) and not key.args.get("table"):
        wanted = lookup_key(context.spec, key.name, bool(key.this.args.get("quoted")))
        found = [i for i, column in enumerate(outputs.columns) if _name_of(column, context) == wanted]
        places = list(dict.fromkeys(outputs.place(index, context) for index in found))
        if places:
            # Of several columns of a name, engines take the first or the last one, or none.
            place = places[0] if len(places) == 1 else f"(one-of {' '.join(places)})"
            place += context.mark(key.this)
            inner = outputs.columns[found[0]].inner
            inner = inner.unnest() if inner is not None else None
            is_plain = isinstance(inner, exp.Column) and inner.name.lower() == key.name.lower()
            return place if by_output or is_plain else f"(either {place} {_written(key, context)})"
        if outputs.is_open:
            return f"(result-or {context.key(key.this)} {_written(key, context)})"
    form = _written(key, context)
    if form.startswith("(item 0."):
        inside = form.removeprefix("(item 0.").partition(")")
        if inside[0].isdecimal() and not inside[2]:
            return outputs.place(int(inside[0]), context)
    return outputs.same(form, key, context)


def _written(key: exp.Expr, context: Context) -> str:
    by_alias, context.by_alias = context.by_alias, True
    lacked = context.lacks_names
    form = write(key, context)
    if isinstance(key, exp.Column) and context.meaning(key) is None:
        # It means a column of the result, by its name, and nothing that an alias of a table could change.
        context.lacks_names = lacked or bool(key.args.get("table"))
    context.by_alias = by_alias
    return form


def _name_of(column: Output, context: Context) -> str:
    if column.name:
        return name_key(context.spec, column.name)
    inner = column.inner
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Column) and isinstance(inner.this, exp.Identifier):
        return lookup_key(context.spec, inner.this.name, bool(inner.this.args.get("quoted")))
    return ""


def group(node: exp.Select, outputs: Outputs, context: Context) -> list[Listed]:
    """GROUP BY; ALL stands for the columns that are no aggregates, where engines agree on which these are."""
    given = node.args.get("group")
    if given is None:
        return []
    more = rest(given, context, ("expressions", "all")) + _spelled_twice(given, context)
    if given.args.get("all") or any(is_all_key(key) for key in given.expressions):
        found = [
            (outputs.place(index, context), column)
            for index, column in enumerate(outputs.columns)
            if column.inner is None or not has_aggregate(column.inner)
        ]
        if outputs.is_open or not found or not all(_is_plain(column.inner) for _, column in found):
            # A constant, for one, is no key of GROUP BY ALL, but it is one of GROUP BY 1.
            return [Listed(f"(all {' '.join(form for form, _ in found)}{more})", given)]
        return _listed([(form, column.item) for form, column in found], more, given)
    forms = keys(given.expressions, outputs, context, by_output=False)
    return _listed(list(zip(forms, given.expressions, strict=True)), more, given)


def _spelled_twice(given: exp.Expr, context: Context) -> str:
    """Tells how many parts the names of a column have where that differs: in grouping sets, DuckDB takes
    `t.a` and `a` for two keys.
    """
    if not has_grouping_sets(given):
        return ""
    columns = [node for node in given.walk() if isinstance(node, exp.Column)]
    sizes = [len(column.parts) for column in columns]
    meanings = [context.meaning(column) for column in columns]
    found = {
        (meaning[:3] if meaning is not None else None, size)
        for meaning, size in zip(meanings, sizes, strict=True)
    }
    return f" {sizes}" if len(found) > len({meaning for meaning, _ in found}) else ""


def _listed(forms: Sequence[tuple[str, exp.Expr]], more: str, node: exp.Expr) -> list[Listed]:
    return [Listed(form, key) for form, key in forms] + ([Listed(more, node)] if more else [])


def _is_plain(inner: exp.Expr | None) -> bool:
    """Whether an item's value is that of columns of FROM: a star's column, an expression over some."""
    if inner is None:
        return True
    if inner.find(exp.Query, exp.Window, exp.Explode, exp.Unnest) is not None:
        return False
    return inner.find(exp.Column) is not None


def order(node: exp.Expr, outputs: Outputs, context: Context) -> list[Listed]:
    """ORDER BY of a query; ALL stands for all columns."""
    given = node.args.get("order")
    if given is None:
        return []
    found: list[Listed] = []
    for part in given.expressions:
        inner = part.this
        is_all = len(given.expressions) == 1 and is_all_key(inner) and not inner.args.get("table")
        if is_all and not inner.args.get("quoted") and outputs.columns and not outputs.is_open:
            for index in range(len(outputs.columns)):
                found.append(Listed(order_key(part, outputs.place(index, context), context), part))
            continue
        key = keys([inner], outputs, context, by_output=True)[0]
        found.append(Listed(order_key(part, key, context), part))
    more = rest(given, context, ("expressions",))
    return [*found, Listed(more, given)] if more else found
