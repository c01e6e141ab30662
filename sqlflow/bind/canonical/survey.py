"""One walk over a query's tree for all that has to be known before its form is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from sqlflow.dialect.spec import DialectSpec


class Survey(NamedTuple):
    """What a tree holds.

    `starts` are where its nodes begin, `keys` names without a place, `unknown` the functions that sqlglot
    doesn't know, `changing` those that may give something else each time.
    """

    starts: set[int]
    keys: set[str]
    unknown: set[str]
    changing: set[str]
    samples: bool
    has_with: bool
    has_columns: bool


def children(node: exp.Expr) -> Iterator[exp.Expr]:
    """Gives the nodes below one, in no order that matters; several times as fast as sqlglot's own."""
    for given in node.args.values():
        if isinstance(given, exp.Expr):
            yield given
        elif type(given) is list:
            parts: list[object] = given
            for part in parts:
                if isinstance(part, exp.Expr):
                    yield part


def survey(tree: exp.Expr, text: str, spec: DialectSpec) -> Survey:
    """Walks a tree; without recursion, since a generated query may nest deeper than Python's stack goes."""
    starts: set[int] = set()
    keys: set[str] = set()
    unknown: set[str] = set()
    called: set[str] = set()
    kinds: set[type[exp.Expr]] = set()
    stack: list[exp.Expr] = [tree]
    while stack:
        node = stack.pop()
        kind = type(node)
        kinds.add(kind)
        meta = node._meta  # pyright: ignore[reportPrivateUsage]
        if meta and "start" in meta:
            starts.add(meta["start"])
            if kind is not exp.Identifier and isinstance(node, exp.Func):
                called.add(function_name(node, text))
        elif kind is exp.Identifier:
            keys.add(node.name)
        if kind is exp.Anonymous:
            unknown.add(str(node.this).lower())
        stack.extend(children(node))
    called |= {kind.key for kind in kinds if issubclass(kind, (exp.Rand, exp.Uuid))}
    changing = called & (spec.volatile_functions | {"rand", "uuid"}) - spec.stable_functions
    return Survey(
        starts, keys, unknown, changing, exp.TableSample in kinds, exp.With in kinds, exp.Columns in kinds
    )


def function_name(node: exp.Expr, text: str) -> str:
    """Gives the name that a function was written with, in lower case."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    meta = node._meta  # pyright: ignore[reportPrivateUsage]
    if meta and "start" in meta:
        return text[meta["start"] : meta["end"] + 1].strip('"').lower()
    return node.key


def calls_any(node: exp.Expr, names: set[str], text: str) -> bool:
    """Whether a function of the names is called anywhere in a node, or a sample taken."""
    stack: list[exp.Expr] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, exp.TableSample):
            return True
        if isinstance(here, exp.Func) and function_name(here, text) in names:
            return True
        stack.extend(children(here))
    return False
