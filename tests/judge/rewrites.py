"""Other texts of a query that mean the same, made at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import Token, TokenType

from tests.judge.engine import Engine

Change: TypeAlias = Callable[[exp.Expr, random.Random, Engine], bool]
_DUCKDB = sqlglot.Dialect.get_or_raise("duckdb")
_TEXTS = (TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER)
_ENDS = (",", "FROM", ")", "WHERE", "JOIN", "GROUP BY", "ORDER BY")


class _Generator(DuckDB.Generator):
    """Writes some casts as `x::type`."""

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        if safe_prefix is None and expression.meta.get("colons"):
            return f"({self.sql(expression, 'this')})::{self.sql(expression, 'to')}"
        return super().cast_sql(expression, safe_prefix)


def read(sql: str) -> exp.Expr:
    """Parses a query, and names each item of a list that has no name of its own."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for select in tree.find_all(exp.Select):
        for number, item in enumerate(list(select.expressions)):
            plain = isinstance(item, (exp.Alias, exp.Column, exp.Star)) or item.is_star
            stars = isinstance(item, (exp.Like, exp.Glob)) and isinstance(item.this, exp.Star)
            if not plain and not stars and item.find(exp.Columns, exp.Explode, exp.Unnest) is None:
                around = exp.Alias(alias=exp.to_identifier(f"made{number}"))
                item.replace(around)
                around.set("this", item)
    return tree


def text_of(tree: exp.Expr) -> str:
    """Writes a tree."""
    return _Generator(dialect=_DUCKDB, comments=False).generate(tree)


def _chance(rng: random.Random, share: float = 0.5) -> bool:
    return rng.random() < share


def _rename_tables(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    names = {
        alias.this.name: f"x{rng.randint(10, 99)}{alias.this.name}"
        for alias in tree.find_all(exp.TableAlias)
        if isinstance(alias.parent, (exp.Table, exp.Subquery))
        and isinstance(alias.parent.this, (exp.Identifier, exp.Query))
        and isinstance(alias.this, exp.Identifier)
    }
    for alias in tree.find_all(exp.TableAlias):
        if isinstance(alias.this, exp.Identifier) and not isinstance(alias.parent, exp.CTE):
            alias.this.set("this", names.get(alias.this.name, alias.this.name))
    for column in tree.find_all(exp.Column):
        for key in ("table", "db"):
            part = column.args.get(key)
            if isinstance(part, exp.Identifier):
                part.set("this", names.get(part.name, part.name))
    return bool(names)


def _rename_ctes(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    names = {cte.alias: f"y{rng.randint(10, 99)}{cte.alias}" for cte in tree.find_all(exp.CTE)}
    for cte in tree.find_all(exp.CTE):
        cte.args["alias"].this.set("this", names[cte.alias])
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and table.name in names:
            table.this.set("this", names[table.name])
    for column in tree.find_all(exp.Column):
        if column.table in names:
            column.args["table"].set("this", names[column.table])
    return bool(names)


def _brackets(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for node in list(tree.find_all(exp.Binary, exp.Not, exp.Case, exp.In)):
        if isinstance(node, (exp.Dot, exp.PropertyEQ)) or isinstance(node.this, exp.Star):
            continue
        if isinstance(node.parent, (exp.Any, exp.Columns, exp.Pivot)):
            continue
        if node.parent is not None and _chance(rng, 0.3):
            around = exp.Paren()
            node.replace(around)
            around.set("this", node)
            changed = True
    return changed


def _joins(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for join in tree.find_all(exp.Join):
        kind, side = str(join.args.get("kind") or ""), join.args.get("side")
        if not join.args.get("method") and (join.args.get("on") or join.args.get("using")):
            if side and not kind:
                join.set("kind", "OUTER")
                changed = True
            elif not side and kind in ("", "INNER"):
                join.set("kind", "" if kind else "INNER")
                changed = True
    return changed


def _reorder(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    found = list(tree.find_all(exp.And, exp.Or))
    for node in found:
        _swap(node)
    return bool(found)


def _swap(node: exp.Expr) -> None:
    left, right = node.this, node.args["expression"]
    node.set("this", right if not isinstance(right, exp.Binary) else exp.Paren(this=right))
    node.set("expression", left if not isinstance(left, exp.Binary) else exp.Paren(this=left))


_TURNED: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ, exp.NEQ: exp.NEQ, exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE,
    exp.NullSafeEQ: exp.NullSafeEQ, exp.NullSafeNEQ: exp.NullSafeNEQ,
}  # fmt: skip


def _turn(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for node in list(tree.find_all(*_TURNED)):
        sides = (node.this, node.args["expression"])
        inside = node.find_ancestor(exp.Join)
        is_asof = inside is not None and inside.args.get("method") == "ASOF"
        if _chance(rng) or is_asof or any(isinstance(side, (exp.Any, exp.All)) for side in sides):
            continue
        left, right = (exp.Paren(this=s) if isinstance(s, (exp.Binary, exp.Not)) else s for s in sides)
        node.replace(_TURNED[type(node)](this=right, expression=left))
        changed = True
    return changed


def _own(select: exp.Select) -> Iterator[exp.Column]:
    """The columns of a SELECT itself."""
    for column in select.find_all(exp.Column):
        if column.find_ancestor(exp.Select) is select:
            yield column


def _unqualify(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for select in tree.find_all(exp.Select):
        from_ = select.args.get("from_")
        source = from_.this if from_ is not None else None
        if not isinstance(source, (exp.Table, exp.Subquery)) or select.find_ancestor(exp.Select) is not None:
            continue
        joined = (
            select.args.get("joins"),
            select.args.get("laterals"),
            *map(source.args.get, ("joins", "pivots")),
        )
        if any(joined):
            continue
        taken = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)}
        for column in list(_own(select)):
            outside = column.find_ancestor(exp.Order, exp.Distinct, exp.Lambda, exp.Comprehension, exp.Star)
            if outside is not None or isinstance(column.this, exp.Star) or column.name.lower() in taken:
                continue
            if column.table == source.alias_or_name and not column.args.get("db"):
                column.set("table", None)
                changed = True
    return changed


def _write_stars(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for select in tree.find_all(exp.Select):
        outer = select.find_ancestor(exp.Select, exp.CTE)
        listed = select.expressions
        if (
            outer is not None
            or len(listed) != 1
            or type(listed[0]) is not exp.Star
            or any(listed[0].args.values())
        ):
            continue
        asked = exp.Select(
            expressions=[exp.Star()], from_=select.args.get("from_"), joins=select.args.get("joins")
        )
        asked = asked.copy()
        root = select.root()
        if root.args.get("with_"):
            asked.set("with_", root.args["with_"].copy())
        columns = engine.describe(text_of(asked))
        names = [name.lower() for name, _ in columns or ()]
        if names and len(set(names)) == len(names):
            select.set("expressions", [exp.column(exp.to_identifier(n, quoted=True)) for n in names])
            changed = engine.describe(text_of(root)) is not None or changed
    return changed


def _subquery_to_cte(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        return False
    for number, subquery in enumerate(list(tree.find_all(exp.Subquery))):
        inside = subquery.find_ancestor(exp.CTE, exp.Lateral, exp.Pivot)
        in_from = isinstance(subquery.parent, (exp.From, exp.Join)) and isinstance(subquery.this, exp.Query)
        own = any(subquery.args.get(key) for key in ("pivots", "joins", "with_", "order", "limit"))
        if (
            inside is not None
            or not in_from
            or own
            or not subquery.alias
            or isinstance(subquery.this, exp.Subquery)
        ):
            continue
        with_ = tree.args.get("with_") or exp.With(expressions=[])
        name = f"hoisted{number}"
        body = exp.CTE(this=subquery.this, alias=exp.TableAlias(this=exp.to_identifier(name)))
        subquery.replace(exp.Table(this=exp.to_identifier(name), alias=subquery.args["alias"]))
        with_.append("expressions", body)
        tree.set("with_", with_)
        return True
    return False


def _cte_to_subquery(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    for cte in list(tree.find_all(exp.CTE)):
        reads = [table for table in tree.find_all(exp.Table) if table.name == cte.alias]
        columns = cte.args["alias"].args.get("columns")
        if len(reads) != 1 or columns or cte.args.get("materialized") is not None:
            continue
        if reads[0].find_ancestor(exp.CTE) is cte or not isinstance(cte.this, exp.Query):
            continue
        alias = reads[0].args.get("alias") or exp.TableAlias(this=exp.to_identifier(cte.alias))
        with_ = cte.parent
        assert with_ is not None
        cte.pop()
        reads[0].set("this", None)
        made = exp.Subquery(this=cte.this, alias=alias, joins=reads[0].args.get("joins"))
        made.set("pivots", reads[0].args.get("pivots"))
        reads[0].replace(made)
        if not with_.expressions:
            with_.pop()
        return True
    return False


def _casts(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for cast in tree.find_all(exp.Cast):
        if type(cast) is exp.Cast and not isinstance(cast.this, exp.Literal) and _chance(rng, 0.7):
            cast.meta["colons"] = True
            changed = True
    return changed


def _quote(tree: exp.Expr, rng: random.Random, engine: Engine) -> bool:
    changed = False
    for name in tree.find_all(exp.Identifier):
        if _chance(rng, 0.3) and isinstance(name.parent, (exp.Column, exp.TableAlias, exp.Alias, exp.Table)):
            changed = changed or not name.args.get("quoted")
            name.set("quoted", True)
    return changed


REWRITES: Mapping[str, Change] = {
    "table alias": _rename_tables, "CTE name": _rename_ctes, "brackets": _brackets, "INNER, OUTER": _joins,
    "AND, OR": _reorder, "comparison": _turn, "qualifier": _unqualify, "star": _write_stars,
    "subquery to CTE": _subquery_to_cte, "CTE to subquery": _cte_to_subquery, "cast": _casts,
    "quotes": _quote,
}  # fmt: skip


def respelled(sql: str, rng: random.Random) -> str:
    """Writes a text with other spaces, comments, case and signs, without words that may be left out."""
    tokens = _DUCKDB.tokenize(sql)
    casts: list[bool] = []
    out: list[str] = []
    for index, token in enumerate(tokens):
        text = sql[token.start : token.end + 1]
        if text == "(":
            casts.append(index > 0 and tokens[index - 1].text.upper() in ("CAST", "TRY_CAST"))
        elif text == ")" and casts:
            casts.pop()
        elif text == "<>":
            text = rng.choice(("<>", "!="))
        if (
            text.upper() == "AS"
            and not (casts and casts[-1])
            and _may_leave_out(tokens, index)
            and _chance(rng)
        ):
            continue
        out.append(_spelled(text, tokens, index, rng))
    return "".join(part + rng.choice((" ", " ", "\n", "\t ", " /* why */ ", " -- so\n")) for part in out)


def _may_leave_out(tokens: list[Token], index: int) -> bool:
    if index + 2 >= len(tokens):
        return index + 1 < len(tokens) and tokens[index + 1].token_type is TokenType.VAR
    name, after = tokens[index + 1], tokens[index + 2]
    # Some words are no aliases without AS.
    plain = name.token_type is TokenType.VAR and re.fullmatch(r"[a-z]+\d+", name.text) is not None
    return plain and after.text.upper() in _ENDS


def _spelled(text: str, tokens: list[Token], index: int, rng: random.Random) -> str:
    token = tokens[index]
    if token.token_type in _TEXTS:
        return text
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    further = tokens[index + 2].text if index + 2 < len(tokens) else ""
    last = tokens[index + 3].text if index + 3 < len(tokens) else ""
    if token.token_type is not TokenType.VAR:
        return " \n".join(text.split()) if not _chance(rng) else text.lower()
    is_qualifier = after == "." and before != "." and re.fullmatch(r"x?\d*t\d+", text) is not None
    if is_qualifier and further and last not in (".", "("):
        return text.upper() if _chance(rng, 0.3) else text
    return text
