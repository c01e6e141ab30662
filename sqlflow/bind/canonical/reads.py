"""Which common table expression each name in a query's FROM means, and how often each is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlglot import exp

from sqlflow.bind.canonical.survey import children
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec


class Reads:
    """Common table expressions by the identity of nodes.

    `of` has the expression that a table's name means; `counts` how often each is read, not counting what
    a recursive one reads of itself, nor what an expression reads that nothing reads itself; `recursive`
    those that read themselves. `unclear` is set where a name could be one that is written further on.
    """

    def __init__(self) -> None:
        self.of: dict[int, exp.Expr] = {}
        self.counts: dict[int, int] = {}
        self.recursive: set[int] = set()
        self.unclear = False


def find_reads(tree: exp.Expr, spec: DialectSpec) -> Reads:
    """Resolves the names of common table expressions by the rules that binding goes by."""
    found = Reads()
    reads: list[tuple[int, frozenset[int]]] = []
    writing: set[int] = set()
    # What a place sees, and the expressions that it stands in.
    stack: list[tuple[exp.Expr, Mapping[str, exp.Expr], frozenset[int]]] = [(tree, {}, frozenset())]
    while stack:
        here, visible, inside = stack.pop()
        with_ = here.args.get("with_")
        if isinstance(with_, exp.With):
            visible = _with(with_, visible, inside, stack, found, spec)
        if isinstance(here, exp.Table) and not here.args.get("db") and isinstance(here.this, exp.Identifier):
            cte = visible.get(_key(here.this, spec))
            if cte is not None:
                found.of[id(here)] = cte
                if id(cte) in inside:
                    found.recursive.add(id(cte))
                else:
                    reads.append((id(cte), inside))
        elif isinstance(here, exp.CTE) and not isinstance(here.this, (exp.Query, exp.Values)):
            writing.add(id(here))
        stack.extend([(child, visible, inside) for child in children(here) if child is not with_])
    found.counts = _counted(reads, writing)
    return found


def _counted(reads: Sequence[tuple[int, frozenset[int]]], writing: set[int]) -> dict[int, int]:
    """How often each is read from what is read itself; one that writes is always run."""
    live = {cte for cte, _ in reads} | writing
    while True:
        counts = Counter(cte for cte, inside in reads if inside <= live)
        if counts.keys() | writing == live:
            return dict(counts)
        live = counts.keys() | writing


def _with(
    with_: exp.Expr,
    outer: Mapping[str, exp.Expr],
    inside: frozenset[int],
    stack: list[tuple[exp.Expr, Mapping[str, exp.Expr], frozenset[int]]],
    found: Reads,
    spec: DialectSpec,
) -> Mapping[str, exp.Expr]:
    """Puts the bodies of a WITH on the stack, each with what it sees; gives what the query behind it sees."""
    recursive = bool(with_.args.get("recursive"))
    visible = dict(outer)
    for place, cte in enumerate(with_.expressions):
        key = _key(cte.args["alias"].this, spec)
        own = {**visible, key: cte} if recursive else dict(visible)
        if recursive and len(with_.expressions) > 1:
            later = {_key(other.args["alias"].this, spec) for other in with_.expressions[place + 1 :]}
            names = {
                _key(t.this, spec) for t in cte.find_all(exp.Table) if isinstance(t.this, exp.Identifier)
            }
            found.unclear = found.unclear or bool(later & names)
        stack.append((cte, own, inside | {id(cte)}))
        visible[key] = cte
    return visible


def _key(name: exp.Expr, spec: DialectSpec) -> str:
    return lookup_key(spec, name.name, bool(name.args.get("quoted")))
