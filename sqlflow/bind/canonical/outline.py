"""What stands in the clauses of a query, in forms that can be compared and texts that can be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from sqlflow.bind.canonical.context import Listed
from sqlflow.bind.query.functions import has_aggregate
from sqlflow.bind.query.setops import arms
from sqlflow.bind.query.values import Table
from sqlflow.dialect.spec import DialectSpec

_LIMITS = ("limit", "offset", "fetch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a clause: `form` is equal for what means the same, `text` is for people.

    `name` is a column's name, or the relation of a join; `type` that of a column of the result.
    """

    form: str
    text: str
    name: str = ""
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """The clauses of one SELECT; `combined` says whether a set operation compares its rows with others.

    `aggregated` says that its rows are made one, for want of a GROUP BY.
    """

    part: str
    columns: tuple[Part, ...]
    first: Part | None
    joins: tuple[Part, ...]
    filters: Mapping[str, tuple[Part, ...]]
    group: tuple[Part, ...]
    order: tuple[Part, ...]
    limit: Part | None
    distinct: Part | None
    other: tuple[Part, ...]
    combined: bool
    aggregated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A query: its canonical form, what it reads from outside, its SELECTs by name, its set operations."""

    form: str
    sources: tuple[str, ...]
    selects: Mapping[str, Clauses]
    operations: Mapping[str, tuple[str, ...]]


class Outliner:
    """Takes the clauses of a query's SELECTs while its form is written."""

    def __init__(self, tree: exp.Expr, table: Table, spec: DialectSpec) -> None:
        self._tree = tree
        self._table = table
        self._spec = spec
        self._taken: dict[int, tuple[exp.Expr, Mapping[str, list[Listed]]]] = {}

    def take(self, node: exp.Expr, clauses: Mapping[str, list[Listed]]) -> None:
        """Takes a SELECT's clauses; what was written before it is replaced."""
        self._taken[id(node)] = (node, clauses)

    def outline(self, form: str, sources: Sequence[str]) -> Outline:
        """Puts together what was taken."""
        selects: dict[str, Clauses] = {}
        for node, clauses in self._taken.values():
            part = _part_of(node)
            if part is not None:
                selects[part] = self._clauses(part, node, clauses)
        operations: dict[str, tuple[str, ...]] = {}
        for node in self._tree.find_all(exp.SetOperation):
            part = _part_of(node)
            outermost = not isinstance(node.parent, exp.SetOperation)
            if part is not None and outermost:
                operations[part] = tuple(_operation(o) for o, _ in arms(node) if o is not None)
        return Outline(form=form, sources=tuple(sorted(set(sources))), selects=selects, operations=operations)

    def _clauses(self, part: str, node: exp.Expr, clauses: Mapping[str, list[Listed]]) -> Clauses:
        limits = [node.args[key] for key in _LIMITS if node.args.get(key) is not None]
        limit = " ".join(self._sql(limit) for limit in limits)
        first = clauses["from"][0] if clauses["from"] else None
        columns = self._columns(part, clauses["list"])
        items = [item for item in node.expressions if not item.is_star]
        return Clauses(
            part=part,
            columns=columns,
            first=self._part(first, first.detail[0]) if first is not None else None,
            joins=tuple(self._part(join, join.detail[0]) for join in clauses["join"]),
            filters={word: self._parts(clauses[word]) for word in ("where", "having", "qualify")},
            group=self._keys(clauses["group"], columns),
            order=self._keys(clauses["order"], columns),
            limit=Part(form=limit, text=limit) if limit else None,
            distinct=next(iter(self._parts(clauses["distinct"])), None),
            other=self._parts([*clauses["windows"], *clauses["rest"]]),
            combined=_is_compared(node),
            aggregated=node.args.get("group") is None and any(has_aggregate(item) for item in items),
        )

    def _columns(self, part: str, listed: Sequence[Listed]) -> tuple[Part, ...]:
        types = [str(c.value.type) if c.value.type is not None else None for c in self._table.columns]
        # The columns of the result are those of the query itself.
        typed = part in ("", "[1]") and not self._table.open and len(types) == len(listed)
        found: list[Part] = []
        counts: Counter[str] = Counter()
        for place, item in enumerate(listed):
            name, form = item.detail if len(item.detail) == 2 else ("", item.form)
            name = name or f"column {place + 1}"
            counts[name] += 1
            name = name if counts[name] == 1 else f"{name} ({counts[name]})"
            inner = item.node.unalias() if item.node is not None else None
            text = self._sql(inner) if inner is not None and not inner.is_star else form
            found.append(
                Part(
                    form=form,
                    text=text,
                    name=name,
                    type=types[place] if typed else None,
                )
            )
        return tuple(found)

    def _keys(self, listed: Sequence[Listed], columns: Sequence[Part]) -> tuple[Part, ...]:
        """The keys of GROUP BY and ORDER BY, where they name a place in the list, as what stands there."""
        found: list[Part] = []
        for key in listed:
            place, _, more = key.form.removeprefix("(by ").partition(" ")
            place = place.rstrip(")")
            form, text = key.form, self._sql(key.node) if key.node is not None else key.form
            index = int(place[1:]) if place[:1] == "@" and place[1:].isdecimal() else len(columns)
            if index < len(columns):
                form = f"{columns[index].form} {more}"
                text = columns[index].text + (" DESC" if more.startswith("desc") else "")
            found.append(Part(form=form, text=text))
        return tuple(found)

    def _parts(self, listed: Sequence[Listed]) -> tuple[Part, ...]:
        return tuple(self._part(part) for part in listed)

    def _part(self, listed: Listed, name: str = "") -> Part:
        form = " ".join((f"<{name}>", *listed.detail[1:])) if name else listed.form
        text = self._sql(listed.node) if listed.node is not None else listed.form
        return Part(form=form, text=text, name=name)

    def _sql(self, node: exp.Expr) -> str:
        try:
            return node.sql(dialect=self._spec.name, comments=False)
        except RecursionError:
            return "..."  # nobody reads what nests as deeply


def _operation(node: exp.SetOperation) -> str:
    every = "" if node.args.get("distinct") else " ALL"
    return node.key.upper() + every + (" BY NAME" if node.args.get("by_name") else "")


def _is_compared(node: exp.Expr) -> bool:
    """Whether a set operation looks at whole rows of a query."""
    here = node.parent
    while isinstance(here, (exp.Subquery, exp.SetOperation)) and not here.args.get("alias"):
        if isinstance(here, exp.SetOperation) and not (
            isinstance(here, exp.Union) and not here.args.get("distinct")
        ):
            return True
        here = here.parent
    return False


def _part_of(node: exp.Expr) -> str | None:
    """The names of what a query stands in, and the arm that it is; None within an expression."""
    names: list[str] = []
    child, here = node, node.parent
    while here is not None:
        if isinstance(here, exp.SetOperation):
            if not isinstance(here.parent, exp.SetOperation) and not isinstance(node, exp.SetOperation):
                names.insert(0, f"[{_arm(here, node)}]")
        elif isinstance(here, (exp.CTE, exp.Subquery)):
            if here.alias:
                names.insert(0, here.alias)
        elif isinstance(here, exp.Select):
            if not isinstance(child, (exp.With, exp.From, exp.Join, exp.Lateral)):
                return None
        elif not isinstance(here, (exp.With, exp.From, exp.Join, exp.Lateral, exp.Table)):
            return None
        child, here = here, here.parent
    return ".".join(names).replace(".[", "[")


def _arm(around: exp.SetOperation, node: exp.Expr) -> int:
    """Which arm of a chain of set operations holds a query."""
    above: set[int] = set()
    here: exp.Expr | None = node
    while here is not None and here is not around:
        above.add(id(here))
        here = here.parent
    return next((place for place, (_, arm) in enumerate(arms(around), 1) if id(arm) in above), 0)
