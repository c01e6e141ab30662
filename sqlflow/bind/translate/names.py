"""Writes names of a tree so that another dialect means the same by them."""

from __future__ import annotations

from sqlglot import exp

from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.values import Table
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec, Folding


def spell_names(tree: exp.Expr, notes: Notes, source: DialectSpec, target: DialectSpec) -> None:
    """Gives every name one spelling: that of the column as it is stored, of tables in lower case.

    Only where the target tells apart what the source does not; names that fold are folded by binding.
    """
    if source.folding is not Folding.INSENSITIVE or target.folding is Folding.INSENSITIVE:
        return
    for node in tree.walk():
        if isinstance(node, exp.Column):
            for key in ("table", "db", "catalog"):
                _lower(node.args.get(key), source)
            name = notes.names.get(id(node)) or _in_order(node, source)
            if name is not None and isinstance(node.this, exp.Identifier):
                node.this.set("this", name)
        elif isinstance(node, exp.TableAlias) or (isinstance(node, exp.Table) and not node.args.get("db")):
            _lower(node.this, source)
        elif isinstance(node, exp.Window) and isinstance(node.args.get("alias"), exp.Identifier):
            _lower(node.args["alias"], source)


def _lower(node: object, spec: DialectSpec) -> None:
    if isinstance(node, exp.Identifier):
        node.set("this", name_key(spec, node.name))


def _in_order(node: exp.Column, spec: DialectSpec) -> str | None:
    """The spelling of a name of the result that ORDER BY uses."""
    ordered = node.parent
    order = ordered.parent if isinstance(ordered, exp.Ordered) else None
    query = order.parent if isinstance(order, exp.Order) else None
    if not isinstance(query, exp.Query) or node.args.get("table"):
        return None
    wanted = name_key(spec, node.name)
    names = [item.alias_or_name for item in query.selects]
    return next((name for name in names if name_key(spec, name) == wanted), None)


def put_aliases_in(tree: exp.Expr, notes: Notes) -> None:
    """Writes out the items of a SELECT's list that other parts of it mean by their alias."""
    for _ in range(20):
        uses = [node for node in tree.find_all(exp.Column) if id(node) in notes.aliases]
        if not uses:
            return
        for use in uses:
            notes.aliases.discard(id(use))
            item = _aliased(use)
            if item is None or isinstance(use.parent, (exp.Group, exp.Ordered)):
                continue
            copy = item.this.copy()
            for old, new in zip(item.this.walk(), copy.walk(), strict=True):
                _carry(notes, old, new)
            simple = isinstance(copy, (exp.Column, exp.Literal, exp.Func, exp.Paren))
            use.replace(copy if simple else exp.Paren(this=copy))


def _aliased(use: exp.Column) -> exp.Alias | None:
    select = use.find_ancestor(exp.Select)
    while select is not None:
        for item in select.expressions:
            if isinstance(item, exp.Alias) and item.alias.lower() == use.name.lower():
                return None if _inside(use, item) else item
        select = select.find_ancestor(exp.Select)
    return None


def _inside(node: exp.Expr, item: exp.Expr) -> bool:
    here: exp.Expr | None = node
    while here is not None:
        if here is item:
            return True
        here = here.parent
    return False


def _carry(notes: Notes, old: exp.Expr, new: exp.Expr) -> None:
    if id(old) in notes.types:
        notes.types[id(new)] = notes.types[id(old)]
    if id(old) in notes.names:
        notes.names[id(new)] = notes.names[id(old)]
    if id(old) in notes.aliases:
        notes.aliases.add(id(new))


def pin_outputs(tree: exp.Expr, table: Table) -> None:
    """Gives each column of the result, by an alias, the name that it has in its own dialect.

    A name that the engine makes up is not known; checks ask for an alias.
    """
    select = tree
    while isinstance(select, (exp.SetOperation, exp.Subquery)):
        select = select.this
    if not isinstance(select, exp.Select):
        return
    known = not table.open and len(table.columns) == len(select.expressions)
    known = known and not any(item.is_star for item in select.expressions)
    for index, item in enumerate(list(select.expressions)):
        name = table.columns[index].name if known else item.alias_or_name
        if item.is_star or not name:
            continue
        alias = exp.Identifier(this=name, quoted=True)
        if isinstance(item, exp.Alias):
            item.set("alias", alias)
        else:
            # The item itself is kept: what is known of its parts goes by their identity.
            around = exp.Alias(alias=alias)
            item.replace(around)
            around.set("this", item)
