"""Judges canonical forms over random queries: `python -m tests.judge.canonical --count 10000 --seed 1`.

Half of the pairs are two texts of one meaning: their forms have to be equal, and DuckDB's rows as well. The
others are a query and a change of it: where DuckDB gives other rows, names or types on any of several data
sets, their forms have to differ. Pair `SEED:N` is the same on every machine.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlflow.bind.canonical.form import canonical
from sqlflow.bind.query.bind import bind_tree
from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.values import Table
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.rules import load_rules
from sqlflow.dialect.specs import SPECS
from tests.judge.data import Shape
from tests.judge.edits import EDITS, reworded
from tests.judge.engine import Engine
from tests.judge.generate import random_query
from tests.judge.rewrites import REWRITES, read, respelled, text_of
from tests.judge.subject import Tables, known_table
from tests.judge.trial import Trial, world
from tests.judge.world import TABLES

_SPEC = SPECS["duckdb"]
_RULES = load_rules(_SPEC)
_SEEDS = (0, 1, 100)


# Gives the form of a query over tables whose columns are known, or not.
Form: TypeAlias = Callable[[str, bool], str]


def form_of(sql: str, known: bool = True, tables: Tables = TABLES) -> str:
    """Gives the form of a query; where the columns of tables are not `known`, tables are open."""
    dialect = sqlglot.Dialect.get_or_raise(_SPEC.name)
    tokens = dialect.tokenize(sql)
    tree = dialect.parser().parse(tokens, sql)[0]
    assert tree is not None
    bound = {lookup_key(_SPEC, name): (name, known_table(name, columns)) for name, columns in tables.items()}

    def find(table: exp.Table) -> Table | None:
        found = bound.get(lookup_key(_SPEC, table.name))
        if found is None or not known:
            return None
        return found[1]

    def relation(table: exp.Table) -> str | None:
        found = bound.get(lookup_key(_SPEC, table.name))
        return found[0] if found is not None else None

    meanings = Meanings()
    bind_tree(tree, sql, _SPEC, _RULES, find, meanings)
    # Every function that random queries call is DuckDB's own.
    return canonical(tree, tokens, sql, meanings, _SPEC, relation=relation, is_known=lambda _: True)


class Pair(NamedTuple):
    """Two texts; `changed` says how the second differs in what it says, empty for two of one meaning."""

    name: str
    first: str
    second: str
    rewrites: tuple[str, ...]
    changed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts by what came out, the kinds of change, and what has to be looked at."""

    counts: Counter[str] = field(default_factory=Counter[str])
    kinds: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])


def pairs(engine: Engine, seed: int, count: int) -> Iterator[Pair]:
    """Makes pairs of texts that both are valid, as many as asked for."""
    made = number = 0
    while made < count:
        name = f"{seed}:{number}"
        number += 1
        pair = _pair(engine, name, random.Random(f"pair {name}"))
        if pair is not None:
            made += 1
            yield pair


def _pair(engine: Engine, name: str, rng: random.Random) -> Pair | None:
    try:
        tree = read(str(random_query(name, exact=True, depth=rng.choice((1, 1, 2, 3)))))
        first = text_of(tree)
        if engine.describe(first) is None:
            return None
        tree, changed = read(first), ""
        roll = rng.random()
        if roll < 0.25:
            second = reworded(first, rng, lambda text: engine.describe(text) is not None)
            return Pair(name, first, second, (), "words") if second is not None and _is_read(second) else None
        if roll < 0.6:
            kind = rng.choice(list(EDITS))
            if not EDITS[kind](tree, rng):
                return None
            changed = kind
        done = [
            kind
            for kind in rng.sample(list(REWRITES), rng.randint(0 if changed else 1, 5))
            if REWRITES[kind](tree, rng, engine)
        ]
        second = text_of(tree)
        if not changed or rng.random() < 0.3:
            second = respelled(second, rng)
            done.append("spelling")
    except (SqlglotError, RecursionError):
        return None
    if not done and not changed:
        return None
    if engine.describe(second) is None or not _is_read(second):
        return None
    return Pair(name, first, second, tuple(done), changed)


def _is_read(sql: str) -> bool:
    try:
        sqlglot.parse_one(sql, dialect=_SPEC.name)
    except SqlglotError:
        return False
    return True


def _same_results(engine: Engine, pair: Pair, connection: object) -> str:
    """Says how two results differ, empty for not at all; `fails` where data make one of them fail."""
    if engine.describe(pair.first) != engine.describe(pair.second):
        return "names or types"
    first = Trial(TABLES, pair.first, Shape(), connection)  # pyright: ignore[reportArgumentType]
    second = Trial(TABLES, pair.second, Shape(), connection)  # pyright: ignore[reportArgumentType]
    seen = False
    for seed in _SEEDS:
        for trial in (second, first) if set(second.used) - set(first.used) else (first,):
            trial.fill(seed)
        left, right = first.result(), second.result()
        if left is None or right is None:
            continue
        seen = True
        if left != right:
            return "rows"
    return "" if seen else "fails"


def judge_forms(seed: int, count: int, form: Form = form_of) -> Outcome:
    """Judges what gives the form of a query, where the columns of tables are known and where they are not."""
    engine, connection = Engine(TABLES), world(TABLES)
    outcome = Outcome()
    for pair in pairs(engine, seed, count):
        differs = _same_results(engine, pair, connection)
        known = random.Random(pair.name).random() < 0.8
        forms = form(pair.first, known), form(pair.second, known)
        same = forms[0] == forms[1]
        what = _verdict(pair, differs, same, known=known)
        outcome.counts[what] += 1
        for kind in (pair.changed,) if pair.changed else pair.rewrites:
            outcome.kinds[f"{'changed' if pair.changed else 'same'}: {kind}"] += 1
        if what in ("UNSOUND", "NOT SEEN", "BAD REWRITE"):
            outcome.failures.append(
                f"{what} {pair.name} ({pair.changed or ', '.join(pair.rewrites)}; {differs})\n"
                f"    {pair.first}\n    {_one_line(pair.second)}\n    {_apart(*forms)}"
            )
    return outcome


def _one_line(sql: str) -> str:
    """A text without its comments and line breaks."""
    return " ".join(re.sub(r"-- so\n|/\* why \*/", " ", sql).split())


def _apart(first: str, second: str) -> str:
    """What two forms have from where they are no longer the same."""
    place = next((i for i, pair in enumerate(zip(first, second, strict=False)) if len({*pair}) > 1), 0)
    start = max(0, place - 60)
    return f"{first[start : place + 60]}\n    {second[start : place + 60]}" if first != second else first


def _verdict(pair: Pair, differs: str, same: bool, *, known: bool) -> str:
    if differs in ("rows", "names or types"):
        if same:
            return "UNSOUND"
        return "changed, told apart" if pair.changed else "BAD REWRITE"
    if same:
        return "changed to the same, equal forms" if pair.changed else "one meaning, equal forms"
    if pair.changed:
        return "changed, same results, told apart"
    # What a name means is not known where columns are not.
    return "NOT SEEN" if known else "one meaning over unknown columns, told apart"


def main() -> int:
    """Prints the figures; 1 where a form is wrong."""
    parser = argparse.ArgumentParser(description="Judges canonical forms over random queries.")
    parser.add_argument("--count", type=int, default=10_000, help="how many pairs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=10, help="how many failures to list")
    arguments = parser.parse_args()
    started = time.monotonic()
    outcome = judge_forms(arguments.seed, arguments.count)
    for counts in (outcome.counts, outcome.kinds):
        print(*(f"{count:>7}  {what}" for what, count in sorted(counts.items())), "", sep="\n")
    print(*outcome.failures[: arguments.list], sep="\n")
    print(f"\n{time.monotonic() - started:.1f} s")
    return 1 if outcome.counts["UNSOUND"] or outcome.counts["NOT SEEN"] else 0


if __name__ == "__main__":
    sys.exit(main())
