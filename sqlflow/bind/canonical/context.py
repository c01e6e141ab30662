"""What the writing of a canonical form goes by."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from sqlglot import exp

from sqlflow.bind.canonical.apart import Apart
from sqlflow.bind.canonical.reads import Reads
from sqlflow.bind.canonical.words import Words
from sqlflow.bind.query.meanings import Kind, Meaning, Meanings
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec


class Place(NamedTuple):
    """Where something was put: how deep its query is nested, and its number in that."""

    level: int
    number: int


class Listed(NamedTuple):
    """A clause's part as it is compared, and the node that it was written from.

    `detail` has what it is made of: of a column its name and its expression, of a relation in FROM its name,
    how it is joined and on what condition.
    """

    form: str
    node: exp.Expr | None
    detail: tuple[str, ...] = ()


class Sink(Protocol):
    """Takes the clauses of each SELECT as it is written."""

    def __call__(self, node: exp.Expr, clauses: Mapping[str, list[Listed]]) -> None:
        """Takes a SELECT's clauses by their names."""
        ...


class Context:
    """The state of one writing.

    `tables` has where nodes in FROM were put, `items` those of the lists of SELECTs, `ctes` the expressions
    that are written once and read by number. `verbatim` writes the names of tables as well, which is needed
    where something is not understood that may mean them; `lacks_names` is set then. `made_up` is set where
    the engine makes up a name from the text. `exact` has the names of columns with their case. `labels`, if
    set, takes names of tables to write columns by, so that parts of two queries can be compared. `apart` is
    set where columns are written apart.
    """

    __slots__ = (
        *("apart", "by_alias", "count", "ctes", "exact", "given", "has_columns", "inlined", "is_volatile"),
        *("items", "labels", "lacks_names", "last_label", "level", "made_up", "meanings", "names_only"),
        *("open_items", "query", "reads", "relation", "sink", "spec", "spell", "tables", "text", "used"),
        *("verbatim", "words"),
    )

    def __init__(
        self,
        *,
        spec: DialectSpec,
        meanings: Meanings,
        text: str,
        words: Words,
        reads: Reads,
        relation: Callable[[exp.Table], str | None],
        spell: Callable[[str], str],
        is_volatile: Callable[[exp.Expr], bool],
        query: Callable[[exp.Expr, Context, bool], str],
        verbatim: bool,
        sink: Sink | None,
        has_columns: bool,
        apart: Apart | None = None,
    ) -> None:
        self.spec = spec
        self.meanings = meanings
        self.text = text
        self.words = words
        self.reads = reads
        self.relation = relation
        self.spell = spell
        self.is_volatile = is_volatile
        self.query = query
        self.verbatim = verbatim
        self.sink = sink
        self.has_columns = has_columns
        self.apart = apart
        # The items of lists that are being written in the place of their names.
        self.open_items: list[int] = []
        self.labels: dict[int, str] | None = {} if sink is not None else None
        # How many columns of the next query are given names by what stands around it.
        self.given = 0
        self.last_label = ""
        self.level = self.count = self.names_only = 0
        self.exact = True
        self.by_alias = self.lacks_names = self.made_up = False
        self.used: set[int] = set()
        self.tables: dict[int, Place] = {}
        self.items: dict[int, tuple[Place, exp.Expr]] = {}
        self.ctes: dict[int, Place] = {}
        self.inlined: set[int] = set()

    def mark(self, node: exp.Expr) -> str:
        """Gives the words that are lost beside a node, once it is written."""
        meta = node._meta  # pyright: ignore[reportPrivateUsage]
        start = meta.get("start") if meta else None
        if start is None:
            return ""
        self.used.add(start)
        before, after = self.words.before.get(start), self.words.after.get(start)
        if before is None and after is None:
            return ""
        return f"~[{before or ''};{after or ''}]"

    def put(self, node: exp.Expr, label: str = "") -> None:
        """Gives the next number of this query to a node in its FROM."""
        self.tables[id(node)] = Place(self.level, self.count)
        if self.labels is not None:
            own = [name for other, name in self.labels.items() if self.tables[other].level == self.level]
            taken = sum(name.partition("#")[0] == label for name in own)
            self.labels[id(node)] = f"{label}#{taken + 1}" if taken else label
            self.last_label = self.labels[id(node)]
        self.count += 1

    def key(self, name: exp.Expr) -> str:
        """Gives an identifier's name as it is looked up, quoted for the form."""
        return json.dumps(lookup_key(self.spec, name.name, bool(name.args.get("quoted"))))

    def at(self, place: Place) -> str:
        """Writes a place as it is seen from here."""
        return f"{self.level - place.level}.{place.number}"

    def column_of(self, origin: int, key: str) -> str | None:
        """Writes a column of a node in FROM; None where that was not put anywhere."""
        if origin == 0:
            return f"(result {json.dumps(key)})"
        place = self.tables.get(origin)
        if place is None:
            return None
        if self.labels is not None:
            return f"<{self.labels[origin]}>.{key}"
        made = self.apart.made_of(origin, key) if self.apart is not None else ""
        return f"^{self.at(place)}{json.dumps(key)}{made}"

    def meaning(self, node: exp.Expr) -> Meaning | None:
        """What a column's name means."""
        return self.meanings.columns.get(id(node))

    def is_same_column(self, node: exp.Expr, meaning: Meaning) -> bool:
        """Whether an item of a list is nothing but the column that a name means."""
        inner = node.unalias()
        found = self.meaning(inner) if isinstance(inner, exp.Column) else None
        if found is None or found.kind not in (Kind.COLUMN, Kind.MERGED):
            return False
        return found[:3] == meaning[:3] and meaning.used == 1
