"""Changes of a query that may change what it gives, made at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TypeAlias

import sqlglot
from sqlglot import exp

from tests.judge.world import KINDS, TABLES

Edit: TypeAlias = Callable[[exp.Expr, random.Random], bool]


def _one(tree: exp.Expr, rng: random.Random, *kinds: type[exp.Expr]) -> exp.Expr | None:
    found = list(tree.find_all(*kinds))
    return rng.choice(found) if found else None


def _literal(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Literal)
    if node is None:
        return False
    text = str(node.this)
    if not node.args.get("is_string"):
        changed = f"{int(text) + 1}" if text.isdigit() else rng.choice((f"{text}1", f"{text}0"))
        node.set("this", changed)
    else:
        node.set("this", rng.choice((text + "x", "b", text.upper())))
    return str(node.this) != text


def _filter(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Where, exp.Having, exp.Qualify)
    if node is None or isinstance(node.parent, exp.Filter):
        return False
    if isinstance(node.this, exp.And) and rng.random() < 0.7:
        node.set("this", node.this.this)
    else:
        node.pop()
    return True


def _join(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Join)
    if node is None or node.args.get("method") or not (node.args.get("on") or node.args.get("using")):
        return False
    old = node.args.get("side") or ""
    node.set("side", rng.choice([side for side in ("", "LEFT", "RIGHT", "FULL") if side != old]))
    if node.args.get("kind") in ("SEMI", "ANTI"):
        node.set("side", None)
        node.set("kind", "ANTI" if node.args["kind"] == "SEMI" else "SEMI")
    return True


def _swap_items(tree: exp.Expr, rng: random.Random) -> bool:
    select = _one(tree, rng, exp.Select)
    if select is None or len(select.expressions) < 2:
        return False
    items = list(select.expressions)
    first, second = rng.sample(range(len(items)), 2)
    items[first], items[second] = items[second], items[first]
    select.set("expressions", items)
    return True


def _swap_values(tree: exp.Expr, rng: random.Random) -> bool:
    """Two items change places, and leave their names where they were."""
    select = _one(tree, rng, exp.Select)
    items = [item for item in select.expressions if isinstance(item, exp.Alias)] if select is not None else []
    if len(items) < 2:
        return False
    first, second = rng.sample(items, 2)
    left, right = first.this, second.this
    first.set("this", right)
    second.set("this", left)
    return True


def _distinct(tree: exp.Expr, rng: random.Random) -> bool:
    select = _one(tree, rng, exp.Select)
    if select is None:
        return False
    select.set("distinct", None if select.args.get("distinct") else exp.Distinct())
    return True


def _rename(tree: exp.Expr, rng: random.Random) -> bool:
    alias = _one(tree, rng, exp.Alias)
    if alias is None:
        return False
    alias.set("alias", exp.to_identifier(rng.choice(("other", alias.alias + "x"))))
    return True


def _union(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.SetOperation)
    if node is None:
        return False
    if rng.random() < 0.5:
        node.set("distinct", not node.args.get("distinct"))
    else:
        left, right = node.this, node.args["expression"]
        node.set("this", right)
        node.set("expression", left)
    return True


_OTHERS: Mapping[type[exp.Expr], tuple[type[exp.Expr], ...]] = {
    exp.LT: (exp.LTE, exp.GT, exp.NEQ), exp.GT: (exp.GTE, exp.LT), exp.EQ: (exp.NEQ, exp.NullSafeEQ, exp.LTE),
    exp.NEQ: (exp.EQ, exp.NullSafeNEQ), exp.LTE: (exp.LT,), exp.GTE: (exp.GT,), exp.Add: (exp.Sub,),
    exp.Sub: (exp.Add,), exp.Mul: (exp.Add,), exp.And: (exp.Or,), exp.Or: (exp.And,), exp.Like: (exp.ILike,),
    exp.Sum: (exp.Max, exp.Avg), exp.Max: (exp.Min,), exp.Min: (exp.Max,), exp.Avg: (exp.Max,),
    exp.Div: (exp.IntDiv,), exp.NullSafeNEQ: (exp.NEQ,), exp.Upper: (exp.Lower,), exp.Cast: (exp.TryCast,),
}  # fmt: skip


def _operator(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, *_OTHERS)
    if node is None or type(node) not in _OTHERS:
        return False
    made = rng.choice(_OTHERS[type(node)])
    node.replace(made(**node.args))
    return True


def _swap_operands(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Sub, exp.Div, exp.DPipe, exp.LT, exp.GT, exp.LTE, exp.Mod, exp.EQ, exp.Is)
    if node is None:
        return False
    left, right = node.this, node.args["expression"]
    node.set("this", exp.Paren(this=right) if isinstance(right, exp.Binary) else right)
    node.set("expression", exp.Paren(this=left) if isinstance(left, exp.Binary) else left)
    return True


def _column(tree: exp.Expr, rng: random.Random) -> bool:
    """Another column of the same kind."""
    node = _one(tree, rng, exp.Column)
    if node is None or not isinstance(node.this, exp.Identifier):
        return False
    name = node.name.lower()
    for columns in TABLES.values():
        kinds = {column: KINDS[kind] for column, kind, _ in columns}
        others = [c for c, kind in kinds.items() if name in kinds and kind == kinds[name] and c != name]
        if others:
            node.this.set("this", rng.choice(others))
            return True
    return False


def _owner(tree: exp.Expr, rng: random.Random) -> bool:
    """A column of the same name of another table, or of the same table read twice."""
    node = _one(tree, rng, exp.Column)
    names = sorted({column.table for column in tree.find_all(exp.Column) if column.table})
    if not isinstance(node, exp.Column) or not node.table or len(names) < 2:
        return False
    other = rng.choice([name for name in names if name != node.table])
    node.args["table"].set("this", other)
    return True


def _order(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Ordered)
    if node is None:
        return False
    if rng.random() < 0.5:
        node.set("desc", not node.args.get("desc"))
    else:
        node.set("nulls_first", not node.args.get("nulls_first"))
    return True


def _limit(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Limit, exp.Offset)
    if node is None:
        return False
    node.pop()
    return True


def _negate(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Predicate, exp.Exists, exp.Is)
    if node is None or node.parent is None:
        return False
    if isinstance(node.parent, exp.Not):
        node.parent.replace(node)
    else:
        around = exp.Not()
        node.replace(around)
        around.set("this", exp.Paren(this=node))
    return True


def _type(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Cast)
    if node is None:
        return False
    old = node.args["to"].sql("duckdb")
    names = [n for n in ("INT", "BIGINT", "DOUBLE", "FLOAT", "TEXT", "DECIMAL(10, 2)", "DATE") if n != old]
    node.set("to", exp.DataType.build(rng.choice(names), dialect="duckdb"))
    return True


def _case(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Coalesce, exp.Case, exp.Between)
    if isinstance(node, exp.Coalesce) and node.expressions:
        first = node.this
        node.set("this", node.expressions[0])
        node.set("expressions", [first, *node.expressions[1:]])
        return True
    if isinstance(node, exp.Case):
        ifs = node.args["ifs"]
        if len(ifs) > 1:
            node.set("ifs", ifs[::-1])
        elif node.args.get("default") is not None:
            node.set("default", None)
        else:
            node.set("default", ifs[0].args["true"].copy())
        return True
    return False


def _group(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Group)
    if node is None or not node.expressions:
        return False
    node.set("expressions", node.expressions[:-1])
    if not node.expressions:
        node.pop()
    return True


def _window(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Window)
    if node is None:
        return False
    key = rng.choice(
        [key for key in ("partition_by", "order", "spec", "alias") if node.args.get(key)] or [""]
    )
    node.set(key or "order", None)
    return bool(key)


def _filter_of_aggregate(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Filter)
    if node is None:
        return False
    node.replace(node.this)
    return True


def _table(tree: exp.Expr, rng: random.Random) -> bool:
    node = _one(tree, rng, exp.Table)
    if node is None or node.name not in TABLES:
        return False
    node.this.set("this", rng.choice([name for name in TABLES if name != node.name]))
    return True


def _add_item(tree: exp.Expr, rng: random.Random) -> bool:
    select = _one(tree, rng, exp.Select)
    if select is None:
        return False
    items = [*select.expressions, exp.alias_(exp.Count(this=exp.Star()), "added")]
    if rng.random() < 0.5 or len(items) < 3:
        items[-1] = exp.alias_(exp.Literal.number(1), "added")
    select.set("expressions", items if rng.random() < 0.6 else items[: max(1, len(items) - 2)])
    return True


_WORDS = (
    *("NOT", "DISTINCT", "ALL", "LEFT", "RIGHT", "FULL", "ANTI", "SEMI", "NATURAL", "CROSS", "ASOF"),
    *("LATERAL", "DESC", "ASC", "NULLS FIRST", "NULLS LAST", "IS NULL", "IS NOT NULL", "IS NOT", "LIKE"),
    *("NOT LIKE", "ILIKE", "NOT IN", "SIMILAR TO", "MATERIALIZED", "NOT MATERIALIZED", "RECURSIVE"),
    *("::TEXT", "::INT", "::FLOAT", "(", ")", "-", "!", "~", "^", "//", "%", "||", "->", "->>", "*", "0"),
    *("1", "'a'", "NULL", "TRUE", "ANY", "UNION", "UNION ALL", "INTERSECT", "EXCEPT", "BY NAME", "OUTER"),
    *("INNER", "DATE", "TIMESTAMP", "INTERVAL", "ROWS", "RANGE", "GROUPS", "CURRENT ROW", "UNBOUNDED"),
    *("LIMIT 1", "OFFSET 1", "AND", "OR", "=", "IGNORE NULLS", "TRY_CAST", "CAST", "sum", "max", "count"),
    *("lower", "abs", "EXISTS", "COLLATE NOCASE", ".", "GLOB", "NOT ILIKE", "~~", "!~~", "^@"),
    *("IS NOT DISTINCT FROM", "IS DISTINCT FROM", "QUALIFY TRUE"),
)  # fmt: skip


def reworded(sql: str, rng: random.Random, is_valid: Callable[[str], bool]) -> str | None:
    """Changes words of a text, whatever they mean, until it is a query again; None where it never is."""
    tokens = sqlglot.Dialect.get_or_raise("duckdb").tokenize(sql)
    words = [sql[token.start : token.end + 1] for token in tokens]
    for _ in range(60):
        changed = list(words)
        place = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                del changed[place : place + rng.choice((1, 1, 2))]
            case 1:
                changed.insert(place, rng.choice(_WORDS))
            case 2:
                changed[place] = rng.choice(_WORDS)
            case _:
                other = min(len(changed) - 1, place + rng.choice((1, 2)))
                changed[place], changed[other] = changed[other], changed[place]
        text = " ".join(changed)
        if changed != words and is_valid(text):
            return text
    return None


EDITS: Mapping[str, Edit] = {
    "literal": _literal, "filter": _filter, "join": _join, "items swapped": _swap_items,
    "values swapped": _swap_values, "DISTINCT": _distinct, "renamed": _rename, "set operation": _union,
    "operator": _operator, "operands swapped": _swap_operands, "column": _column, "owner": _owner,
    "order": _order, "limit": _limit, "negated": _negate, "type": _type, "CASE, COALESCE": _case,
    "grouping": _group, "window": _window, "FILTER": _filter_of_aggregate, "table": _table,
    "item added or dropped": _add_item,
}  # fmt: skip
